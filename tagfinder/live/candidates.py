"""Which hashtags are considered for a post: what each source puts forward."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from heapq import nsmallest

import numpy as np

from tagfinder.live.asking import Asking
from tagfinder.live.memory import Memory
from tagfinder.live.places import distinct

TRENDING = 40
LAST_YEAR = 20
CLASSIFIED = 30
OWN_FREQUENT = 30
LIKE_AUTHORS = 8
POSTS_OF_LIKE_AUTHORS = 8
# Days after which nothing trends: ten half-lives of a week leave a thousandth.
FORGOTTEN = 70.0
# Days for which the same hashtags count as trending.
FRESH = 1 / 24
YEAR = 365
SAME_DAYS = 3


class Trends:
    """The hashtags that are used most now, and those that were on these days last year."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self._day = -np.inf
        self._now = np.empty(0, np.int64)
        self._last_year = np.empty(0, np.int64)
        self._uses_last_year = np.empty(0, np.int64), np.empty(0, np.int64)

    def at(self, day: float) -> tuple[np.ndarray, np.ndarray]:
        """Return hashtags that trend on a day, and hashtags of the same days a year before."""
        self._bring_to(day)
        return self._now, self._last_year

    def uses_last_year(self, day: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the hashtags of the same days of the year before, ascending, and their posts."""
        self._bring_to(day)
        return self._uses_last_year

    def _bring_to(self, day: float) -> None:
        if not 0 <= day - self._day < FRESH:
            self._day = day
            self._now = self._trending(day)
            date = int(day) - YEAR
            uses = self.memory.uses_between(date - SAME_DAYS, date + SAME_DAYS)
            most = nsmallest(LAST_YEAR, ((-n, hashtag) for hashtag, n in uses.items()))
            self._last_year = np.array([hashtag for _, hashtag in most], dtype=np.int64)
            hashtags = np.array(sorted(uses), dtype=np.int64)
            posts = np.array([uses[hashtag] for hashtag in hashtags.tolist()], dtype=np.int64)
            self._uses_last_year = hashtags, posts

    def _trending(self, day: float) -> np.ndarray:
        latest = self.memory.uses.latest.values[: len(self.memory.hashtags)]
        lately = np.flatnonzero(latest > day - FORGOTTEN)
        uses = self.memory.uses.read(lately, day, slice(1, 3))
        most = [lately[np.argsort(-column, kind="stable")[:TRENDING]] for column in uses.T]
        return np.unique(np.concatenate(most))


def candidates(
    trends: Trends, asking: Asking, voted: np.ndarray, parts: Collection[str]
) -> np.ndarray:
    """Return (C,) int64 distinct hashtags, ascending, without those that are there already.

    Args:
        trends: what is used now, of all that is known.
        asking: the post.
        voted: (M,) hashtags of neighbours, in any order.
        parts: which sources are used.
    """
    memory, question = asking.memory, asking.question
    found = [voted, *(tags for part, tags in _put_forward(trends, asking) if part in parts)]
    considered = distinct(np.concatenate(found))
    stays = memory.total.values[considered] > 0
    for typed in question.typed:
        stays &= considered != typed
    return considered[stays]


def _put_forward(trends: Trends, asking: Asking) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each part with hashtags that it puts forward, in any order."""
    memory, question = asking.memory, asking.question
    yield "classifier", question.classified.likeliest(CLASSIFIED)
    yield "spelling", np.fromiter(question.spelled, np.int64, len(question.spelled))
    yield "author", asking.habits.latest
    yield "author", _own_frequent(asking)
    *_, alike = asking.asker
    latest = memory.author_latest.values[alike[:LIKE_AUTHORS], :POSTS_OF_LIKE_AUTHORS]
    yield "author", memory.hashtags_at(latest[latest >= 0])[0]
    yield from (("trends", hashtags) for hashtags in trends.at(question.day))
    for typed in question.typed:
        uses = memory.latest_uses.values[typed]
        yield "typed", memory.hashtags_at(uses[uses >= 0])[0]


def _own_frequent(asking: Asking) -> np.ndarray:
    used, rows = asking.habits.used, asking.habits.rows
    if len(used) <= OWN_FREQUENT:
        return used
    uses = asking.memory.pair_uses.read(rows, asking.question.day, slice(-1, None))[:, 0]
    return used[np.argpartition(-uses, OWN_FREQUENT)[:OWN_FREQUENT]]
