"""Parquet files, a few row pages at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tagfinder.corpus.sources.blocks import NOT_UTF_8, ROWS, Block, Broken
from tagfinder.corpus.sources.columns import Columns
from tagfinder.errors import InputError

TEXT = (pl.String, pl.Categorical, pl.Enum)
TYPES = {
    "id": (*TEXT, pl.Int64, pl.UInt64, pl.Int32, pl.UInt32),
    "created_at": (*TEXT, pl.Datetime, pl.Date, pl.Int64, pl.UInt64, pl.Int32, pl.Float64),
    "text": TEXT,
    "hashtags": (*TEXT, pl.List(pl.String), pl.List(pl.Null)),
    "entity_name": TEXT,
    "lang": TEXT,
}


def read_parquet(path: Path, columns: Columns) -> Iterator[Block]:
    """Read the columns that are asked for, row group by row group.

    Raises:
        InputError: the file is damaged, lacks a column or has one of a type that cannot be used.
    """
    try:
        with pq.ParquetFile(path, buffer_size=2**20, pre_buffer=False) as file:
            found = columns.find(file.schema_arrow.names, path)
            names = {field: present[0] for field, present in found.items()}
            _check_types(file.schema_arrow, names, path)
            first = 1
            for batch in file.iter_batches(ROWS, columns=[*dict.fromkeys(names.values())]):
                yield _block(batch, names, first)
                first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}") from error


def _check_types(schema: pa.Schema, names: dict[str, str], path: Path) -> None:
    for field, name in names.items():
        kind = schema.field(name).type
        dtype = pl.Series(pl.from_arrow(pa.array([], kind))).dtype
        if dtype != pl.Null and not any(dtype == allowed for allowed in TYPES[field]):
            raise InputError(
                f"{path}: the column {name} is of type {kind}, which cannot hold {field}; "
                f"set data.columns.{field} to another column"
            )


def _block(batch: pa.RecordBatch, names: dict[str, str], first: int) -> Block:
    broken = Broken()
    numbers = pa.array(range(first, first + batch.num_rows), pa.int64())
    table = pa.table({"row": numbers} | {field: batch[name] for field, name in names.items()})
    try:
        table.validate(full=True)
    except pa.ArrowInvalid:
        table = _without_broken_texts(table, broken)
    return Block(pl.DataFrame(pl.from_arrow(table)), broken.frame())


def _without_broken_texts(table: pa.Table, broken: Broken) -> pa.Table:
    fine = [True] * table.num_rows
    for name in table.column_names:
        for index, value in enumerate(_as_bytes(table[name])):
            if fine[index] and not _is_utf_8(value):
                fine[index] = False
                broken.add(table["row"][index].as_py(), NOT_UTF_8, str(value))
    return table.filter(pa.array(fine))


def _as_bytes(column: pa.ChunkedArray) -> list[Any]:
    """Return texts as bytes, lists of texts as lists of bytes, and no values of other types."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _as_bytes(column.cast(kind.value_type))
    if pa.types.is_nested(kind):
        return column.cast(pa.list_(pa.binary())).to_pylist()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.binary()).to_pylist()
    return []


def _is_utf_8(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_utf_8, value))
    try:
        return value is None or bool(value.decode() or True)
    except UnicodeDecodeError:
        return False
