"""The page as `tagfinder demo` serves it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def served(*runs: Path) -> Iterator[int]:
    """Serve the page of some runs on a free port, and end it as a service manager does."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [sys.executable, "-m", "tagfinder", "demo", *map(str, runs), "--no-browser"]
    with subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(600):
                if answers(port):
                    break
                time.sleep(0.1)
            else:
                raise TimeoutError
            yield port
        finally:
            process.terminate()
            process.wait(30)


def answers(port: int) -> bool:
    """Tell whether anything listens on a port."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
