"""What the readers of all formats give: rows as they stand in a file, and those that are broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa

ROWS = 50_000
CHARACTERS = 2**25
"""A block ends at so many rows or characters, so that memory is bounded whatever the rows are."""

NOT_UTF_8 = "not UTF-8"


@dataclass
class Broken:
    """Rows that cannot even be read, in the order in which they stand in the file."""

    numbers: list[int] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)

    def add(self, number: int, reason: str, content: str) -> None:
        """Note the row that begins in line `number`."""
        self.numbers.append(number)
        self.reasons.append(reason)
        self.contents.append(printable(content[:1_000]))

    def frame(self) -> pl.DataFrame:
        """Return the rows with their `row` number, `reason` and `content`."""
        return pl.DataFrame(
            {"row": self.numbers, "reason": self.reasons, "content": self.contents},
            schema={"row": pl.Int64, "reason": pl.String, "content": pl.String},
        )


@dataclass(frozen=True)
class Block:
    """Some rows of a file.

    Attributes:
        rows: `row` (1-based line or row number) and the fields of the raw schema that the file
            has, in the file's own types.
        broken: `row`, `reason` and `content` of those that cannot be read.
    """

    rows: pl.DataFrame
    broken: pl.DataFrame


def make_block(numbers: list[int], fields: dict[str, list[Any]], broken: Broken) -> Block:
    """Make a block of Python values: texts, lists of texts, or null.

    Rows with a text that is not Unicode (bytes that were not UTF-8) are moved to `broken`.
    """
    try:
        rows = _frame(numbers, fields)
    except UnicodeEncodeError:
        good = [all(map(_is_unicode, row)) for row in zip(*fields.values(), strict=True)]
        for number, fine, *row in zip(numbers, good, *fields.values(), strict=True):
            if not fine:
                broken.add(number, NOT_UTF_8, str(row))
        kept = {name: _where(values, good) for name, values in fields.items()}
        rows = _frame(_where(numbers, good), kept)
    return Block(rows, broken.frame())


def _frame(numbers: list[int], fields: dict[str, list[Any]]) -> pl.DataFrame:
    # Arrow makes a column of lists several times faster than Polars does.
    arrays = {"row": pa.array(numbers, pa.int64())}
    for name, values in fields.items():
        has_lists = list in set(map(type, values))
        arrays[name] = pa.array(values, pa.list_(pa.string()) if has_lists else pa.string())
    return pl.DataFrame(pl.from_arrow(pa.table(arrays)))


def _where(values: list[Any], good: list[bool]) -> list[Any]:
    return [value for value, fine in zip(values, good, strict=True) if fine]


def _is_unicode(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_unicode, value))
    return value is None or printable(value) == value


def printable(text: str) -> str:
    r"""Return `text` with lone surrogates, which stand for broken bytes, as `\udc..`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
