"""Progress of collecting, as one line on standard error."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.status import Status

from tagfinder.progress import console

SECONDS_BETWEEN_LINES = 60.0


class Meter:
    """Shows posts, rate, distinct hashtags and the newest time; and what is being waited for.

    In a terminal one line is kept up to date. Elsewhere a line is printed once a minute, and once
    for each wait.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._status = Status(title, console=console)
        self._started = self._printed = time.monotonic()
        self._line = title
        self._waiting = False

    def __enter__(self) -> Self:
        if console.is_terminal:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._status.stop()
        self._print(self._line)

    def show(self, posts: int, hashtags: int, newest: datetime | None) -> None:
        """Show the numbers of this run: posts taken, distinct hashtags held, newest post."""
        rate = posts / max(time.monotonic() - self._started, 1e-9)
        self._line = f"{self._title}: {posts:,} posts, {rate:,.0f}/s, {hashtags:,} hashtags"
        if newest is not None:
            self._line += f", newest {newest.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        self._status.update(self._line)
        if not console.is_terminal and time.monotonic() > self._printed + SECONDS_BETWEEN_LINES:
            self._print(self._line)

    def tell(self, waiting: str | None) -> None:
        """Show the reason of a wait; None when it is over."""
        self._status.update(f"{self._line} - {waiting}" if waiting else self._line)
        if waiting and not self._waiting and not console.is_terminal:
            self._print(waiting)
        self._waiting = waiting is not None

    def _print(self, line: str) -> None:
        self._printed = time.monotonic()
        say(line)


def say(line: str) -> None:
    """Print a line on standard error, above the one that is kept up to date."""
    console.print(line, highlight=False, markup=False, soft_wrap=True)
