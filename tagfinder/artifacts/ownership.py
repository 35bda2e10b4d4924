"""A run's folder belongs to one process at a time, and keeps the trace of what failed in it."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

import filelock

from tagfinder.errors import InputError, in_sentences

LOCK_FILE = ".lock"
LOG_FILE = "log.txt"
# Folders that this process owns.
_kept: ContextVar[frozenset[Path]] = ContextVar("kept", default=frozenset())


@contextmanager
def alone_in(folder: Path) -> Iterator[bool]:
    """Keep a folder to this process; yield False where another process has it.

    The lock goes with the process, however it ends.

    Raises:
        InputError: the lock is a link, which could lead to a file that is not to be opened.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / LOCK_FILE
    if file.is_symlink():
        raise InputError(f"{file} is a link; remove it, tagfinder makes a file of its own there")
    lock = filelock.FileLock(file)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        yield False
        return
    token = _kept.set(_kept.get() | {folder.absolute()})
    try:
        yield True
    finally:
        _kept.reset(token)
        lock.release()


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Keep a run's folder to this process while the block changes it.

    A block inside one that has the folder (`alone_in`, as a job of a sweep) has it too.

    Raises:
        InputError: another process works in it.
    """
    if folder.absolute() in _kept.get():
        yield
        return
    with alone_in(folder) as alone:
        if not alone:
            raise InputError(
                f"{folder}: another process is working in this folder; let it end, or name another"
            )
        yield


def remove_unused(folder: Path) -> None:
    """Remove a folder in which a refused command left nothing but its log and its lock."""
    with alone_in(folder) as alone:
        if alone and {path.name for path in folder.iterdir()} <= {LOG_FILE, LOCK_FILE}:
            shutil.rmtree(folder)


@contextmanager
def traced(folder: Path) -> Iterator[None]:
    """Append the trace of what fails in the block to `log.txt` of a folder.

    Raises:
        TagFinderError: the block failed.
    """
    try:
        with in_sentences():
            yield
    except Exception:
        # The failure is reported all the same, also if the disk is full.
        with suppress(OSError), (folder / LOG_FILE).open("a", encoding="utf-8") as log:
            log.write(traceback.format_exc())
        raise
