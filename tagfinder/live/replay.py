"""Replays a timeline: each post is a query before it is taught.

A query sees only posts that are older than a delay. So the suggestions for a post never depend on
the post itself, on copies of the same day, or on anything later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tagfinder.corpus.hashtags import fold
from tagfinder.data.vector_store import StoredVectors
from tagfinder.live.classify.classifiers import Classifiers
from tagfinder.live.features.query import Query
from tagfinder.live.features.table import Candidates
from tagfinder.live.index_map import find_sorted
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.post import HOURS_A_DAY, Post, hour_of

BLOCK = 10_000

ClassifiersOf = Callable[[int], dict[str, Any]]
"""Returns what `Knowledge.classifiers_state` returned for a period's classifiers."""


@dataclass(frozen=True)
class LabelledQuery:
    """A post as a query, with its candidates and which of them it has.

    Attributes:
        position: of the post in the timeline.
        query: the post with its neighbours.
        candidates: with their features.
        truth: (C,) bool, which candidates the post has.
    """

    position: int
    query: Query
    candidates: Candidates
    truth: np.ndarray


class Replay:
    """Posts of a timeline, taught in order of time.

    Args:
        knowledge: gets the posts; empty at first.
        posts: the timeline, in order of `day`.
        delay: age in days from which a post is known.
        vectors: (N, D) of the posts, if there is a vector index; may be on disk.
        classifiers: what `Knowledge.classifiers_state` returned before the first query; None starts
            without classifiers.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        posts: Sequence[Post],
        delay: float,
        vectors: np.ndarray | StoredVectors | None = None,
        *,
        classifiers: dict[str, Any] | None = None,
        classifiers_of: ClassifiersOf | None = None,
    ) -> None:
        self.knowledge = knowledge
        self.posts = posts
        self.delay = delay
        self.vectors = vectors
        self._classifiers = classifiers
        self._classifiers_of = classifiers_of
        self.days = np.array([post.day for post in posts])
        self.taught = 0
        self._hour: int | None = None
        self._is_committed = True

    def teach_before(self, day: float) -> None:
        """Teach all posts that are older than a day, and commit them to the index."""
        self._teach(day)
        self._commit()

    def _teach(self, day: float) -> None:
        end = int(np.searchsorted(self.days, day))
        while self.taught < end:
            block = slice(self.taught, min(self.taught + BLOCK, end))
            vectors = None if self.vectors is None else self.vectors[block]
            self.knowledge.teach(self.posts[block], vectors)
            self.taught = block.stop
            self._is_committed = False

    def _commit(self) -> None:
        if not self._is_committed:
            self.knowledge.text_index.commit()
            self._is_committed = True

    def query(
        self, position: int, sources: Collection[str], *, with_author: bool = True
    ) -> LabelledQuery:
        """Return a post as a query, after teaching the posts that were old enough in its hour.

        Args:
            position: of the post in the timeline; not before those of earlier calls.
            sources: which sources are used.
            with_author: whether the author is known.
        """
        post = self.posts[position]
        self._begin_hour(post.day)
        self._commit()
        if "classifier" in sources:
            self._update_classifiers(known_before(post.day, self.delay))
        author = post.author if with_author else None
        vector = None if self.vectors is None else self.vectors[position : position + 1][0]
        query = self.knowledge.query(post.text, post.day, author, sources, vector=vector)
        return self._labelled(position, query, sources)

    def skip(self, positions: Sequence[int]) -> None:
        """Teach as if posts had been queried, so that later queries have the same result.

        Nothing is committed to the index until there is a query.

        Args:
            positions: of the posts in the timeline, in order of time.
        """
        for position in positions:
            self._begin_hour(self.posts[position].day)

    def without_author(self, query: LabelledQuery, sources: Collection[str]) -> LabelledQuery:
        """Return the latest query again with its author hidden."""
        hidden = self.knowledge.without_author(query.query, sources)
        return self._labelled(query.position, hidden, sources)

    def _begin_hour(self, day: float) -> None:
        """Teach what was old enough at the beginning of a day's hour, if that hour is a new one.

        So there is one commit for many posts.
        """
        hour = hour_of(day)
        if hour != self._hour:
            self._hour = hour
            self._teach(known_before(day, self.delay))

    def _update_classifiers(self, day: float) -> None:
        knowledge = self.knowledge
        settings = knowledge.classifier_settings
        if settings is None:
            return
        if self._classifiers is not None:
            knowledge.use_classifiers(self._classifiers)
            self._classifiers = None
        period, before = settings.period_of(day), knowledge.classifiers
        if before is not None and before.period == period:
            return
        if self._classifiers_of is not None:
            knowledge.use_classifiers(self._classifiers_of(period))
        else:
            index = knowledge.vector_index
            knowledge.classifiers = Classifiers.of_posts(
                period,
                enumerate(self.posts[: self.taught]),
                knowledge.statistics,
                settings,
                before=before,
                vectors_of=None if index is None else index.vectors_of,
            )

    def _labelled(self, position: int, query: Query, sources: Collection[str]) -> LabelledQuery:
        candidates = self.knowledge.candidates(query, sources)
        number_of = self.knowledge.statistics.hashtags.number_of
        truth = np.zeros(len(candidates.hashtags), dtype=bool)
        # For so few it takes a tenth of the time of `numpy.isin`.
        for hashtag in self.posts[position].hashtags:
            place = find_sorted(candidates.hashtags, number_of.get(fold(hashtag), -1))
            if place >= 0:
                truth[place] = True
        return LabelledQuery(position, query, candidates, truth)


def known_before(day: float, delay: float) -> float:
    """Return the time before which all posts are known to the queries of a day's hour.

    Args:
        day: of a query.
        delay: age in days from which a post is known.
    """
    return hour_of(day) / HOURS_A_DAY - delay
