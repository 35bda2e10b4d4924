"""The forms in which programs and networks write posts: what is taken from where.

Each form is one module with one `FORM`. To add one, write the module, put its `FORM` into
`registry.FORMS`, and add its row to the table in `docs/data.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]

NO_POST = None
"""Result of `unwrap` for a value that is no post, as a notice of a deletion."""


def itself(record: Record) -> Iterable[Record | None]:
    """Return a record that is one post."""
    return (record,)


@dataclass(frozen=True)
class Form:
    """How one program or network writes posts.

    Attributes:
        name: value of `data.format`.
        written_by: the programs, for the docs.
        fits: whether a record (or what wraps some) is of this form; for tables it gets the first
            row by column names.
        columns: field to the columns or dotted paths that hold it, best first. `repost` is a
            field too: a value in it says that the post repeats another.
        unwrap: gives the posts in a record, or `NO_POST`.
        html: whether texts are HTML.
    """

    name: str
    written_by: str
    fits: Callable[[Record], bool]
    columns: Mapping[str, Sequence[str]]
    unwrap: Callable[[Record], Iterable[Record | None]] = itself
    html: bool = False


def has_all(record: Record, *keys: str) -> bool:
    """Tell whether a record has all of these keys."""
    return all(key in record for key in keys)


def has_any(record: Record, *keys: str) -> bool:
    """Tell whether a record has any of these keys."""
    return any(key in record for key in keys)
