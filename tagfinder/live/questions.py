"""From a post to its candidates and what speaks for each: the rows that a ranker ranks."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from tagfinder.errors import InputError
from tagfinder.live import evidence
from tagfinder.live.asking import Asking, Question, asker_of, habits_of
from tagfinder.live.candidates import Trends, candidates
from tagfinder.live.compiled import compiled
from tagfinder.live.evidence import Found, found_of
from tagfinder.live.text_index import Neighbours
from tagfinder.live.votes import CUBES, FEW_VOTES, LIKE_AUTHORS, VOTE_NAMES

PARTS = ("words", "author", "meaning", "classifier", "trends", "spelling", "typed")
"""What can be left out: neighbours by words; the author, and authors like them; neighbours by
vectors; a classifier of the hashtags in use; what is used when; hashtags that the words spell;
hashtags beside typed ones."""

# Neighbours that vote, by their names in a question, and what is asked of them.
VOTERS = {
    "by_words": VOTE_NAMES,
    "by_author": FEW_VOTES,
    "by_meaning": VOTE_NAMES,
    "lately_by_words": FEW_VOTES,
    "lately_by_meaning": FEW_VOTES,
}
# How much less a source's second candidate counts than its first, in a shortlist.
RANK_OFFSET = 3


@dataclass(frozen=True)
class Rows:
    """The candidates of one post.

    Attributes:
        hashtags: (C,) int64 hashtag numbers, ascending.
        evidence: (C, F) float32, a column for each of `column_names`.
    """

    hashtags: np.ndarray
    evidence: np.ndarray


@dataclass(frozen=True)
class Group:
    """Columns of evidence that belong together.

    Attributes:
        prefix: what their names begin with.
        names: their names.
        part: the part that they are left out with; None for those that stay.
        gather: makes the (C, F) table of candidates.
    """

    prefix: str
    names: tuple[str, ...]
    part: str | None
    gather: Callable[[Found], np.ndarray]


def _votes_of(prefix: str, part: str, voters: str) -> Group:
    group, names = list(VOTERS).index(voters), VOTERS[voters]
    return Group(prefix, names, part, lambda found: found.votes[group, :, : len(names)])


GROUPS = (
    _votes_of("words_", "words", "by_words"),
    Group("", evidence.ASSOCIATION_NAMES, "words", evidence.of_associations),
    _votes_of("lately_words_", "words", "lately_by_words"),
    _votes_of("own_words_", "author", "by_author"),
    _votes_of("meaning_", "meaning", "by_meaning"),
    _votes_of("lately_meaning_", "meaning", "lately_by_meaning"),
    Group("", evidence.CLASS_NAMES, "classifier", evidence.of_classifier),
    Group("", evidence.HASHTAG_NAMES, "trends", evidence.of_hashtags),
    Group("", evidence.AUTHOR_NAMES, "author", evidence.of_author),
    Group("", evidence.WORD_NAMES, "spelling", evidence.of_words),
    Group("", evidence.TYPED_NAMES, "typed", evidence.of_typed),
    Group("", evidence.POST_NAMES, None, evidence.of_post),
)


def check_parts(parts: Collection[str]) -> None:
    """Refuse unknown names of parts.

    Raises:
        InputError: names the unknown one and those that there are.
    """
    for part in parts:
        if part not in PARTS:
            raise InputError(f"model.parts has '{part}'; choose from {', '.join(PARTS)}")


def groups_of(parts: Collection[str]) -> list[Group]:
    """Return the groups of evidence that some parts make, in order."""
    return [group for group in GROUPS if group.part is None or group.part in parts]


def column_names(parts: Collection[str]) -> list[str]:
    """Return the names of the evidence's columns, in order."""
    return [group.prefix + name for group in groups_of(parts) for name in group.names]


def rows_of(trends: Trends, question: Question, parts: Collection[str], most: int) -> Rows:
    """Gather the candidates of a post and what speaks for each.

    Args:
        trends: what is used now, of all that is known.
        question: the post, with its neighbours.
        parts: which sources are used.
        most: candidates that are kept.
    """
    memory = trends.memory
    habits = habits_of(memory, question.author)
    asker = asker_of(memory, question, habits, with_likely="author" in parts)
    asking = Asking(memory, question, asker, habits, trends.uses_last_year(question.day))
    voters: list[Neighbours] = [getattr(question, name) for name in VOTERS]
    voted, _ = memory.hashtags_at(np.concatenate([group.numbers for group in voters]))
    found = found_of(asking, candidates(trends, asking, voted, parts), voters)
    if len(found.hashtags) > most:
        found = found.only(np.sort(_shortlist(_strengths(found))[:most]))
    columns = [group.gather(found) for group in groups_of(parts)]
    return Rows(found.hashtags, np.concatenate(columns, axis=1))


def _strengths(found: Found) -> np.ndarray:
    """Return (S, C) how strongly each source puts candidates forward, 0 where it does not."""
    like_authors = found.votes[list(VOTERS).index("by_words"), :, LIKE_AUTHORS]
    shares = found.class_logs - evidence.LEAST_LOG
    of_one_column = np.stack([like_authors, found.uses[:, 1], found.spelled, shares])
    return np.concatenate([found.votes[:, :, CUBES], of_one_column, found.own_uses[:, 1:].T])


@compiled
def _shortlist(strengths: np.ndarray) -> np.ndarray:
    """Return (C,) places of candidates, those first that stand highest in any source.

    Reciprocal ranks, summed (Cormack et al., 2009).

    Args:
        strengths: (S, C), see `_strengths`.
    """
    total = np.zeros(strengths.shape[1])
    for of_source in strengths:
        # Most sources put few forward.
        there = np.flatnonzero(of_source > 0)
        # Merge sort is the stable one.
        order = there[np.argsort(-of_source[there], kind="mergesort")]
        for rank in range(len(order)):
            total[order[rank]] += 1 / (RANK_OFFSET + rank)
    return np.argsort(-total, kind="mergesort")
