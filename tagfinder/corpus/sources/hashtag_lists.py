"""Lists of hashtags written as text, in the forms that programs and people write them."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

import polars as pl

FORMS = '[\'a\', \'b\'] or ["a", "b"], {a,b}, #a #b, a b, a,b, a;b, a|b, <a><b>, [{"text": "a"}]'
"""Forms that `parse_lists` reads, for messages."""
KEYS_OF_NAME = ("tag", "text", "name")
"""Where an object in a list of hashtags has its name: X's two APIs and ActivityPub."""

_TEXT = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
LIST = re.compile(rf"\s*\[\s*(?:{_TEXT}(?:\s*,\s*{_TEXT})*\s*,?)?\s*\]\s*", re.DOTALL)
_PLAIN = r"""(?:'[^'"\\]*'|"[^"\\]*")"""
PLAIN_LIST = rf"^\[(?:{_PLAIN}(?:, ?{_PLAIN})*)?\]$"
"""Most lists: no escapes, so that the texts between the quotes are the hashtags."""
# Output of NumPy, also as `array(...)`.
NUMPY = re.compile(
    rf"(?:array\()?\[\s*{_TEXT}(?:,?\s+{_TEXT})*\s*\](?:,\s*dtype=\w+\))?\)?", re.DOTALL
)
SIGNED = re.compile(r"(?:[#＃][^\s#＃,;|]+[\s,;|]*)+")
# Two forms of Stack Exchange.
BRACKETED = re.compile(r"(?:<[^<>\s]+>)+|\|(?:[^|\s]+\|)+")
# The first of these that any value of a column has is the separator of the column.
SEPARATORS = (",", ";", "|", " ")
# No name of a hashtag has these characters: a text with one was split at the wrong places.
_NO_NAME = re.compile(r"[\s\[\](){}<>\"'`,;|#＃]")
LONGEST = 100_000
"""Characters of a list; Python's parser needs a hundred times as many bytes."""


def parse_lists(texts: pl.Series, separator: str | None = None) -> pl.Series:
    """Return the lists that `texts` (String) write out, null if a text is no list.

    Args:
        texts: in any of `FORMS`, all separated in the same way.
        separator: text between hashtags; null detects it in the column.
    """
    quoted = texts.set(~texts.str.contains(PLAIN_LIST), None).str.extract_all(_PLAIN)
    lists = quoted.list.eval(pl.element().str.head(-1).str.tail(-1))
    left = lists.is_null() & texts.is_not_null()
    if not left.any():
        return lists
    others = texts.filter(left)
    between = separator or _separator_of(others)
    parsed = pl.Series(
        [_parse(text, between, told=separator is not None) for text in others],
        dtype=pl.List(pl.String),
    )
    return parsed.gather((left.cum_sum() - 1).set(~left, None)).zip_with(left, lists)


def names_in(values: list[Any]) -> list[str | None] | None:
    """Return the hashtags of a list of texts or of objects with a `tag`, `text` or `name`.

    Returns:
        None if a value is neither. Objects of another kind, as a mention among the tags of
        ActivityPub, are left out.
    """
    names: list[str | None] = []
    for value in values:
        if isinstance(value, Mapping):
            if value.get("type", "Hashtag") != "Hashtag" and "href" in value:
                continue
            value = next((value[key] for key in KEYS_OF_NAME if value.get(key)), 0)  # noqa: PLW2901
        if not (value is None or isinstance(value, str)):
            return None
        names.append(value)
    return names


def _separator_of(texts: pl.Series) -> str:
    bare = texts.filter(~texts.str.contains(r"^\s*(?:[\[<({]|array\()"))
    for separator in SEPARATORS:
        if bare.str.strip_chars(f" {separator}").str.contains(separator, literal=True).any():
            return separator
    return SEPARATORS[0]


def _parse(text: str, separator: str, told: bool) -> list[str | None] | None:
    text = text.strip()
    if len(text) > LONGEST:
        return None
    if text.startswith(("[", "(", "{", "array(", "c(")):
        return _parse_written(text)
    if SIGNED.fullmatch(text) and not told:
        return re.findall(r"[^\s#＃,;|]+", text)
    if BRACKETED.fullmatch(text):
        return re.findall(r"[^<>|]+", text)
    pieces = text.split() if separator.isspace() else text.split(separator)
    names = [piece.strip().strip("#＃\"'") for piece in pieces]
    names = [name for name in names if name]
    if not told and any(map(_NO_NAME.search, names)):
        return None
    return names  # type: ignore[return-value]


def _parse_written(text: str) -> list[str | None] | None:
    """Return what Python, JSON, NumPy, PostgreSQL or R printed."""
    if text.startswith("c("):
        text = f"[{text[2:-1]}]"
    # The patterns refuse lists that Python accepts but that hold no hashtags: nested ones,
    # numbers.
    if LIST.fullmatch(text):
        return _names_by((json.loads, _read_python), text)
    if NUMPY.fullmatch(text):
        inside = ", ".join(re.findall(_TEXT, text, re.DOTALL))
        return _names_by((_read_python,), f"[{inside}]")
    found = _names_by((json.loads, _read_python), text)
    if found is None and text[0] + text[-1] in ("[]", "{}"):
        return _unquoted(text[1:-1])
    return found


def _unquoted(inside: str) -> list[str | None] | None:
    """Return `a, b` of `[a, b]` or of PostgreSQL's `{a,"b"}`."""
    if not inside.strip():
        return []
    names = [name.strip().strip('"').lstrip("#＃") for name in inside.split(",")]
    if any(not name or _NO_NAME.search(name) or name.isdigit() for name in names):
        return None
    return names  # type: ignore[return-value]


def _names_by(readers: tuple[Any, ...], text: str) -> list[str | None] | None:
    for read in readers:
        try:
            found = read(text)
            names = names_in(list(found)) if isinstance(found, list | tuple | set) else None
            "".join(name or "" for name in names or ()).encode()
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        return names
    return None


def _read_python(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.literal_eval(text.strip())
