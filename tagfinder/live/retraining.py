"""The classifiers of the periods of a stage: each is trained from the one before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tagfinder.corpus.hashtags import fold
from tagfinder.live.classify.classifier import ClassifierSettings
from tagfinder.live.classify.classifiers import Classifiers
from tagfinder.live.counts.names import Names
from tagfinder.live.post import Post
from tagfinder.live.replay import known_before
from tagfinder.live.search.vector_index import as_stored
from tagfinder.live.stage import Stage
from tagfinder.live.training_progress import TrainingProgress

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Numbering:
    """Numbers of hashtags and authors in order of first appearance, as teaching gives them."""

    hashtags: Names
    authors: Names

    @classmethod
    def of(cls, posts: Sequence[Post]) -> Numbering:
        """Number the hashtags and authors of posts."""
        numbering = cls(Names(), Names())
        for post in posts:
            for hashtag in post.hashtags:
                numbering.hashtags.number(fold(hashtag))
            if post.author is not None:
                numbering.authors.number(post.author)
        return numbering


class Retraining:
    """Trains the classifiers of a stage and keeps them on disk, where processes share them.

    Args:
        stage: its posts decide which periods there are.
        progress: keeps the classifiers.
    """

    def __init__(self, stage: Stage, progress: TrainingProgress) -> None:
        self._stage, self._progress = stage, progress
        settings = stage.settings
        given = settings.knowledge.get("classifier") if "classifier" in settings.sources else None
        self._settings = None if given is None else ClassifierSettings(**given)

    def state_of(self, period: int) -> dict[str, Any]:
        """Return the classifiers of a period; train them and what they need if they are not kept.

        Args:
            period: one of the stage.
        """
        waiting = [period]
        state = self._kept(period)
        while state is None:
            place = self._periods.index(waiting[-1])
            if not place:
                state = self._stage.classifiers
                break
            waiting.append(self._periods[place - 1])
            state = self._kept(waiting[-1])
        else:
            waiting.pop()
        for each in reversed(waiting):
            state = self._trained(each, state)
            self._progress.keep_classifiers(self._stage.name, each, state)
        assert state is not None
        return state

    def awaited(self, period: int, check: Callable[[], None]) -> dict[str, Any]:
        """Return the classifiers of a period that another process trains.

        Args:
            period: one of the stage.
            check: is called while they are not there; raises if that process has failed.
        """
        while not (self._is_first(period) or self._has_kept(period)):
            check()
            time.sleep(POLL_SECONDS)
        return self.state_of(period)

    def train_from(self, place: int) -> None:
        """Train what is not kept of the classifiers that the posts from a place on need."""
        for period in self._periods_of(self._stage.positions[place:]):
            self.state_of(period)

    def last(self) -> dict[str, Any] | None:
        """Return the classifiers after the last post of the stage; None if there are none."""
        return self.state_of(self._periods[-1]) if self._periods else self._stage.classifiers

    @cached_property
    def _periods(self) -> list[int]:
        return self._periods_of(self._stage.positions)

    def _periods_of(self, positions: np.ndarray) -> list[int]:
        """Return the periods of posts, in order."""
        if self._settings is None:
            return []
        posts, delay = self._stage.posts, self._stage.settings.delay_days
        known = (known_before(posts[position].day, delay) for position in positions.tolist())
        return list(dict.fromkeys(map(self._settings.period_of, known)))

    def _is_first(self, period: int) -> bool:
        first = self._stage.classifiers
        return first is not None and first["hashtags"]["period"] == period

    def _has_kept(self, period: int) -> bool:
        return self._progress.has_classifiers(self._stage.name, period)

    def _kept(self, period: int) -> dict[str, Any] | None:
        if self._is_first(period):
            return self._stage.classifiers
        return self._progress.classifiers(self._stage.name, period)

    def _trained(self, period: int, before: dict[str, Any] | None) -> dict[str, Any]:
        settings, numbering, vectors = self._settings, self._numbering, self._stage.vectors
        assert settings is not None
        window = slice(*np.searchsorted(self._days, settings.days_of(period)).tolist())
        with _one_thread():
            trained = Classifiers.of_posts(
                period,
                zip(range(window.start, window.stop), self._stage.posts[window], strict=True),
                numbering,
                settings,
                before=None if before is None else Classifiers.from_state(before, numbering),
                vectors_of=None if vectors is None else lambda rows: as_stored(vectors[rows]),
            )
        return trained.state(numbering)

    @cached_property
    def _numbering(self) -> Numbering:
        return Numbering.of(self._stage.posts)

    @cached_property
    def _days(self) -> np.ndarray:
        return np.array([post.day for post in self._stage.posts])


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let PyTorch use one thread, so that results do not depend on the number of cores."""
    # Imported here: PyTorch takes seconds, and only training needs it.
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
