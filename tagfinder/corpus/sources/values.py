"""From the values that files hold to those of the raw schema."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.schema import RAW_SCHEMA, conform
from tagfinder.corpus.sources.blocks import Block
from tagfinder.corpus.sources.dates import parse_dates
from tagfinder.corpus.sources.hashtag_lists import parse_lists

NO_TEXT = "no text"
NUL = "NUL byte in the text"
NOT_A_DATE = "created_at is not a date"
NOT_A_LIST = "hashtags is not a list"
MISSING = "^(?i:|nan|nat|none|null|<na>)$"
"""How programs write a value that is not there into a text file."""


def usable_posts(block: Block, path: Path, max_characters: int, rejects: Rejects) -> pl.DataFrame:
    """Return the rows of a block that can be used, in the raw schema.

    Args:
        block: rows with any of the raw schema's fields, in the types that a file has: text as
            String; created_at as String, date or number; hashtags as list or String.
        path: the file that they are from.
        max_characters: longer texts cannot be used.
        rejects: where the others go, with file and row.
    """
    _reject(path, block.broken, block.broken["reason"], rejects)
    if block.rows.is_empty():
        return RAW_SCHEMA.to_frame()
    rows = block.rows.select(_present(name, dtype) for name, dtype in block.rows.schema.items())
    converted = {}
    if "created_at" in rows.columns:
        converted["created_at"] = parse_dates(rows["created_at"])
    if "hashtags" in rows.columns:
        converted["hashtags"] = _hashtags(rows["hashtags"])
    reasons = _reasons(rows, converted, max_characters)
    _reject(path, block.rows, reasons, rejects)
    return conform(rows.with_columns(**converted)).filter(reasons.is_null())


def _reject(path: Path, rows: pl.DataFrame, reasons: pl.Series, rejects: Rejects) -> None:
    for reason in reasons.drop_nulls().unique(maintain_order=True):
        bad = rows.filter((reasons == reason).fill_null(False)).drop("reason", strict=False)
        rejects.add(reason, bad.select(pl.lit(str(path)).alias("file"), pl.all()))


def _present(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return a column in which a value that is only said to be missing is null."""
    column = pl.col(name)
    if dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    elif dtype != pl.String:
        return column
    if name == "text":
        return column
    stripped = column.str.strip_chars()
    return pl.when(~stripped.str.contains(MISSING)).then(stripped).alias(name)


def _hashtags(values: pl.Series) -> pl.Series:
    lists = parse_lists(values) if values.dtype == pl.String else values.cast(pl.List(pl.String))
    names = pl.element().str.strip_chars().str.strip_chars_start("#＃")
    return lists.list.eval(names.filter(names != ""))


def _reasons(rows: pl.DataFrame, converted: dict[str, pl.Series], max_characters: int) -> pl.Series:
    text = rows["text"]
    found = {
        NO_TEXT: text.str.strip_chars().fill_null("") == "",
        NUL: text.str.contains("\0", literal=True),
        f"text longer than {max_characters:,} characters": text.str.len_chars() > max_characters,
    }
    for name, reason in (("created_at", NOT_A_DATE), ("hashtags", NOT_A_LIST)):
        if name in converted:
            found[reason] = rows[name].is_not_null() & converted[name].is_null()
    named = [
        pl.when(where.fill_null(False)).then(pl.lit(reason)) for reason, where in found.items()
    ]
    return rows.select(pl.coalesce(named).alias("reason"))["reason"]
