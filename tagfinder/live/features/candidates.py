"""Which hashtags are considered for a post: each source proposes some."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from tagfinder.live.counts.statistics import PostStatistics
from tagfinder.live.features.author_context import QueryContext
from tagfinder.live.index_map import distinct
from tagfinder.live.post import HOURS_A_DAY, hour_of

TRENDING = 40
LAST_YEAR = 20
CLASSIFIED = 30
OWN_FREQUENT = 30
SIMILAR_AUTHORS = 8
POSTS_OF_SIMILAR_AUTHORS = 8
# Days after which nothing trends: ten half-lives of a week leave a thousandth.
FORGOTTEN = 70.0
YEAR = 365
SAME_DAYS = 3
# Half-lives by which hashtags trend: two days and a week, see `HALF_LIVES`.
TREND_HALF_LIVES = slice(1, 3)
LONGEST_HALF_LIFE = slice(-1, None)


class Trends:
    """The hashtags that are used most now, and those of the same days of last year.

    They are counted once for each hour, at its beginning, so that they do not depend on the
    queries before.
    """

    def __init__(self, statistics: PostStatistics) -> None:
        self.statistics = statistics
        self._hour: int | None = None
        self._now = np.empty(0, np.int64)
        self._last_year = np.empty(0, np.int64)
        self._uses_last_year = np.empty(0, np.int64), np.empty(0, np.int64)

    def at(self, day: float) -> tuple[np.ndarray, np.ndarray]:
        """Return hashtags that trend on a day, and hashtags of the same days a year before."""
        self._update(day)
        return self._now, self._last_year

    def uses_last_year(self, day: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the hashtags of the same days of the year before, ascending, and their posts."""
        self._update(day)
        return self._uses_last_year

    def _update(self, day: float) -> None:
        hour = hour_of(day)
        if hour != self._hour:
            self._hour = hour
            self._now = self._trending(hour / HOURS_A_DAY)
            date = int(day) - YEAR
            hashtags, posts = self.statistics.uses_between(date - SAME_DAYS, date + SAME_DAYS)
            self._last_year = hashtags[np.argsort(-posts, kind="stable")[:LAST_YEAR]]
            self._uses_last_year = hashtags, posts

    def _trending(self, day: float) -> np.ndarray:
        latest = self.statistics.uses.latest.values[: len(self.statistics.hashtags)]
        recent = np.flatnonzero(latest > day - FORGOTTEN)
        uses = self.statistics.uses.read(recent, day, TREND_HALF_LIVES)
        most = [recent[np.argsort(-column, kind="stable")[:TRENDING]] for column in uses.T]
        return np.unique(np.concatenate(most))


def select_candidates(
    trends: Trends, of_query: QueryContext, voted: np.ndarray, sources: Collection[str]
) -> np.ndarray:
    """Return (C,) int64 distinct hashtags, ascending, without the ones that the post has already.

    Args:
        trends: what is used now.
        of_query: the query.
        voted: (M,) hashtags of neighbours, in any order.
        sources: which sources are used.
    """
    statistics, query = of_query.statistics, of_query.query
    proposed = [hashtags for source, hashtags in _proposed(trends, of_query) if source in sources]
    considered = distinct(np.concatenate([voted, *proposed]))
    kept = statistics.total.values[considered] > 0
    for typed in query.typed:
        kept &= considered != typed
    return considered[kept]


def _proposed(trends: Trends, of_query: QueryContext) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each source with hashtags that it proposes, in any order."""
    statistics, query = of_query.statistics, of_query.query
    yield "classifier", query.classified.likeliest(CLASSIFIED)
    yield "spelling", np.fromiter(query.spelled, np.int64, len(query.spelled))
    yield "author", of_query.history.latest
    yield "author", _own_frequent(of_query)
    *_, similar = of_query.author
    latest = statistics.author_latest.values[similar[:SIMILAR_AUTHORS], :POSTS_OF_SIMILAR_AUTHORS]
    yield "author", statistics.hashtags_at(latest[latest >= 0])[0]
    yield from (("trends", hashtags) for hashtags in trends.at(query.day))
    for typed in query.typed:
        uses = statistics.latest_uses.values[typed]
        yield "typed", statistics.hashtags_at(uses[uses >= 0])[0]


def _own_frequent(of_query: QueryContext) -> np.ndarray:
    used, rows = of_query.history.used, of_query.history.rows
    if len(used) <= OWN_FREQUENT:
        return used
    day = of_query.query.day
    uses = of_query.statistics.pair_uses.read(rows, day, LONGEST_HALF_LIFE)[:, 0]
    return used[np.argpartition(-uses, OWN_FREQUENT)[:OWN_FREQUENT]]
