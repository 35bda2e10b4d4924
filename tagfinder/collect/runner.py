"""Carries batches from a network into a collection."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Protocol

from tagfinder.collect.collection import Collection
from tagfinder.collect.meter import Meter
from tagfinder.collect.post import Batch
from tagfinder.errors import TagFinderError

POSTS_OF_A_COMMIT = 5_000


class Source(Protocol):
    """A network that posts are collected from."""

    def batches(self) -> Iterator[Batch]:
        """Yield what arrives, and an empty batch from time to time while nothing does."""

    def admit(self, batch: Batch) -> None:
        """Take out of a batch, just before it is stored, whose authors do not want to be in."""


@dataclass
class Summary:
    """Counts of a run, in posts."""

    new: int = 0
    already_held: int = 0
    removed: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def as_dict(self, collection: Collection) -> dict[str, Any]:
        """Return the numbers together with those of the whole collection."""
        whole = {"posts": collection.posts, "folder": str(collection.folder)}
        return asdict(self) | {"left_out": dict(self.left_out)} | whole


class Runner:
    """Stores the batches of a source.

    Args:
        collection: where to.
        meter: shows the progress.
        max_posts: stop after that many new posts, None for no limit.
        commit_every: seconds after which what has arrived is made durable. What a crash loses is
            fetched again, so that this costs requests and never posts.
    """

    def __init__(
        self,
        collection: Collection,
        meter: Meter,
        max_posts: int | None = None,
        commit_every: float = 15.0,
    ) -> None:
        self._collection = collection
        self._meter = meter
        self._max_posts = max_posts
        self._commit_every = commit_every
        self._pending = Batch()
        self._newest: datetime | None = None
        self._committed = time.monotonic()
        self.summary = Summary()

    def run(self, source: Source) -> Summary:
        """Collect until the source ends, there are enough posts, or somebody says stop.

        What arrived before an error is stored before the error is raised.
        """
        batches = source.batches()
        try:
            while self._left() != 0:
                batch = self._next(batches, source)
                if batch is None:
                    break
                self._take(batch, source)
            self._commit(source)
        except KeyboardInterrupt:
            # Stopped while waiting: what was not stored yet is fetched again next time.
            pass
        return self.summary

    def _next(self, batches: Iterator[Batch], source: Source) -> Batch | None:
        try:
            return next(batches, None)
        except KeyboardInterrupt:
            return None
        except TagFinderError:
            self._commit(source)
            raise

    def _take(self, batch: Batch, source: Source) -> None:
        left = self._left()
        if left is not None and len(self._pending.posts) + len(batch.posts) > left:
            # Only the page that exceeds the limit is cut, so that only its cursor does not advance.
            self._commit(source)
        self._pending.add(batch)
        moments = [post.created_at for post in batch.posts]
        self._newest = max([*moments, self._newest] if self._newest else moments, default=None)
        if self._is_due():
            self._commit(source)
        posts = self.summary.new + len(self._pending.posts)
        self._meter.show(posts, self._collection.hashtags, self._newest)

    def _is_due(self) -> bool:
        pending = len(self._pending.posts)
        left = self._left()
        late = time.monotonic() >= self._committed + self._commit_every
        return late or pending >= POSTS_OF_A_COMMIT or (left is not None and pending >= left)

    def _left(self) -> int | None:
        return None if self._max_posts is None else max(0, self._max_posts - self.summary.new)

    def _commit(self, source: Source) -> None:
        batch, self._pending = self._pending, Batch()
        self._committed = time.monotonic()
        if batch == Batch():
            return
        source.admit(batch)
        outcome = self._collection.commit(batch, limit=self._left())
        self.summary.new += outcome.new
        self.summary.already_held += outcome.known
        self.summary.removed += outcome.removed
        self.summary.left_out += batch.left_out
        self._meter.show(self.summary.new, self._collection.hashtags, self._newest)
