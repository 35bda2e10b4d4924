"""Rows that cannot be used: counted by reason, and kept for those who want to look."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import polars as pl

from tagfinder.files import atomic_path

LONGEST_VALUE = 1_000
"""Characters kept of a rejected text; a broken row may be megabytes long."""


class Rejects:
    """Counts rows that cannot be used, by reason; writes them to a JSON Lines file if given a path.

    As a context manager it publishes the file when the block ends well and leaves nothing behind
    when it fails. Each line is a rejected row with its `reason`.

    Attributes:
        counts: number of rows by reason, in the order in which the reasons were met.
        remarks: number of rows that were kept, by what is wrong with them.
        notes: what was found out about files and is worth a line.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.counts: dict[str, int] = {}
        self.remarks: Counter[str] = Counter()
        self.notes: list[str] = []
        self._path = path
        self._stream: BinaryIO | None = None
        self._stack = ExitStack()

    @property
    def total(self) -> int:
        """Number of rows rejected for whatever reason."""
        return sum(self.counts.values())

    def add(self, reason: str, rows: pl.DataFrame | int) -> None:
        """Count `rows` (a frame of any columns, or how many there are) under `reason`."""
        number = rows if isinstance(rows, int) else rows.height
        if not number:
            return
        self.counts[reason] = self.counts.get(reason, 0) + number
        if self._stream is not None:
            self._write(reason, rows, self._stream)

    def remark(self, what: str, rows: int) -> None:
        """Count rows that were kept although something is wrong with them."""
        if rows:
            self.remarks[what] += rows

    def note(self, what: str) -> None:
        """Keep a line about a file, once."""
        if what not in self.notes:
            self.notes.append(what)

    @staticmethod
    def _write(reason: str, rows: pl.DataFrame | int, stream: BinaryIO) -> None:
        if isinstance(rows, int):
            stream.write(json.dumps({"reason": reason, "rows": rows}).encode() + b"\n")
            return
        reasons = pl.lit(reason).alias("reason")
        rows.select(reasons, pl.exclude("reason")).with_columns(
            pl.col(pl.String).str.head(LONGEST_VALUE)
        ).write_ndjson(stream)

    def __enter__(self) -> Rejects:
        if self._path is not None:
            with ExitStack() as stack:
                temporary = stack.enter_context(atomic_path(self._path))
                self._stream = stack.enter_context(temporary.open("wb"))
                self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream = None
        self._stack.__exit__(kind, error, trace)
