"""Requests that arrive together are scored together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from tagfinder.recommend.loading import Suggester
from tagfinder.recommend.suggestion import Suggestions


class OverloadedError(Exception):
    """More texts wait already than the service lets wait."""


@dataclass(frozen=True)
class Settings:
    """Options of a request beside its texts; requests with equal options share a batch."""

    k: int
    threshold: float
    repeat: bool
    author: str | None = None


@dataclass
class Waiting:
    """A request whose texts are to be scored."""

    texts: list[str]
    settings: Settings
    done: asyncio.Future[list[Suggestions]]


class Batcher:
    """Collects requests that arrive while a batch is being scored into the next batch.

    No request waits for a batch to fill: a single request is scored at once.

    Args:
        recommender: of the batch.
        max_batch: most texts in a batch; a longer request is a separate batch.
        max_waiting: most texts that wait.
        scored: called with the number of texts of each batch.
        waiting: called with the number of texts that wait, whenever it changes.
    """

    def __init__(
        self,
        recommender: Suggester,
        max_batch: int,
        max_waiting: int,
        scored: Callable[[int], None] = lambda _: None,
        waiting: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.recommender = recommender
        self.max_batch = max_batch
        self.max_waiting = max_waiting
        self.waiting_texts = 0
        self._scored = scored
        self._waiting = waiting
        self._queue: deque[Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"suggest-{recommender.name}")
        self._task: asyncio.Task[None] | None = None

    async def suggest(self, texts: list[str], settings: Settings) -> list[Suggestions]:
        """Return the suggestions for texts.

        Raises:
            OverloadedError: too many texts wait.
        """
        if self.waiting_texts + len(texts) > self.max_waiting:
            raise OverloadedError
        request = Waiting(texts, settings, asyncio.get_running_loop().create_future())
        self._queue.append(request)
        self._wait_for(len(texts))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await request.done

    async def close(self) -> None:
        """Wait until all waiting requests are scored."""
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def _work(self) -> None:
        # One turn of the loop lets requests that arrived at the same moment join.
        await asyncio.sleep(0)
        while self._queue:
            batch = self._next_batch()
            if not batch:
                continue
            texts = [text for request in batch for text in request.texts]
            try:
                suggested = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._suggest, texts, batch[0].settings
                )
            except Exception as error:
                # The error is the answer to these requests; the next ones continue.
                for request in batch:
                    if not request.done.done():
                        request.done.set_exception(error)
                continue
            self._scored(len(texts))
            _hand_out(batch, suggested)

    def _next_batch(self) -> list[Waiting]:
        """Take the first requests with equal settings that were not given up."""
        batch: list[Waiting] = []
        size = 0
        while self._queue:
            request = self._queue[0]
            abandoned = request.done.done()
            if batch and not abandoned:
                too_long = size + len(request.texts) > self.max_batch
                if too_long or request.settings != batch[0].settings:
                    break
            self._queue.popleft()
            self._wait_for(-len(request.texts))
            if not abandoned:
                batch.append(request)
                size += len(request.texts)
        return batch

    def _wait_for(self, more: int) -> None:
        self.waiting_texts += more
        self._waiting(self.waiting_texts)

    def _suggest(self, texts: list[str], settings: Settings) -> list[Suggestions]:
        return self.recommender.suggest(
            texts,
            settings.k,
            threshold=settings.threshold,
            repeat=settings.repeat,
            author=settings.author,
        )


def _hand_out(batch: list[Waiting], suggested: list[Suggestions]) -> None:
    rest = iter(suggested)
    for request in batch:
        own = list(islice(rest, len(request.texts)))
        if not request.done.done():
            request.done.set_result(own)
