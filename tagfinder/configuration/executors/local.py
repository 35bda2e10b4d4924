"""Workers as processes of this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from joblib import cpu_count

from tagfinder.configuration.executors import Handle
from tagfinder.errors import InputError


class LocalExecutor:
    """As many processes as there are cores; a single one is this process itself.

    Args:
        jobs: processes; None takes one for each core that this process may use.

    Raises:
        InputError: fewer than one.
    """

    def __init__(self, jobs: int | None = None) -> None:
        if jobs is not None and jobs < 1:
            raise InputError(f"executor.jobs is {jobs}; expected at least 1")
        self.jobs = jobs or cpu_count()

    def start(self, worker: Callable[[], Any], most: int) -> Sequence[Handle]:
        """Start the processes."""
        n = min(self.jobs, most)
        if n == 1:
            ended: Future[Any] = Future()
            ended.set_result(worker())
            return [ended]
        # Processes are spawned, not forked: a fork of a process whose libraries have threads
        # may hang. Joblib's are used again by the next step, and by its own launcher of sweeps.
        from joblib.executor import get_memmapping_executor

        pool = get_memmapping_executor(n)
        return [pool.submit(worker) for _ in range(n)]
