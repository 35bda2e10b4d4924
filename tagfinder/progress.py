"""Progress on standard error, so that standard output stays for results."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from typing import TypeVar

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tagfinder.escaping import for_terminal

T = TypeVar("T")

console = Console(stderr=True)

FIRST_LINE = 2.0
"""Seconds after which a phase writes its first line, without a terminal."""
NEXT_LINE = 60.0

_running: list[object] = []


def say(line: str) -> None:
    """Write a line to standard error."""
    click.echo(f"tagfinder: {for_terminal(line)}", err=True)


def progress_bar() -> Progress:
    """Return a progress display that shows nothing if standard error is not a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Iterate over `items` and show how far that is."""
    done = 0

    def state() -> str:
        return f"{done:,} of {total:,}" if total else f"{done:,} done"

    if total is None and isinstance(items, Sized):
        total = len(items)
    with phase(description, state), progress_bar() as progress:
        for item in progress.track(items, description=description, total=total):
            yield item
            done += 1


@contextmanager
def phase(description: str, state: Callable[[], str] = str) -> Iterator[None]:
    """Without a terminal, write a line when a long phase begins and about once a minute.

    Of phases inside each other only the innermost writes.

    Args:
        description: what is being done.
        state: called for each further line: how far it is.
    """
    if console.is_terminal:
        yield
        return
    ended = threading.Event()
    mark = object()
    _running.append(mark)
    writer = threading.Thread(target=_write_lines, args=(description, state, ended, mark))
    writer.daemon = True
    writer.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()
        _running.remove(mark)


def _write_lines(
    description: str, state: Callable[[], str], ended: threading.Event, mark: object
) -> None:
    if ended.wait(FIRST_LINE):
        return
    with suppress(OSError, ValueError):  # standard error was closed
        _say_until(ended, description, state, mark)


def _say_until(
    ended: threading.Event, description: str, state: Callable[[], str], mark: object
) -> None:
    began = time.monotonic()
    say(description)
    while not ended.wait(NEXT_LINE):
        if _running and _running[-1] is mark:
            minutes = round((time.monotonic() - began) / 60)
            say(f"{description}: {', '.join(filter(None, (state(), f'{minutes} min')))}")
