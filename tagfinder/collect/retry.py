"""Waiting: for rate limits, after failures, and until somebody says stop."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from tagfinder.errors import WorkError

_SECONDS_BETWEEN_LOOKS = 0.1


@dataclass
class Patience:
    """How long to wait, how often to try again, and how much to take.

    Attributes:
        retries: failures in a row after which the work is given up.
        base: mean of the first wait after a failure, seconds; it doubles with each failure.
        longest: longest wait after a failure, seconds.
        max_wait: longest wait that a server may ask for, seconds.
        most_bytes: longest answer or event that is taken, bytes after decompression.
        tell: called with what is being waited for, again and again, and with None when it is over.
        stopped: set to True, it ends every wait and all work at the next safe place. A plain value,
            because a signal's handler may interrupt its own thread while that holds a lock.
    """

    retries: int = 8
    base: float = 1.0
    longest: float = 60.0
    max_wait: float = 3600.0
    most_bytes: int = 2**25
    tell: Callable[[str | None], None] = lambda _: None
    stopped: bool = False

    def wait(self, seconds: float, reason: str) -> None:
        """Count down.

        Raises:
            WorkError: the server asks for more than `max_wait`.
            KeyboardInterrupt: somebody said stop.
        """
        if seconds > self.max_wait:
            raise WorkError(
                f"{reason}: it asks to wait {_duration(seconds)}, more than --max-wait "
                f"({_duration(self.max_wait)}); start the same command again then, it continues "
                "where it was"
            )
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self.stopped:
            self.tell(f"{reason}; continuing in {_duration(left)}")
            time.sleep(min(_SECONDS_BETWEEN_LOOKS, left))
        self.tell(None)
        self.check()

    def check(self) -> None:
        """Raise KeyboardInterrupt if somebody said stop."""
        if self.stopped:
            raise KeyboardInterrupt

    def after_failure(self, failures: int, reason: str) -> None:
        """Wait a random time that grows with the number of failures in a row.

        Raises:
            WorkError: that was one failure too many.
            KeyboardInterrupt: somebody said stop.
        """
        if failures > self.retries:
            times = "once" if failures == 1 else f"{failures} times in a row"
            raise WorkError(
                f"{reason}, {times}; what was collected is safe, and the same command continues "
                "where it was"
            )
        # Full jitter keeps many collectors from coming back at the same moment.
        longest = min(self.longest, self.base * 2**failures)
        self.wait(random.uniform(0, longest), f"{reason}, trying again")


def _duration(seconds: float) -> str:
    """Return "7 s", "4 min 10 s" or "2 h 5 min"."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
