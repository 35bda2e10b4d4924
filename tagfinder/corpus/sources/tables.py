"""Rows under a header, as CSV files and spreadsheets have them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any

import polars as pl

from tagfinder.corpus.sources.advice import text_column
from tagfinder.corpus.sources.blocks import (
    TEXT,
    Batch,
    Block,
    block_of_values,
    in_batches,
    make_block,
)
from tagfinder.corpus.sources.columns import Columns, quoted
from tagfinder.corpus.sources.dates import parse_dates
from tagfinder.corpus.sources.forms import Form
from tagfinder.corpus.sources.forms.registry import recognise
from tagfinder.corpus.sources.json_paths import Record, value_at
from tagfinder.errors import InputError

Row = tuple[int, Any, str | None]
SAMPLE = 100
WORDS_OF_A_TEXT = 4
EMPTY = (None, "")


def read_table(
    header: Sequence[str],
    rows: Iterable[Row],
    file: object,
    columns: Columns,
    form: Form | None = None,
    *,
    named: bool = True,
    header_advice: Callable[[], str | None] = lambda: None,
) -> Iterator[Block]:
    """Turn the rows of a table into blocks.

    Args:
        header: names of the columns.
        rows: number, list of values and null; or number, text and reason of a broken row.
        file: for messages.
        columns: which field is where.
        form: how the posts are written; null recognises it.
        named: whether the header is the file's own.
        header_advice: tells which setting finds a header further down, null if there is none.

    Raises:
        InputError: a column is missing; if the header looks like a post, it says which setting to
            use.
    """
    rows = iter(rows)
    first = list(islice(rows, SAMPLE))
    sample = [dict(zip(header, values, strict=False)) for _, values, reason in first if not reason]
    form = form or recognise(sample[:10])
    try:
        found = columns.find(header, file, form, sample)
    except InputError as error:
        if named and (header_is := header_advice()):
            raise InputError(f"{file}: {header_is}") from error
        if named and _is_data(header):
            raise InputError(_no_header(header, file, sample)) from error
        raise
    advice = columns.advice(found, sample)
    places = {name: place for place, name in reversed(list(enumerate(header)))}
    for batch in in_batches(_sized(chain(first, rows))):
        yield replace(_block(batch, found, places), html=form.html, advice=advice)


def _sized(rows: Iterable[Row]) -> Iterator[tuple[int, Any, str | None, int]]:
    for number, values, reason in rows:
        yield number, values, reason, _characters(values)


def _characters(values: Any) -> int:
    try:
        return sum(map(len, values))
    except TypeError:  # numbers of a spreadsheet
        return sum(len(str(value)) for value in values)


def _block(batch: Batch, found: dict[str, list[str]], places: dict[str, int]) -> Block:
    fields = {}
    for field, names in found.items():
        values = _values(batch.rows, names[0], places)
        for name in names[1:]:
            values = [
                other if value in EMPTY else value
                for value, other in zip(values, _values(batch.rows, name, places), strict=True)
            ]
        fields[field] = values
    if set(map(type, chain.from_iterable(fields.values()))) <= TEXT:
        return make_block(batch.numbers, fields, batch.broken)
    return block_of_values(batch.numbers, fields, batch.broken)


def _values(rows: list[Any], name: str, places: dict[str, int]) -> list[Any]:
    place = places.get(name)
    if place is not None:
        return [row[place] for row in rows]
    return [value_at(_record(row, places), name) for row in rows]


def _record(row: Sequence[Any], places: dict[str, int]) -> Record:
    return {name: row[place] for name, place in places.items()}


def _is_data(header: Sequence[str]) -> bool:
    """Tell whether a first line holds values rather than names."""
    cells = [cell.strip() for cell in header if cell.strip()]
    if not cells:
        return False
    times = parse_dates(pl.Series(cells, dtype=pl.String))
    numbers = sum(cell.replace(".", "", 1).isdigit() for cell in cells)
    words = sum(len(cell.split()) > WORDS_OF_A_TEXT for cell in cells)
    return bool(words or numbers or times.null_count() < len(cells))


def _no_header(header: Sequence[str], file: object, sample: Sequence[Record]) -> str:
    numbered = [
        {str(place): value for place, value in enumerate(row.values(), 1)} for row in sample
    ]
    first = {str(place): value for place, value in enumerate(header, 1)}
    likely = text_column([first, *numbered])
    texts = f"data.columns.text={quoted(likely)}" if likely else "data.columns.text=NUMBER"
    return (
        f"{file} seems to have no header: its first line holds values "
        f"({', '.join(header[:3])} …). Say so, and name columns by their numbers from 1: "
        f"data.header=false {texts}"
    )
