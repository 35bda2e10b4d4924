"""Values inside records by dotted paths, as in `commit.record.text`."""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

Record = Mapping[str, Any]

JOIN = "+"
"""`date+time` is the values of both, with a blank between."""
DEEPEST = 6
"""Levels of nesting at which values are looked at to find the text."""


def value_at(record: Record, path: str) -> Any:
    """Return the value at a path, null if there is none.

    A key with the name of the path, dots included, wins. A list on the way gives a list of the
    values of its items. `a+b` joins texts.
    """
    if path in record:
        return record[path]
    if JOIN in path:
        found = [value_at(record, part) for part in path.split(JOIN)]
        texts = [str(value) for value in found if value not in (None, "")]
        return " ".join(texts) if texts else None
    head, dot, rest = path.partition(".")
    while dot:
        if head in record:
            found = _inside(record[head], rest)
            if found is not None:
                return found
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return None


def _inside(value: Any, path: str) -> Any:
    if isinstance(value, str):
        value = parsed(value)
    if isinstance(value, Mapping):
        return value_at(value, path)
    if isinstance(value, list):
        found: list[Any] = []
        for item in value:
            one = _inside(item, path)
            if isinstance(one, list):
                found += one
            elif one is not None:
                found.append(one)
        return found
    return None


def parsed(text: str) -> Any:
    """Return the object or list that a cell of a table writes out as JSON or Python, or null."""
    if text[:1] not in ("{", "["):
        return None
    for read in (json.loads, _read_python):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
    return None


def _read_python(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.literal_eval(text)


def leaves(record: Record, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the paths of a record that lead to one value, with the values."""
    for key, value in record.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            if depth < DEEPEST:
                yield from leaves(value, f"{path}.", depth + 1)
        elif not isinstance(value, list):
            yield path, value
