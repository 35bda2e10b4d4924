"""Commands in processes of their own that are killed, or run out of disk."""

from __future__ import annotations

import os
import random
import resource
import sys
import time
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from tagfinder.cli import main


def command(arguments: Sequence[str], cache: Path, log: Path, most: int | None) -> None:
    """Run a command line; its output goes to a file.

    Args:
        arguments: of `tagfinder`.
        cache: the cache's folder.
        log: gets all output.
        most: bytes that a file may have; None sets no limit.
    """
    os.environ["TAGFINDER_CACHE"] = str(cache)
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(stream, descriptor)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    if most is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    try:
        main(list(arguments))
    finally:
        # A program ends idle workers as it exits; a process of `multiprocessing` waits for them.
        if loky := sys.modules.get("joblib.externals.loky"):
            loky.get_reusable_executor(reuse=True).shutdown()


class Commands:
    """Runs one command again and again, to its end or not.

    Args:
        processes: makes the processes.
        arguments: of `tagfinder`.
        folder: for the cache.
        log: file of the output; by default in the folder.
    """

    def __init__(
        self,
        processes: ForkServerContext,
        arguments: Sequence[str],
        folder: Path,
        log: Path | None = None,
    ) -> None:
        self.processes = processes
        self.arguments = list(arguments)
        self.cache, self.log = folder / "cache", log or folder / "output.txt"
        self.seconds = 0.0

    def run(self, most: int | None = None) -> tuple[int, str]:
        """Run to the end; return exit code and output."""
        began = time.perf_counter()
        process = self.start(most)
        process.join(300)
        self.seconds = time.perf_counter() - began
        return process.exitcode or 0, self.log.read_text(errors="replace")

    def kill(self, chance: random.Random) -> bool:
        """Start and kill at a random moment of the usual time; tell whether it was at work."""
        process = self.start()
        process.join(chance.random() * self.seconds)
        process.kill()
        process.join()
        return process.exitcode != 0

    def terminate(self, chance: random.Random, patience: float) -> bool:
        """Ask a command to end at a random moment; tell whether it did within some seconds."""
        process = self.start()
        process.join(chance.random() * self.seconds)
        process.terminate()
        process.join(patience)
        in_time = process.exitcode is not None
        process.kill()
        process.join()
        return in_time

    def start(self, most: int | None = None) -> ForkServerProcess:
        """Start in a process of its own; no file may have more than so many bytes."""
        arguments = (self.arguments, self.cache, self.log, most)
        process = self.processes.Process(target=command, args=arguments)
        process.start()
        return process
