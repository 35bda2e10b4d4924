"""How JSON files arrange records: arrays, pages, and the orientations of pandas' `to_json`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tagfinder.corpus.sources.forms.plain import FORM as PLAIN

LISTED_UNDER = frozenset(("statuses", "tweets", "posts", "records", "items", "results", "messages"))
"""Keys under which programs list posts beside facts about the list."""
NAMES = frozenset(name for names in PLAIN.columns.values() for name in names)


def records_in(value: Any) -> Iterable[Any]:
    """Return the records in a value of a file: the value itself, or the records that it lists."""
    if isinstance(value, list):
        if value and all(isinstance(row, list) for row in value):
            return (_numbered(row) for row in value)
        return value
    if not isinstance(value, Mapping) or not value:
        return (value,)
    if set(map(type, value.values())) <= {dict, list}:
        table = _table(value)
        if table is not None:
            return table
    return _listed(value) or (value,)


def _listed(value: Mapping[str, Any]) -> list[Any] | None:
    if LISTED_UNDER.isdisjoint(value) or "text" in value:
        return None
    for key in sorted(LISTED_UNDER & set(value)):
        listed = value.get(key)
        if isinstance(listed, list) and listed and all(isinstance(one, Mapping) for one in listed):
            return listed
    return None


def _table(value: Mapping[str, Any]) -> Iterable[Any] | None:
    """Return the rows of a table that pandas or a dict of lists writes, null if it is not one."""
    columns, data = value.get("columns"), value.get("data")
    if isinstance(columns, list) and isinstance(data, list):  # orient="split"
        names = [str(name) for name in columns]
        return (
            dict(zip(names, row, strict=False)) if isinstance(row, list) else row for row in data
        )
    if isinstance(value.get("schema"), Mapping) and isinstance(data, list):  # orient="table"
        return data
    inner = list(value.values())
    if all(isinstance(column, list) for column in inner):
        lengths = {len(column) for column in inner}
        is_table = len(inner) > 1 and len(lengths) == 1 and NAMES & set(value)
        return _rows(list(value), inner) if is_table else None
    if all(isinstance(column, Mapping) and column for column in inner):
        return _nested_table(value, inner)
    return None


def _nested_table(value: Mapping[str, Any], inner: list[Any]) -> Iterable[Any] | None:
    keys = list(inner[0])
    if any(list(column) != keys for column in inner[1:]):
        # Rows may lack values; columns of pandas never do.
        by_row = all(NAMES & set(row) for row in inner) and all(map(str.isdigit, value))
        return inner if by_row else None
    if _names_columns(list(value), keys):  # orient="columns"
        return _rows(list(value), [list(column.values()) for column in inner])
    return inner if _names_columns(keys, list(value)) else None  # orient="index"


def _names_columns(names: list[str], rows: list[str]) -> bool:
    """Tell whether `names` are those of columns and `rows` the labels of rows."""
    if NAMES & set(rows):
        return False
    return bool(NAMES & set(names)) or all(map(str.isdigit, rows)) > any(map(str.isdigit, names))


def _rows(names: list[str], columns: list[list[Any]]) -> Iterator[dict[str, Any]]:
    for row in zip(*columns, strict=True):
        yield dict(zip(names, row, strict=True))


def _numbered(row: list[Any]) -> dict[str, Any]:
    """Return a row without names with the numbers of its columns."""
    return {str(number): value for number, value in enumerate(row, 1)}
