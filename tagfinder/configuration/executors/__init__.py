"""Executors do the units of work of a command: processes, Slurm jobs or Ray tasks.

An executor only starts workers. A folder that all workers see decides which unit a worker does next
(`units.py`). So executors need no queue, a stopped command continues where it was, and two calls of
the same command share the work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol


class Handle(Protocol):
    """A worker that was started."""

    def done(self) -> bool:
        """Tell whether it has ended, well or not."""
        ...

    def result(self) -> Any:
        """Return the worker's result; raises if the worker was lost."""
        ...


class Executor(Protocol):
    """Starts workers."""

    def start(self, worker: Callable[[], Any], most: int) -> Sequence[Handle]:
        """Start as many workers as there is room for, at least one and at most `most`.

        Args:
            worker: called without arguments in each of them; can be pickled.
            most: number of units to do.
        """
        ...
