"""Parquet files, a few row pages at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tagfinder.configuration.limits import VARIABLE, limits
from tagfinder.corpus.sources.blocks import (
    NOT_UTF_8,
    ROWS,
    Block,
    Broken,
    block_of_values,
)
from tagfinder.corpus.sources.columns import REPOST, Columns
from tagfinder.corpus.sources.dates import from_unit
from tagfinder.corpus.sources.forms import Form
from tagfinder.corpus.sources.forms.registry import recognise
from tagfinder.corpus.sources.json_paths import value_at
from tagfinder.corpus.sources.streams import Input, reason
from tagfinder.errors import InputError

SAMPLE = 100
BYTES = {pa.binary(): pa.string(), pa.large_binary(): pa.large_string()}
# Least room that a value of a list takes in memory.
BYTES_A_VALUE = 16
_ATOMS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)


def read_parquet(source: Input, columns: Columns, form: Form | None = None) -> Iterator[Block]:
    """Read the requested columns, row group by row group.

    Raises:
        InputError: the file is damaged, lacks a column or has one of a type that cannot be used.
    """
    packed = source.member or source.suffix != source.path.suffix.lower()
    place = pa.BufferReader(source.whole().getbuffer()) if packed else source.path
    try:
        options: dict[str, Any] = {"buffer_size": 2**20, "pre_buffer": False}
        with pq.ParquetFile(place, coerce_int96_timestamp_unit="us", **options) as file:
            _check_row_groups(file.metadata, source)
            schema = file.schema_arrow
            _check_repeated_texts(place, file.metadata, source)
            sample = _sample(file)
            form = form or recognise(sample[:10])
            found = columns.find(schema.names, source, form, sample)
            _check_types(schema, found, source)
            advice = columns.advice(found, sample)
            tops = [*dict.fromkeys(_top(n, schema) for names in found.values() for n in names)]
            first = 1
            for batch in file.iter_batches(ROWS, columns=tops):
                yield replace(_block(batch, found, first), html=form.html, advice=advice)
                first += batch.num_rows
    # Arrow says "not supported" by one exception and "cannot be a Python value" by others.
    except (pa.ArrowException, OSError, OverflowError, ValueError) as error:
        raise InputError(f"{source} cannot be read as Parquet: {reason(error)}") from error


def _check_row_groups(metadata: pq.FileMetaData, source: Input) -> None:
    """Refuse a row group that declares more than there may be, before any of it is read."""
    most = limits().max_row_group_bytes
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        values = sum(group.column(place).num_values for place in range(group.num_columns))
        if max(group.total_byte_size, values * BYTES_A_VALUE) > most:
            raise InputError(
                f"{source}: row group {number} becomes {group.total_byte_size:,} bytes with "
                f"{values:,} values, limits.max_row_group_bytes allows {most:,}; write the file "
                f"with smaller row groups, or raise the limit in a file that {VARIABLE} names"
            )


def _check_repeated_texts(place: Any, metadata: pq.FileMetaData, source: Input) -> None:
    """Refuse a file in which a long text, stored once, is repeated until it fills the memory.

    Such texts are in a dictionary: 12 MB become 60 GB. They are counted without being decoded.
    """
    leaves = [metadata.schema.column(number) for number in range(metadata.num_columns)]
    texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
    most = source.limits.document_bytes
    with pq.ParquetFile(place, read_dictionary=texts, pre_buffer=False) as file:
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            values = max(group.column(place).num_values for place in range(group.num_columns))
            # The whole dictionary is read, even for few rows.
            head = next(file.iter_batches(1, row_groups=[number]), None)
            longest = max(map(_longest_in, [] if head is None else head.columns), default=0)
            if longest * values <= most:
                continue
            for batch in file.iter_batches(ROWS, row_groups=[number]):
                size = sum(map(_decoded_bytes, batch.columns))
                if size > most:
                    raise InputError(
                        f"{source}: {batch.num_rows:,} rows become {size:,} bytes, more than "
                        f"data.max_document_bytes={most:,}"
                    )


def _longest_in(column: pa.Array) -> int:
    texts = (pc.max(pc.binary_length(part.dictionary)).as_py() for part in _dictionaries(column))
    return max((length or 0 for length in texts), default=0)


def _decoded_bytes(column: pa.Array) -> int:
    size = int(column.nbytes)
    for part in _dictionaries(column):
        lengths = pc.binary_length(part.dictionary).cast(pa.int64())
        size += pc.sum(lengths.take(part.indices)).as_py() or 0
    return size


def _dictionaries(column: pa.Array) -> Iterator[pa.DictionaryArray]:
    """Yield the encoded texts of a column, however deep they are."""
    if pa.types.is_dictionary(column.type):
        if _is_text(column.type.value_type) or column.type.value_type in BYTES:
            yield column
    elif pa.types.is_struct(column.type):
        for field in column.flatten():
            yield from _dictionaries(field)
    elif _is_list(column.type):
        yield from _dictionaries(column.flatten())


def _sample(file: pq.ParquetFile) -> list[dict[str, Any]]:
    """Return some rows as records, without what cannot be a Python value."""
    names = file.schema_arrow.names
    for batch in file.iter_batches(SAMPLE):
        columns = {}
        for place, name in enumerate(names):
            try:
                columns[name] = batch.column(place).to_pylist()
            except (ValueError, OverflowError, pa.ArrowException):
                columns[name] = [None] * batch.num_rows
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return []


def _top(path: str, schema: pa.Schema) -> str:
    """Return the column that a path leads into."""
    if path in schema.names:
        return path
    return next((name for name in schema.names if path.startswith(f"{name}.")), path)


def _check_types(schema: pa.Schema, found: dict[str, list[str]], source: Input) -> None:
    for field, names in found.items():
        for name in names:
            if name in schema.names and not _can_hold(field, schema.field(name).type):
                raise InputError(
                    f"{source}: the column {name} is of type {schema.field(name).type}, which "
                    f"cannot hold {field}; set data.columns.{field} to another column"
                )


def _can_hold(field: str, kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _can_hold(field, kind.value_type)
    if _is_text(kind) or pa.types.is_null(kind) or field == REPOST:
        return True
    if field == "hashtags":
        return _is_list(kind) and (
            _is_text(kind.value_type)
            or pa.types.is_null(kind.value_type)
            or pa.types.is_struct(kind.value_type)
            or (pa.types.is_dictionary(kind.value_type) and _is_text(kind.value_type.value_type))
        )
    if field == "created_at" and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        return True
    return field != "text" and any(is_kind(kind) for is_kind in _ATOMS)


def _is_text(kind: pa.DataType) -> bool:
    # Spark and Impala write texts as bytes.
    return (
        kind in BYTES
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
    )


def _is_list(kind: pa.DataType) -> bool:
    return (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _is_flat(kind: pa.DataType) -> bool:
    """Tell whether Polars has the type, and means the same by it."""
    if _is_list(kind):
        return not pa.types.is_nested(kind.value_type)
    return not pa.types.is_nested(kind) and not pa.types.is_decimal(kind)


def _block(batch: pa.RecordBatch, found: dict[str, list[str]], first: int) -> Block:
    numbers = pa.array(range(first, first + batch.num_rows), pa.int64())
    flat = {
        field: batch[names[0]]
        for field, names in found.items()
        if names[0] in batch.schema.names and _is_flat(batch[names[0]].type) and field != REPOST
    }
    broken = Broken()
    table = pa.table(
        {"row": numbers} | {field: _readable(column) for field, column in flat.items()}
    )
    try:
        table.validate(full=True)
    except pa.ArrowInvalid:
        table = _without_broken_texts(table, broken)
    rows = pl.DataFrame(pl.from_arrow(table))
    nested = {field: names for field, names in found.items() if field not in flat}
    if not nested:
        return Block(rows, broken.frame())
    others = block_of_values(numbers.to_pylist(), _nested(batch, nested), Broken())
    # A row is there if both parts of it are.
    return Block(
        rows.join(others.rows, on="row", maintain_order="left"),
        pl.concat([broken.frame(), others.broken.join(broken.frame(), on="row", how="anti")]),
    )


def _nested(batch: pa.RecordBatch, found: dict[str, list[str]]) -> dict[str, list[Any]]:
    records = _records(batch, [name for names in found.values() for name in names])
    fields = {}
    for field, names in found.items():
        values = [value_at(record, names[0]) for record in records]
        for name in names[1:]:
            values = [
                value_at(record, name) if value is None else value
                for value, record in zip(values, records, strict=True)
            ]
        fields[field] = values
    return fields


def _records(batch: pa.RecordBatch, names: Sequence[str]) -> list[dict[str, Any]]:
    tops = list(dict.fromkeys(_top(name, batch.schema) for name in names))
    return [dict(row) for row in batch.select(tops).to_pylist()]


def _readable(column: pa.Array) -> pa.Array:
    """Return bytes as texts, not yet checked, and times in a unit that Polars has.

    Times that do not fit into it are null.
    """
    kind = column.type
    if kind in BYTES:
        return column.view(BYTES[kind])
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        return column
    unit = kind.unit if pa.types.is_timestamp(kind) else "d" if pa.types.is_date32(kind) else "ms"
    number = pa.int32() if unit == "d" else pa.int64()
    counts = pl.Series("time", pl.from_arrow(column.view(number)))
    return from_unit(counts, unit).to_arrow()


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
    if _is_text(kind):
        return column.cast(pa.binary()).to_pylist()
    return []


def _is_utf_8(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_utf_8, value))
    try:
        return value is None or bool(value.decode() or True)
    except UnicodeDecodeError:
        return False
