"""Blocks of rows, the common result of all readers: usable rows and broken ones."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from types import NoneType
from typing import Any

import polars as pl
import pyarrow as pa

from tagfinder.corpus.sources.columns import REPOST
from tagfinder.corpus.sources.hashtag_lists import names_in

ROWS = 50_000
CHARACTERS = 2**25
"""A block ends at so many rows or characters, so that memory is bounded for rows of any length."""

NOT_UTF_8 = "not UTF-8"
NOT_A_LIST = "hashtags is not a list"
TYPED = frozenset({"$oid", "$numberLong", "$numberInt", "$numberDouble", "$date"})
WHOLE = re.compile(r"-?\d{1,18}")
TEXT: set[type] = {str, NoneType}
NUMBER: set[type] = {int, float}
TYPES: dict[str, set[type]] = {
    "id": TEXT | NUMBER,
    "created_at": TEXT | NUMBER,
    "text": TEXT,
    "hashtags": TEXT | {list},
    "entity_name": TEXT | NUMBER,
    "lang": TEXT | NUMBER,
}


@dataclass
class Broken:
    """Rows that cannot be read, in file order."""

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
            has, in the file's own types; `repost` where the file says it.
        broken: `row`, `reason` and `content` of the rows that cannot be read.
        html: whether the texts are HTML.
        advice: what may be in a column that is not read, with the setting that reads it.
    """

    rows: pl.DataFrame
    broken: pl.DataFrame
    html: bool = False
    advice: tuple[str, ...] = ()


@dataclass
class Batch:
    """Rows that are being collected for one block."""

    numbers: list[int] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    broken: Broken = field(default_factory=Broken)

    @property
    def any(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.rows or self.broken.numbers)


def in_batches(rows: Iterable[tuple[int, Any, str | None, int]]) -> Iterator[Batch]:
    """Yield rows in batches of bounded size.

    Args:
        rows: number, row and no reason, or number, content and the reason why it is broken; and
            about how many characters it has.
    """
    batch, size = Batch(), 0
    for number, row, reason, characters in rows:
        if reason is None:
            batch.numbers.append(number)
            batch.rows.append(row)
        else:
            batch.broken.add(number, reason, row)
        size += characters
        if len(batch.rows) + len(batch.broken.numbers) >= ROWS or size >= CHARACTERS:
            yield batch
            batch, size = Batch(), 0
    if batch.any:
        yield batch


def block_of_values(numbers: list[int], fields: dict[str, list[Any]], broken: Broken) -> Block:
    """Make a block of values of any types; rows whose values cannot be a field's are broken."""
    fields = {name: [_plain(name, value) for value in values] for name, values in fields.items()}
    wrong: dict[int, str] = {}
    for name, values in fields.items():
        if name == REPOST or not set(map(type, values)) - TYPES[name]:
            continue
        reason = NOT_A_LIST if name == "hashtags" else f"{name} is not a text"
        wrong |= {i: reason for i, value in enumerate(values) if type(value) not in TYPES[name]}
    for index, reason in sorted(wrong.items()):
        content = {name: values[index] for name, values in fields.items()}
        broken.add(numbers[index], reason, json.dumps(content, ensure_ascii=False, default=str))
    good = [index for index in range(len(numbers)) if index not in wrong]
    if wrong:
        numbers = [numbers[index] for index in good]
        fields = {name: [values[index] for index in good] for name, values in fields.items()}
    return make_block(numbers, {name: _uniform(values) for name, values in fields.items()}, broken)


def _plain(name: str, value: Any) -> Any:  # noqa: PLR0911 - one for each kind of value
    """Return a value as a text, a number, or for hashtags a list of texts, where it can be one."""
    if type(value) is str or value is None:
        return value
    value = _without_type(value)
    kind = type(value)
    if kind is str or value is None:
        return value
    if name == "text" and isinstance(value, list):
        return _joined(value)
    if name == REPOST:
        return bool(value)
    if name == "hashtags":
        return _names(value)
    if isinstance(value, list) and name in ("entity_name", "lang"):
        # Bluesky lists the languages of a post, the first being the one it was written in.
        return value[0] if value and isinstance(value[0], str) else None
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == int(value) else float(value)
    if kind is float and not math.isfinite(value):
        return None
    if name == "created_at" and kind not in NUMBER:
        # It is no time, but does not cost the post.
        return str(value)
    return None if name in ("entity_name", "lang") and kind not in NUMBER else value


def _without_type(value: Any) -> Any:
    """Return the value of `{"$numberLong": "7"}`, as MongoDB's export writes it."""
    while isinstance(value, Mapping) and len(value) == 1 and (key := next(iter(value))) in TYPED:
        value = value[key]
        if key == "$numberLong" and isinstance(value, str) and WHOLE.fullmatch(value):
            value = int(value)
    return value


def _joined(parts: list[Any]) -> Any:
    """Return a text whose parts, some of them objects with their own text, are in a list."""
    if not any(isinstance(part, Mapping) for part in parts):
        return parts
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    known = [text for text in texts if isinstance(text, str)]
    return "".join(known) if len(known) == len(parts) else parts


def _names(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list | tuple):
        names = names_in(list(value))
        return tuple(value) if names is None else names
    return None if isinstance(value, float) and math.isnan(value) else value


def _uniform(values: list[Any]) -> list[Any]:
    """Return all values as texts, or all as lists of texts."""
    types = set(map(type, values))
    if types <= TEXT or types <= {list, NoneType} or types <= {bool, NoneType}:
        return values
    return [value if type(value) in TEXT else _dumped(value) for value in values]


def _dumped(value: Any) -> str:
    if isinstance(value, list):
        value = [text for text in value if text is not None]
    return json.dumps(value)


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
        arrays[name] = pa.array(values, _arrow_type(set(map(type, values))))
    return pl.DataFrame(pl.from_arrow(pa.table(arrays)))


def _arrow_type(types: set[type]) -> pa.DataType:
    if list in types:
        return pa.list_(pa.string())
    return pa.bool_() if bool in types else pa.string()


def _where(values: list[Any], good: list[bool]) -> list[Any]:
    return [value for value, fine in zip(values, good, strict=True) if fine]


def _is_unicode(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_unicode, value))
    return not isinstance(value, str) or printable(value) == value


def printable(text: str) -> str:
    r"""Return `text` with lone surrogates, which represent broken bytes, as `\udc..`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
