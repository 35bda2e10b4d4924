"""Killing a process in the middle of its work."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess


def kill_at_work(
    process: ForkServerProcess,
    has_done_enough: Callable[[], bool],
    chance: random.Random,
    kill: int,
) -> None:
    """Start a process; kill it a random moment, up to 50 ms, after it has done enough.

    Args:
        process: not started yet.
        has_done_enough: tells so.
        chance: decides the moment.
        kill: which one of several it is, to be named where the process ended before.
    """
    process.start()
    end = time.monotonic() + 60
    while not has_done_enough() and process.is_alive():
        assert time.monotonic() < end, "nothing is done"
        time.sleep(0.001)
    process.join(chance.random() * 0.05)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL, f"it ended before kill {kill}"
