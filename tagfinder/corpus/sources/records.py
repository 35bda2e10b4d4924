"""From JSON-like records of any form to rows of posts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice
from typing import Any, NamedTuple

from tagfinder.corpus.sources.blocks import Block, block_of_values, in_batches, printable
from tagfinder.corpus.sources.columns import Columns
from tagfinder.corpus.sources.forms import Form, itself
from tagfinder.corpus.sources.forms.registry import recognise
from tagfinder.corpus.sources.json_paths import Record, value_at

NOT_AN_OBJECT = "not a JSON object"
NO_POST = "not a post"
SAMPLE = 100
"""Records that decide the form of a file."""


class Value(NamedTuple):
    """Something read from a file.

    Attributes:
        number: 1-based line or place.
        value: the record, or the text that is broken.
        reason: why it is broken.
        size: about how many characters it has.
    """

    number: int
    value: Any
    reason: str | None = None
    size: int = 100


def read_records(
    values: Iterable[Value], file: object, columns: Columns, form: Form | None = None
) -> Iterator[Block]:
    """Turn the records of a file into blocks.

    Args:
        values: the records, in order.
        file: for messages.
        columns: which field is where.
        form: how the posts are written; null recognises it.

    Raises:
        InputError: the first records lack a field that must be there.
    """
    values = iter(values)
    first = list(islice(values, SAMPLE))
    records = [one.value for one in first if one.reason is None and isinstance(one.value, Mapping)]
    form = form or recognise(records)
    checked = False
    advice: tuple[str, ...] = ()
    for batch in in_batches(_rows(chain(first, values), form)):
        if batch.rows and not checked:
            keys = [printable(key) for key in dict.fromkeys(chain.from_iterable(batch.rows))]
            found = columns.find(keys, file, form, batch.rows)
            advice = columns.advice(found, batch.rows[:SAMPLE])
            checked = True
        names = columns.names(form)
        fields = {name: _values(batch.rows, paths) for name, paths in names.items()}
        block = block_of_values(batch.numbers, fields, batch.broken)
        yield replace(block, html=form.html, advice=advice)


def _rows(values: Iterable[Value], form: Form) -> Iterator[tuple[int, Any, str | None, int]]:
    for one in values:
        if one.reason is not None:
            yield one.number, one.value, one.reason, one.size
        elif not isinstance(one.value, Mapping):
            yield one.number, str(one.value)[:1_000], NOT_AN_OBJECT, one.size
        elif form.unwrap is itself:
            yield one.number, one.value, None, one.size
        else:
            posts = list(form.unwrap(one.value))
            for post in posts:
                if post is None:
                    yield one.number, str(one.value)[:1_000], NO_POST, one.size
                else:
                    yield one.number, post, None, one.size // len(posts)


def _values(rows: list[Record], paths: list[str]) -> list[Any]:
    first, *others = paths
    values = [_at(row, first) for row in rows]
    for path in others:
        values = [
            _at(row, path) if value is None or value == "" else value
            for value, row in zip(values, rows, strict=True)
        ]
    return values


def _at(row: Record, path: str) -> Any:
    return value_at(row, path) if "." in path or "+" in path else row.get(path)
