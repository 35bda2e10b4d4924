"""Files of rejected rows, in the format that their name says, written as the rows come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import polars as pl
import pyarrow.parquet as pq

from tagfinder.errors import InputError
from tagfinder.escaping import for_csv

FORMATS = {".jsonl": "lines", ".ndjson": "lines", ".json": "array", ".csv": "csv"}
FORMATS |= {".parquet": "parquet", ".pq": "parquet"}
COLUMNS = (
    *("reason", "file", "row", "rows", "id", "created_at", "text", "hashtags"),
    *("entity_name", "lang", "content"),
)
"""Columns of a table of rejects; other values of a row are not written."""


class RejectFile(Protocol):
    """A file that takes rejected rows."""

    def write(self, rows: pl.DataFrame) -> None:
        """Write rows of any columns, of which `reason` is one."""
        ...


def reject_format(path: Path) -> str:
    """Return the format that a name says.

    Raises:
        InputError: it says none that is known.
    """
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        raise InputError(f"rejects={path}: the name must end with {', '.join(FORMATS)}")
    return found


@contextmanager
def open_reject_file(path: Path, kind: str) -> Iterator[RejectFile]:
    """Open a file for rejected rows; it is complete when the block ends."""
    if kind == "parquet":
        empty = _as_table(pl.DataFrame({"reason": []}, schema={"reason": pl.String})).to_arrow()
        with pq.ParquetWriter(path, empty.schema) as writer:
            yield _Parquet(writer)
        return
    with path.open("wb") as stream:
        if kind == "csv":
            stream.write((",".join(COLUMNS) + "\n").encode())
            yield _Csv(stream)
            return
        lines = _Lines(stream, between=b",\n" if kind == "array" else b"\n")
        if kind == "array":
            stream.write(b"[\n")
        yield lines
        stream.write(b"\n]\n" if kind == "array" else b"\n" if lines.any else b"")


class _Lines:
    """JSON objects with something between them."""

    def __init__(self, stream: BinaryIO, between: bytes) -> None:
        self._stream = stream
        self._between = between
        self.any = False

    def write(self, rows: pl.DataFrame) -> None:
        """Write an object for each row."""
        objects = rows.write_ndjson().encode().rstrip(b"\n").split(b"\n")
        self._stream.write((self._between if self.any else b"") + self._between.join(objects))
        self.any = True


class _Csv:
    """A table that a spreadsheet may open."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, rows: pl.DataFrame) -> None:
        """Write a line for each row."""
        for_csv(_as_table(rows)).write_csv(self._stream, include_header=False)


class _Parquet:
    """A typed table."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer

    def write(self, rows: pl.DataFrame) -> None:
        """Write the rows as a row group."""
        self._writer.write_table(_as_table(rows).to_arrow().cast(self._writer.schema))


def joined(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Put frames of any columns end to end; a column of several types becomes text."""
    types: dict[str, set[pl.DataType]] = {}
    for frame in frames:
        for name, dtype in frame.schema.items():
            types.setdefault(name, set()).add(dtype)
    texts = [name for name, found in types.items() if len(found) > 1]
    same = (
        frame.with_columns(
            _text(name, frame.schema[name]) for name in texts if name in frame.columns
        )
        for frame in frames
    )
    return pl.concat(same, how="diagonal")


def _as_table(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        _text(name, rows.schema[name])
        if name in rows.columns
        else pl.lit(None, pl.String).alias(name)
        for name in COLUMNS
    )


def _text(name: str, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.List):
        return pl.format("[{}]", pl.col(name).cast(pl.List(pl.String)).list.join(", ")).alias(name)
    return pl.col(name).cast(pl.String)
