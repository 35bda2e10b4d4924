"""From a post to its candidates and what speaks for each: the rows that a ranker ranks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np

from tagfinder.errors import InputError
from tagfinder.live import evidence
from tagfinder.live.candidates import Trends, candidates
from tagfinder.live.evidence import FEW_VOTES, VOTE_NAMES, Question
from tagfinder.live.memory import NOBODY, Memory

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
class Found:
    """What is gathered once for all candidates of a post.

    Attributes:
        memory: what is known.
        trends: what is used now.
        question: the post.
        likeness: (A,) how much each author is like the asking one.
        votes: for each of `VOTERS` (C, V) what its neighbours say.
        own: (C,) rows of the author's uses, -1 where there are none.
    """

    memory: Memory
    trends: Trends
    question: Question
    likeness: np.ndarray
    votes: Mapping[str, np.ndarray]
    own: np.ndarray


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
    Group("words_", VOTE_NAMES, "words", lambda f, c: f.votes["by_words"]),
    Group(
        *("", evidence.ASSOCIATION_NAMES, "words"),
        lambda f, c: evidence.of_associations(f.memory, c, f.question),
    ),
    Group("lately_words_", FEW_VOTES, "words", lambda f, c: f.votes["lately_by_words"]),
    Group("own_words_", FEW_VOTES, "author", lambda f, c: f.votes["by_author"]),
    Group("meaning_", VOTE_NAMES, "meaning", lambda f, c: f.votes["by_meaning"]),
    Group("lately_meaning_", FEW_VOTES, "meaning", lambda f, c: f.votes["lately_by_meaning"]),
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


def rows_of(trends: Trends, question: Question, parts: Collection[str], most: int) -> Rows:
    """Gather the candidates of a post and what speaks for each.

    Args:
        trends: what is used now, of all that is known.
        question: the post, with its neighbours.
        parts: which sources are used.
        most: candidates that are kept.
    """
    memory = trends.memory
    if question.author == NOBODY and "author" in parts:
        likeness = evidence.likely_authors(memory, question.by_words)
    else:
        likeness = evidence.author_likeness(memory, question.author)
    votes = {
        voters: evidence.votes(memory, getattr(question, voters), question, likeness, names)
        for voters, names in VOTERS.items()
    }
    voted = [of_voters.hashtags for of_voters in votes.values()]
    considered = candidates(trends, question, likeness, voted, parts)
    own = evidence.own_rows(memory, considered, question.author)
    if len(considered) > most:
        kept = _shortlist(memory, question, votes, considered, own)[:most]
        considered, own = considered[np.sort(kept)], own[np.sort(kept)]
    tables = {voters: evidence.spread(of_voters, considered) for voters, of_voters in votes.items()}
    found = Found(memory, trends, question, likeness, tables, own)
    columns = [group.gather(found, considered) for group in groups_of(parts)]
    return Rows(considered, np.concatenate(columns, axis=1))


def _shortlist(
    memory: Memory,
    question: Question,
    votes: Mapping[str, evidence.Votes],
    considered: np.ndarray,
    own: np.ndarray,
) -> np.ndarray:
    """Return the places of the candidates, those first that stand highest in any source.

    Reciprocal ranks, summed (Cormack et al., 2009).
    """
    total = np.zeros(len(considered))

    def rank(places: np.ndarray, strength: np.ndarray) -> None:
        there = strength > 0
        ranked = places[there][np.argsort(-strength[there], kind="stable")]
        total[ranked] += 1 / (RANK_OFFSET + np.arange(len(ranked)))

    for voters, of_voters in votes.items():
        # Typed and forgotten hashtags have votes but are no candidates.
        places, there = evidence.places_among(considered, of_voters.hashtags)
        table = of_voters.table[there]
        rank(places[there], table[:, VOTE_NAMES.index("cubes")])
        if voters == "by_words":
            rank(places[there], table[:, VOTE_NAMES.index("like_authors")])
    everywhere = np.arange(len(considered))
    rank(everywhere, memory.uses.read(considered, question.day, slice(1, 2))[:, 0])
    rank(everywhere, evidence.spelled_words(considered, question))
    rank(everywhere, evidence.class_logs(considered, question) - evidence.LEAST_LOG)
    used = np.flatnonzero(own >= 0)
    if len(used):
        for uses in memory.pair_uses.read(own[used], question.day, slice(1, 3)).T:
            rank(used, uses)
    return np.argsort(-total, kind="stable")
