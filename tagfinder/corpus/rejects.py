"""Rows that cannot be used: counted by reason, and kept for those who want to look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import polars as pl

from tagfinder.corpus.reject_files import RejectFile, joined, open_reject_file, reject_format
from tagfinder.errors import InputError
from tagfinder.files import atomic_path

LONGEST_VALUE = 1_000
"""Characters kept of a rejected text; a broken row may be megabytes long."""


class Rejects:
    """Counts rows that cannot be used, by reason; writes them to a file if given a path.

    As a context manager it publishes the file when the block ends well, or with `InputError` (the
    rows may be why), and leaves no file when it fails. Each line or row of the file is a
    rejected one with its `reason`, in the format that the file's name says.

    Args:
        path: JSON Lines, JSON, CSV or Parquet file; null for none.

    Attributes:
        counts: number of rows by reason, in the order in which the reasons were met.
        remarks: number of rows that were kept, by what is wrong with them.
        notes: lines about files, such as a detected encoding.

    Raises:
        InputError: the file's name says no format that is known.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.counts: dict[str, int] = {}
        self.remarks: Counter[str] = Counter()
        self.notes: list[str] = []
        self._path = path
        self._format = reject_format(path) if path else ""
        self._file: RejectFile | None = None
        self._stack = ExitStack()

    @property
    def total(self) -> int:
        """Number of rows rejected for any reason."""
        return sum(self.counts.values())

    def add(self, reason: str, rows: pl.DataFrame | int) -> None:
        """Count `rows` (a frame of any columns, or how many there are) under `reason`."""
        number = rows if isinstance(rows, int) else rows.height
        if not number:
            return
        self.counts[reason] = self.counts.get(reason, 0) + number
        if self._file is not None:
            frame = pl.DataFrame({"rows": [rows]}) if isinstance(rows, int) else rows
            reasons = pl.lit(reason).alias("reason")
            written = frame.select(reasons, pl.exclude("reason"))
            self._file.write(written.with_columns(pl.col(pl.String).str.head(LONGEST_VALUE)))

    def remark(self, what: str, rows: int) -> None:
        """Count rows that were kept although something is wrong with them."""
        if rows:
            self.remarks[what] += rows

    def note(self, what: str) -> None:
        """Keep a line about a file, once."""
        if what not in self.notes:
            self.notes.append(what)

    def take_over(self, facts: Mapping[str, Any], rows: Path) -> None:
        """Add what `RecordedRejects` found, as if it had been found here."""
        recorded = pl.read_parquet(rows) if rows.is_file() else None
        first = 0
        for reason, number, columns in facts["entries"]:
            if columns is None or recorded is None:
                self.add(reason, number)
            else:
                self.add(reason, recorded.slice(first, number).select(columns))
                first += number
        self.remarks.update(facts["remarks"])
        for note in facts["notes"]:
            self.note(note)

    def __enter__(self) -> Rejects:
        if self._path is not None:
            with ExitStack() as stack:
                temporary = stack.enter_context(atomic_path(self._path))
                self._file = stack.enter_context(open_reject_file(temporary, self._format))
                self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file = None
        if isinstance(error, InputError):
            kind = error = trace = None
        self._stack.__exit__(kind, error, trace)


class RecordedRejects(Rejects):
    """Rejects of one partition, kept until they can be added to those of a corpus in its order.

    Args:
        with_rows: keep the rows too, not only how many there are.
    """

    def __init__(self, with_rows: bool) -> None:
        super().__init__()
        self._with_rows = with_rows
        self._entries: list[tuple[str, int, list[str] | None]] = []
        self._frames: list[pl.DataFrame] = []

    def add(self, reason: str, rows: pl.DataFrame | int) -> None:
        """Count `rows` under `reason`, and keep them if they are wanted."""
        number = rows if isinstance(rows, int) else rows.height
        if not number:
            return
        super().add(reason, number)
        if self._with_rows and isinstance(rows, pl.DataFrame):
            self._entries.append((reason, number, rows.columns))
            self._frames.append(rows)
        else:
            self._entries.append((reason, number, None))

    def save(self, rows: Path) -> dict[str, Any]:
        """Write the rows that were kept; return the rest as plain data."""
        if self._frames:
            joined(self._frames).write_parquet(rows)
        return {"entries": self._entries, "remarks": dict(self.remarks), "notes": self.notes}
