"""JSON Lines files in which a broken row costs only itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any

from tagfinder.corpus.sources.blocks import CHARACTERS, ROWS, Block, Broken, make_block, printable
from tagfinder.corpus.sources.columns import Columns
from tagfinder.corpus.sources.streams import TOO_LONG, Lines, is_cut, open_text
from tagfinder.corpus.sources.values import NOT_A_DATE, NOT_A_LIST
from tagfinder.errors import InputError

NOT_JSON = "not a JSON object"
TEXT: set[type] = {str, NoneType}
TYPES: dict[str, set[type]] = {
    "id": TEXT | {int},
    "created_at": TEXT | {int, float},
    "text": TEXT,
    "hashtags": TEXT | {list},
    "entity_name": TEXT | {int},
    "lang": TEXT,
}
WRONG_TYPE = {"created_at": NOT_A_DATE, "hashtags": NOT_A_LIST}

Row = dict[str, Any]


def read_json_lines(path: Path, columns: Columns) -> Iterator[Block]:
    """Read a file with one JSON object per line.

    Raises:
        InputError: the file is damaged, is one JSON array, or its first rows lack a column.
    """
    checked = False
    with open_text(path) as stream:
        for numbers, rows, broken in _batches(Lines(stream), path):
            if rows and not checked:
                keys = dict.fromkeys(key for row in rows for key in row)
                columns.find([printable(key) for key in keys], path)
                checked = True
            yield _block(numbers, rows, columns.names(), broken)


def _batches(lines: Lines, path: Path) -> Iterator[tuple[list[int], list[Row], Broken]]:
    numbers: list[int] = []
    rows: list[Row] = []
    broken = Broken()
    size = 0
    for line in lines:
        lines.begin()
        row = _parse(line)
        size += len(line)
        if row is not None:
            numbers.append(lines.number)
            rows.append(row)
        elif line.strip():
            _refuse_array(line, lines.number, path)
            broken.add(lines.number, TOO_LONG if is_cut(line) else NOT_JSON, line)
        if len(rows) + len(broken.numbers) >= ROWS or size >= CHARACTERS:
            yield numbers, rows, broken
            numbers, rows, broken, size = [], [], Broken(), 0
    if rows or broken.numbers:
        yield numbers, rows, broken


def _parse(line: str) -> Row | None:
    if is_cut(line):
        return None
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _refuse_array(line: str, number: int, path: Path) -> None:
    if number == 1 and line.lstrip().startswith("["):
        raise InputError(f"{path} is one JSON array; write one object per line (JSON Lines)")


def _block(
    numbers: list[int], rows: list[Row], names: dict[str, list[str]], broken: Broken
) -> Block:
    fields = {field: _values(rows, looked_for) for field, looked_for in names.items()}
    wrong = _wrong_types(fields)
    for index, reason in wrong.items():
        broken.add(numbers[index], reason, json.dumps(rows[index], ensure_ascii=False))
    good = [index for index in range(len(rows)) if index not in wrong]
    fields = {field: _uniform([values[i] for i in good]) for field, values in fields.items()}
    return make_block([numbers[i] for i in good], fields, broken)


def _values(rows: list[Row], names: list[str]) -> list[Any]:
    first, *others = names
    values = [row.get(first) for row in rows]
    for name in others:
        values = [
            row.get(name) if value is None else value
            for value, row in zip(values, rows, strict=True)
        ]
    return values


def _wrong_types(fields: dict[str, list[Any]]) -> dict[int, str]:
    wrong: dict[int, str] = {}
    for field, values in fields.items():
        allowed = TYPES[field]
        if set(map(type, values)) - allowed:
            reason = WRONG_TYPE.get(field, f"{field} is not a text")
            wrong |= {i: reason for i, value in enumerate(values) if type(value) not in allowed}
    if "hashtags" in fields:
        for index, value in enumerate(fields["hashtags"]):
            if type(value) is list and set(map(type, value)) - TEXT:
                wrong[index] = NOT_A_LIST
    return wrong


def _uniform(values: list[Any]) -> list[Any]:
    """Return all values as texts, or all as lists of texts."""
    types = set(map(type, values))
    if types <= TEXT or types <= {list, NoneType}:
        return values
    return [value if type(value) in TEXT else _dumped(value) for value in values]


def _dumped(value: Any) -> str:
    if isinstance(value, list):
        value = [text for text in value if text is not None]
    return json.dumps(value)
