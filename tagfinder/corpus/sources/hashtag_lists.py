"""Lists of hashtags written as text: by Python, as the report's CSV files have them, or as JSON."""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import Any

import polars as pl

_TEXT = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
LIST = re.compile(rf"\s*\[\s*(?:{_TEXT}(?:\s*,\s*{_TEXT})*\s*,?)?\s*\]\s*", re.DOTALL)
_PLAIN = r"""(?:'[^'"\\]*'|"[^"\\]*")"""
PLAIN_LIST = rf"^\[(?:{_PLAIN}(?:, ?{_PLAIN})*)?\]$"
"""Most lists: no escapes, so that the texts between the quotes are the hashtags."""


def parse_lists(texts: pl.Series) -> pl.Series:
    """Return the lists that `texts` (String) write out, null where a text is no list of texts."""
    quoted = texts.set(~texts.str.contains(PLAIN_LIST), None).str.extract_all(_PLAIN)
    lists = quoted.list.eval(pl.element().str.head(-1).str.tail(-1))
    left = lists.is_null() & texts.is_not_null()
    if not left.any():
        return lists
    parsed = pl.Series([_parse(text) for text in texts.filter(left)], dtype=pl.List(pl.String))
    return parsed.gather((left.cum_sum() - 1).set(~left, None)).zip_with(left, lists)


def _parse(text: str) -> list[str] | None:
    # The pattern refuses what Python would accept but nobody meant as this list: 'a' 'b' (one
    # text for Python), nested lists however deep, numbers.
    if not LIST.fullmatch(text):
        return None
    for read in (json.loads, _read_python):
        try:
            found: list[str] = read(text)
            "".join(found).encode()
        except (ValueError, SyntaxError):
            continue
        return found
    return None


def _read_python(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.literal_eval(text.strip())
