"""Threads that keep a live recommender at the state of its log while it answers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from tagfinder.errors import as_sentence
from tagfinder.recommend.live import LiveSuggester

logger = logging.getLogger(__name__)

# Seconds between two looks at the folder's log.
FOLLOW_SECONDS = 0.05
# Seconds for which news of the shared log are waited for, and after which one that does not answer
# is tried again.
NEWS_SECONDS, RETRY_SECONDS = 1.0, 0.5


class Following:
    """Applies what other processes and machines have written to a log of posts.

    Args:
        suggester: what follows.
    """

    def __init__(self, suggester: LiveSuggester) -> None:
        self._durable = suggester.durable
        self._name = suggester.name
        self._end = threading.Event()
        now = time.monotonic()
        # When the folder had all of the shared log, and the recommender all of the folder.
        self._pulled = self._followed = now
        self._threads = [
            threading.Thread(target=self._repeat, args=(work,), daemon=True)
            for work in (self._follow, self._pull)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        """End, and wait for it at most some seconds."""
        self._end.set()
        for thread in self._threads:
            thread.join(seconds)

    def seconds_behind(self) -> float:
        """Return for how long the recommender has lacked some of the written posts."""
        return time.monotonic() - min(self._pulled, self._followed)

    def _repeat(self, work: Callable[[], None]) -> None:
        failing = False
        while not self._end.is_set():
            try:
                work()
                failing = False
            except Exception as error:
                # A failure is retried; it is logged once, not at each attempt.
                if not failing and not self._end.is_set():
                    logger.warning("%s: %s", self._name, as_sentence(error), exc_info=error)
                failing = True
                self._end.wait(RETRY_SECONDS)

    def _follow(self) -> None:
        began = time.monotonic()
        self._durable.follow()
        self._followed = began
        self._end.wait(FOLLOW_SECONDS)

    def _pull(self) -> None:
        began = time.monotonic()
        if self._durable.pull():
            self._pulled = began
        if self._durable.is_shared:
            self._durable.wait(NEWS_SECONDS)
        else:
            self._end.wait(NEWS_SECONDS)
