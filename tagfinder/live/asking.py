"""A post whose hashtags are asked for, and what is known around it whatever the candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tagfinder.live.classifier import UNCLASSIFIED, Classified
from tagfinder.live.compiled import compiled
from tagfinder.live.memory import NOBODY, HashtagColumns, Memory, PostColumns
from tagfinder.live.places import distinct
from tagfinder.live.text_index import Neighbours

# Authors like the asking one whose posts are looked at.
ALIKE = 20
NOTHING = Neighbours(np.empty(0, np.int64), np.empty(0, np.float32))


@dataclass(frozen=True)
class Question:
    """A post whose hashtags are asked for, and what was found for it.

    Attributes:
        day: the moment of asking, in days since 1970.
        author: number of its author, or `NOBODY`.
        words: its words in order.
        terms: those of them by which posts are found.
        spelled: numbers of hashtags that its words spell -> number of words.
        typed: numbers of hashtags that it has already.
        by_words: posts with the same words.
        by_author: posts of the same author with the same words.
        by_meaning: posts whose vectors are near, with cosines as scores.
        lately_by_words: posts of the last days with the same words.
        lately_by_meaning: posts of the last days whose vectors are near.
        vector: (E,) of the text; None without an encoder.
        classified: what the classifier says of hashtags.
        writers: what the classifier of authors says, where the author is unknown.
    """

    day: float
    author: int
    words: Sequence[str]
    terms: Sequence[str]
    spelled: dict[int, int]
    typed: tuple[int, ...] = ()
    by_words: Neighbours = NOTHING
    by_author: Neighbours = NOTHING
    by_meaning: Neighbours = NOTHING
    lately_by_words: Neighbours = NOTHING
    lately_by_meaning: Neighbours = NOTHING
    vector: np.ndarray | None = None
    classified: Classified = UNCLASSIFIED
    writers: Classified = UNCLASSIFIED


@dataclass(frozen=True)
class Habits:
    """What an author uses; empty where nobody is known.

    Attributes:
        latest: (M,) int32 hashtags of the latest posts.
        posts: (M,) int64 in which of the latest posts each stands; the newest is 0.
        used: (U,) int32 every hashtag that was ever used, in any order.
        rows: (U,) int64 where its uses by the author are counted.
    """

    latest: np.ndarray
    posts: np.ndarray
    used: np.ndarray
    rows: np.ndarray


def habits_of(memory: Memory, author: int) -> Habits:
    """Return what an author uses."""
    if not 0 <= author < len(memory.authors):
        nothing = np.empty(0, np.int64)
        return Habits(nothing, nothing, nothing, nothing)
    latest = memory.author_latest.values[author]
    return Habits(*memory.hashtags_at(latest[latest >= 0]), *memory.pairs_of(author))


# Who asks, as compiled loops read it (a plain tuple, see `PostColumns`); what `asker_of` returns.
Asker = tuple[int, float, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Asking:
    """A post, and what is known around it whatever the candidates.

    Attributes:
        memory: what is known.
        question: the post.
        asker: who asks, see `asker_of`.
        habits: what the asking author uses.
        last_year: hashtags of the same days of the year before, ascending, and their posts.
    """

    memory: Memory
    question: Question
    asker: Asker
    habits: Habits
    last_year: tuple[np.ndarray, np.ndarray]


def asker_of(memory: Memory, question: Question, habits: Habits, *, with_likely: bool) -> Asker:
    """Return who asks.

    Args:
        memory: what is known.
        question: the post.
        habits: what its author uses.
        with_likely: where nobody is known, take who may have written the post.

    Returns:
        The author's number or `NOBODY`; the day; (A,) float32 how much each author is like this
        one, or, where nobody is known, how likely each has written the post; and (N,) int64 the
        authors most like this one, the most like first, who is not among them.
    """
    author = question.author
    if author == NOBODY and with_likely:
        likeness = likely_authors(memory, question)
    else:
        likeness = author_likeness(memory, author, habits)
    others = likeness.copy()
    if author != NOBODY:
        others[author] = 0
    alike = np.arange(len(others))
    if len(others) > ALIKE:
        alike = np.argpartition(-others, ALIKE)[:ALIKE]
    alike = alike[np.argsort(-others[alike], kind="stable")]
    return author, question.day, likeness, alike[others[alike] > 0]


def author_likeness(memory: Memory, author: int, habits: Habits) -> np.ndarray:
    """Return (A,) float32: who lately used what an author used, one for the author's own.

    Among the latest users of the author's own latest hashtags, each use counts by how few others
    the hashtag has; the sum is taken relative to the largest.

    Args:
        memory: what is known.
        author: who asks; with `NOBODY` nobody is like.
        habits: what the author uses.
    """
    likeness = np.zeros(max(len(memory.authors), 1), np.float32)
    if author == NOBODY or author >= len(memory.authors):
        return likeness
    latest = distinct(habits.latest)
    _add_users(likeness, latest, memory.hashtag_columns(), memory.post_columns(), author)
    likeness[author] = 1
    return likeness


@compiled
def is_of_another(use: int, authors: np.ndarray, asking_author: int) -> bool:
    """Return whether a post (-1 where there is none) has a known author who does not ask."""
    return use >= 0 and authors[use] not in (NOBODY, asking_author)


@compiled
def _add_users(
    likeness: np.ndarray,
    latest: np.ndarray,
    hashtags: HashtagColumns,
    posts: PostColumns,
    asking_author: int,
) -> None:
    _, users, _, _, latest_uses, _ = hashtags
    _, authors, _, _ = posts
    for hashtag in latest:
        rarity = 1 / np.log2(2.0 + users[hashtag])
        for use in latest_uses[hashtag]:
            if is_of_another(use, authors, asking_author):
                likeness[authors[use]] += rarity
    most = likeness.max()
    if most > 0:
        likeness /= most


def likely_authors(memory: Memory, question: Question) -> np.ndarray:
    """Return (A,) float32: how likely each author has written a text whose author is unknown.

    Half of it is what the classifier of authors says, a quarter each what the authors of the
    neighbours by words and by vectors are, each neighbour counting as in `votes`. They sum to one;
    zeros where nothing is known.
    """
    likeness = np.zeros(max(len(memory.authors), 1), np.float32)
    _, authors, _, _ = memory.post_columns()
    for found in (question.by_words, question.by_meaning):
        _add_authors(likeness, found.numbers, found.scores, authors)
    likeness[question.writers.labels] += 2 * np.exp(question.writers.logs)
    return likeness / max(likeness.sum(), np.float32(1e-9))


@compiled
def cubes_of(scores: np.ndarray) -> np.ndarray:
    """Return (K,) float64 what neighbours count: cubes of their scores relative to the best one's.

    Args:
        scores: (K,), descending.
    """
    cubes = np.empty(len(scores))
    for place in range(len(scores)):
        cubes[place] = (np.float64(scores[place]) / max(np.float64(scores[0]), 1e-9)) ** 3
    return cubes


@compiled
def _add_authors(
    likeness: np.ndarray, numbers: np.ndarray, scores: np.ndarray, authors: np.ndarray
) -> None:
    """Add the shares of the neighbours' authors, which sum to one."""
    shares, cubes = np.zeros(len(likeness)), cubes_of(scores)
    for place in range(len(numbers)):
        author = authors[numbers[place]]
        if author != NOBODY:
            shares[author] += cubes[place]
    total = shares.sum()
    if total > 0:
        likeness += shares / total
