"""From a post to its candidates and what speaks for each: the rows that a ranker ranks."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from tagfinder.errors import InputError
from tagfinder.live import evidence
from tagfinder.live.candidates import Trends, candidates
from tagfinder.live.evidence import VOTE_NAMES, Question, Votes
from tagfinder.live.memory import Memory

PARTS = ("words", "author", "meaning", "trends", "spelling", "typed")
"""What can be left out: neighbours by words; the author, and authors like them; neighbours by
vectors; what is used when; hashtags that the words spell; hashtags beside typed ones."""

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
    """What is gathered once for all candidates of a post."""

    memory: Memory
    trends: Trends
    question: Question
    likeness: np.ndarray
    by_words: Votes
    by_author: Votes
    by_meaning: Votes


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


def _own_votes(found: Found, hashtags: np.ndarray) -> np.ndarray:
    return evidence.spread(found.by_author, hashtags)[:, : len(OWN_VOTES)]


GROUPS = (
    Group("words_", VOTE_NAMES, "words", lambda f, c: evidence.spread(f.by_words, c)),
    Group(
        *("", evidence.ASSOCIATION_NAMES, "words"),
        lambda f, c: evidence.of_associations(f.memory, c, f.question),
    ),
    Group("own_words_", OWN_VOTES, "author", _own_votes),
    Group("meaning_", VOTE_NAMES, "meaning", lambda f, c: evidence.spread(f.by_meaning, c)),
    Group(
        *("", evidence.HASHTAG_NAMES, "trends"),
        lambda f, c: evidence.of_hashtags(
            f.memory, c, f.question, f.trends.uses_last_year(f.question.day)
        ),
    ),
    Group(
        *("", evidence.AUTHOR_NAMES, "author"),
        lambda f, c: evidence.of_author(f.memory, c, f.question, f.likeness),
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
    likeness = evidence.author_likeness(memory, question.author)
    by_words, by_author, by_meaning = (
        evidence.votes(memory, neighbours, question, likeness)
        for neighbours in (question.by_words, question.by_author, question.by_meaning)
    )
    found = Found(memory, trends, question, likeness, by_words, by_author, by_meaning)
    considered = candidates(memory, trends, question, likeness, parts)
    if len(considered) > most:
        considered = _shortlist(found, considered, most)
    tables = [group.gather(found, considered) for group in groups_of(parts)]
    return Rows(considered, np.concatenate(tables, axis=1))


def _shortlist(found: Found, considered: np.ndarray, most: int) -> np.ndarray:
    """Keep the candidates that stand highest in any source (reciprocal ranks, summed)."""
    memory, question = found.memory, found.question
    strengths: list[np.ndarray] = []
    for votes, name in (
        (found.by_words, "cubes"),
        (found.by_words, "like_authors"),
        (found.by_author, "cubes"),
        (found.by_meaning, "cubes"),
    ):
        if len(votes.hashtags):
            strengths.append(evidence.spread(votes, considered)[:, VOTE_NAMES.index(name)])
    strengths.append(memory.uses.read(considered, question.day)[:, 1])
    strengths.append(evidence.spelled_words(considered, question))
    own = evidence.own_rows(memory, considered, question.author)
    if (own >= 0).any():
        uses = memory.pair_uses.read(np.maximum(own, 0), question.day) * (own >= 0)[:, None]
        strengths += [uses[:, 1], uses[:, 2]]
    total = np.zeros(len(considered))
    for strength in strengths:
        ranks = np.empty(len(considered))
        ranks[np.argsort(-strength, kind="stable")] = np.arange(len(considered))
        total += (strength > 0) / (RANK_OFFSET + ranks)
    return np.sort(considered[np.argsort(-total, kind="stable")[:most]])
