"""From a post to its candidates and what speaks for each: the rows that a ranker ranks."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np

from tagfinder.errors import InputError
from tagfinder.live import evidence
from tagfinder.live.candidates import Trends, candidates
from tagfinder.live.evidence import VOTE_NAMES, Question
from tagfinder.live.memory import NOBODY, Memory
from tagfinder.live.text_index import Neighbours

PARTS = ("words", "author", "meaning", "classifier", "trends", "spelling", "typed")
"""What can be left out: neighbours by words; the author, and authors like them; neighbours by
vectors; a classifier of the hashtags in use; what is used when; hashtags that the words spell;
hashtags beside typed ones."""

# What an author's own posts say: likeness and sameness of authors are no question there.
OWN_VOTES = VOTE_NAMES[: VOTE_NAMES.index("lately")]
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
class Found:
    """What is gathered once for all candidates of a post.

    Attributes:
        memory: what is known.
        trends: what is used now.
        question: the post.
        likeness: (A,) how much each author is like the asking one.
        by_words: (C, V) votes of posts with the same words.
        by_author: (C, V) votes of posts of the same author.
        by_meaning: (C, V) votes of posts with near vectors.
        lately_by_words: (C, V) votes of posts of the last days with the same words.
        lately_by_meaning: (C, V) votes of posts of the last days with near vectors.
        own: (C,) rows of the author's uses, -1 where there are none.
    """

    memory: Memory
    trends: Trends
    question: Question
    likeness: np.ndarray
    by_words: np.ndarray
    by_author: np.ndarray
    by_meaning: np.ndarray
    lately_by_words: np.ndarray
    lately_by_meaning: np.ndarray
    own: np.ndarray

    def only(self, places: np.ndarray) -> Found:
        """Return the same for some of the candidates."""
        lately = ("lately_by_words", "lately_by_meaning")
        names = ("by_words", "by_author", "by_meaning", *lately, "own")
        return replace(self, **{name: getattr(self, name)[places] for name in names})


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
    gather: Callable[[Found, np.ndarray], np.ndarray]


GROUPS = (
    Group("words_", VOTE_NAMES, "words", lambda f, c: f.by_words),
    Group(
        *("", evidence.ASSOCIATION_NAMES, "words"),
        lambda f, c: evidence.of_associations(f.memory, c, f.question),
    ),
    Group("lately_words_", OWN_VOTES, "words", lambda f, c: f.lately_by_words[:, : len(OWN_VOTES)]),
    Group("own_words_", OWN_VOTES, "author", lambda f, c: f.by_author[:, : len(OWN_VOTES)]),
    Group("meaning_", VOTE_NAMES, "meaning", lambda f, c: f.by_meaning),
    Group(
        *("lately_meaning_", OWN_VOTES, "meaning"),
        lambda f, c: f.lately_by_meaning[:, : len(OWN_VOTES)],
    ),
    Group(
        *("", evidence.CLASS_NAMES, "classifier"),
        lambda f, c: evidence.of_classifier(c, f.question),
    ),
    Group(
        *("", evidence.HASHTAG_NAMES, "trends"),
        lambda f, c: evidence.of_hashtags(
            f.memory, c, f.question, f.trends.uses_last_year(f.question.day)
        ),
    ),
    Group(
        *("", evidence.AUTHOR_NAMES, "author"),
        lambda f, c: evidence.of_author(f.memory, c, f.question, f.likeness, f.own),
    ),
    Group(
        *("", evidence.WORD_NAMES, "spelling"),
        lambda f, c: evidence.of_words(f.memory, c, f.question),
    ),
    Group(
        *("", evidence.TYPED_NAMES, "typed"),
        lambda f, c: evidence.of_typed(f.memory, c, f.question),
    ),
    Group("", evidence.POST_NAMES, None, lambda f, c: evidence.of_post(f.question, len(c))),
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


def rows_of(
    memory: Memory, trends: Trends, question: Question, parts: Collection[str], most: int
) -> Rows:
    """Gather the candidates of a post and what speaks for each.

    Args:
        memory: what is known.
        trends: what is used now.
        question: the post, with its neighbours.
        parts: which sources are used.
        most: candidates that are kept.
    """
    if question.author == NOBODY:
        likeness = evidence.likely_authors(memory, question.by_words)
    else:
        likeness = evidence.author_likeness(memory, question.author)
    considered = candidates(memory, trends, question, likeness, parts)

    def votes_of(neighbours: Neighbours) -> np.ndarray:
        votes = evidence.votes(memory, neighbours, question, likeness)
        return evidence.spread(votes, considered)

    found = Found(
        memory,
        trends,
        question,
        likeness,
        by_words=votes_of(question.by_words),
        by_author=votes_of(question.by_author),
        by_meaning=votes_of(question.by_meaning),
        lately_by_words=votes_of(question.lately_by_words),
        lately_by_meaning=votes_of(question.lately_by_meaning),
        own=evidence.own_rows(memory, considered, question.author),
    )
    if len(considered) > most:
        kept = _shortlist(found, considered, most)
        considered, found = considered[kept], found.only(kept)
    columns = [group.gather(found, considered) for group in groups_of(parts)]
    return Rows(considered, np.concatenate(columns, axis=1))


def _shortlist(found: Found, considered: np.ndarray, most: int) -> np.ndarray:
    """Return the places of the candidates that stand highest in any source, ascending.

    Reciprocal ranks, summed (Cormack et al., 2009).
    """
    memory, question = found.memory, found.question
    cubes, like_authors = (VOTE_NAMES.index(name) for name in ("cubes", "like_authors"))
    strengths = [
        *(table[:, cubes] for table in (found.by_words, found.by_author, found.by_meaning)),
        *(table[:, cubes] for table in (found.lately_by_words, found.lately_by_meaning)),
        found.by_words[:, like_authors],
        memory.uses.read(considered, question.day, slice(1, 2))[:, 0],
        evidence.spelled_words(considered, question),
        np.nan_to_num(evidence.of_classifier(considered, question)[:, 1]),
    ]
    own = np.flatnonzero(found.own >= 0)
    if len(own):
        uses = np.zeros((len(considered), 2))
        uses[own] = memory.pair_uses.read(found.own[own], question.day, slice(1, 3))
        strengths += list(uses.T)
    total = np.zeros(len(considered))
    for strength in strengths:
        there = np.flatnonzero(strength > 0)
        ranked = there[np.argsort(-strength[there], kind="stable")]
        total[ranked] += 1 / (RANK_OFFSET + np.arange(len(ranked)))
    return np.sort(np.argsort(-total, kind="stable")[:most])
