"""A private PostgreSQL server in a temporary folder, reached by a unix socket."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def folder_of_programs() -> Path:
    """Return the folder of `initdb` and `pg_ctl`; skip the test if they are not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not debian:
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    return debian[-1].parent


class Server:
    """A server that can be started and killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder_of_programs()
        self.as_user: list[str] = []
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            self.as_user = ["runuser", "-u", "nobody", "--"]
            shutil.chown(folder, "nobody")
        self.address = f"host={folder} user=postgres dbname=postgres"
        self.socket = str(folder / ".s.PGSQL.5432")
        options = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync"]
        self._run("initdb", "-D", str(folder / "data"), *options)

    def start(self) -> None:
        settings = f"-k {self.folder} -c listen_addresses='' -c shared_buffers=32MB"
        log = str(self.folder / "log")
        self._run(
            "pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", log, "-o", settings, "start"
        )

    def stop(self) -> None:
        """Stop it at once, as a crash would; the next start recovers from the log."""
        self._control("-m", "immediate", "stop")

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self.as_user, str(self.programs / program), *arguments]
        # Its own output would hold the test's pipe open for as long as the server runs.
        subprocess.run(command, check=True, cwd="/", stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip


@contextmanager
def running_server() -> Iterator[Server]:
    """Yield a server that runs until the block ends."""
    pytest.importorskip("psycopg")
    # A unix socket's path is at most 107 characters long, which pytest's folders may exceed.
    folder = Path(tempfile.mkdtemp(prefix="tagfinder-postgres-"))
    try:
        server = Server(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
