"""From the values that files hold to those of the raw schema."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tagfinder.collect.html_text import html_to_text
from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.schema import RAW_SCHEMA, conform
from tagfinder.corpus.sources.blocks import NOT_A_LIST, Block
from tagfinder.corpus.sources.columns import REPOST
from tagfinder.corpus.sources.dates import Order, parse_dates
from tagfinder.corpus.sources.hashtag_lists import parse_lists

NO_TEXT = "no text"
NUL = "NUL byte in the text"
REPOST_WITHOUT_TEXT = "repost whose text is not in the file"
MISSING = "^(?i:|nan|nat|none|null|<na>)$"
"""How programs write a value that is not there into a text file."""
BYTES = r"""(?s)^b(?:'.*'|".*")$"""
"""Python's form of bytes: texts that were encoded before they were written."""
ROUNDED_ID = r"^\d(?:\.\d+)?[eE]\+?\d+$"
EXACT_FLOAT = 2**53

BAD_TIME = "have a created_at that is not a time (see data.columns.created_at_format)"
ROUNDED = "have an id that was rounded, as 1.29E+18, and is not used (export ids as text)"


@dataclass(frozen=True)
class Meaning:
    """How values are to be understood.

    Attributes:
        max_characters: longer texts cannot be used.
        created_at_format: see `parse_dates`.
        order: see `parse_dates`.
        hashtag_separator: see `parse_lists`.
    """

    max_characters: int
    created_at_format: str | None = None
    order: Order | None = None
    hashtag_separator: str | None = None


def usable_posts(
    block: Block, file: Path | object, meaning: Meaning | int, rejects: Rejects
) -> pl.DataFrame:
    """Return the rows of a block that can be used, in the raw schema.

    Args:
        block: rows with any of the raw schema's fields, in the types that a file has: text as
            String; created_at as String, date or number; hashtags as list or String.
        file: the file that they are from.
        meaning: how values are to be understood, or only the length of the longest text.
        rejects: where the others go, with file and row.

    Returns:
        Frame of the raw schema, and `repost` where the file says it. An invalid time becomes null.
    """
    if isinstance(meaning, int):
        meaning = Meaning(meaning)
    _reject(file, block.broken, block.broken["reason"], rejects)
    if block.rows.is_empty():
        return RAW_SCHEMA.to_frame()
    rows = block.rows.select(_present(name, dtype) for name, dtype in block.rows.schema.items())
    text = _decoded(rows["text"])
    rows = rows.with_columns(text=_plain_text(text) if block.html else text)
    converted = {}
    if "created_at" in rows.columns:
        times = rows["created_at"]
        converted["created_at"] = parse_dates(times, meaning.created_at_format, meaning.order)
        rejects.remark(BAD_TIME, converted["created_at"].null_count() - times.null_count())
    if "hashtags" in rows.columns:
        converted["hashtags"] = _hashtags(rows["hashtags"], meaning.hashtag_separator)
    if "id" in rows.columns:
        converted["id"] = _exact_ids(rows["id"])
        rejects.remark(ROUNDED, converted["id"].null_count() - rows["id"].null_count())
    reasons = _reasons(rows, converted, meaning.max_characters)
    _reject(file, block.rows, reasons, rejects)
    posts = rows.with_columns(**converted).filter(reasons.is_null())
    reposts = {REPOST: posts[REPOST]} if REPOST in posts.columns else {}
    return conform(posts).with_columns(**reposts)


def _reject(file: object, rows: pl.DataFrame, reasons: pl.Series, rejects: Rejects) -> None:
    for reason in reasons.drop_nulls().unique(maintain_order=True):
        bad = rows.filter((reasons == reason).fill_null(False)).drop("reason", strict=False)
        rejects.add(reason, bad.select(pl.lit(str(file)).alias("file"), pl.all()))


def _present(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return a column in which a value that is only said to be missing is null."""
    column = pl.col(name)
    if name == REPOST:
        said = (
            column.cast(pl.String)
            .str.to_lowercase()
            .str.contains(rf"{MISSING}|^(?:false|0(?:\.0)?)$")
        )
        return said.not_().fill_null(False).alias(name)
    if name in ("text", "entity_name", "lang") or dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    elif dtype != pl.String:
        return column
    if name == "text":
        return column
    stripped = column.str.strip_chars()
    return pl.when(~stripped.str.contains(MISSING)).then(stripped).alias(name)


def _decoded(texts: pl.Series) -> pl.Series:
    r"""Return `café` for `b'caf\xc3\xa9'` where most texts of a column are written so."""
    literal = texts.str.contains(BYTES).fill_null(False)
    if 2 * literal.sum() <= len(texts) - texts.null_count():
        return texts
    decoded = [_text_of_bytes(text) for text in texts.filter(literal)]
    fixed = pl.Series(decoded, dtype=pl.String).gather((literal.cum_sum() - 1).set(~literal, None))
    return fixed.zip_with(literal, texts).alias(texts.name)


def _plain_text(texts: pl.Series) -> pl.Series:
    marked = texts.str.contains("[<&]").fill_null(False)
    plain = pl.Series([html_to_text(text) for text in texts.filter(marked)], dtype=pl.String)
    return plain.gather((marked.cum_sum() - 1).set(~marked, None)).zip_with(marked, texts)


def _text_of_bytes(literal: str) -> str:
    try:
        found = ast.literal_eval(literal)
        return found.decode() if isinstance(found, bytes) else literal
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return literal


def _hashtags(values: pl.Series, separator: str | None) -> pl.Series:
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    if values.dtype == pl.String:
        lists = parse_lists(values, separator)
    else:
        lists = values.cast(pl.List(pl.String))
    names = pl.element().str.strip_chars().str.strip_chars_start("#＃")
    return lists.list.eval(names.filter(names != ""))


def _exact_ids(ids: pl.Series) -> pl.Series:
    """Return ids as text, null if a spreadsheet or a float has rounded them."""
    if ids.dtype.is_float():
        exact = ids.set(~(ids.abs() < EXACT_FLOAT), None)
        whole = exact.cast(pl.Int64, strict=False)
        return exact.cast(pl.String).zip_with(
            (whole != exact).fill_null(True), whole.cast(pl.String)
        )
    texts = ids.cast(pl.String)
    return texts.set(texts.str.contains(ROUNDED_ID), None).str.replace(r"^(\d+)\.0$", "$1")


def _reasons(rows: pl.DataFrame, converted: dict[str, pl.Series], max_characters: int) -> pl.Series:
    text = rows["text"]
    empty = text.str.strip_chars().fill_null("") == ""
    found = {}
    if REPOST in rows.columns:
        found[REPOST_WITHOUT_TEXT] = empty & rows[REPOST]
    found |= {
        NO_TEXT: empty,
        NUL: text.str.contains("\0", literal=True),
        f"text longer than {max_characters:,} characters": text.str.len_chars() > max_characters,
    }
    if "hashtags" in converted:
        found[NOT_A_LIST] = rows["hashtags"].is_not_null() & converted["hashtags"].is_null()
    named = [
        pl.when(where.fill_null(False)).then(pl.lit(reason)) for reason, where in found.items()
    ]
    return rows.select(pl.coalesce(named).alias("reason"))["reason"]
