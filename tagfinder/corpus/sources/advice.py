"""Advice on which column holds the texts, times or hashtags, from names and values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean
from typing import Any

import polars as pl

from tagfinder.corpus.sources.dates import parse_dates
from tagfinder.corpus.sources.json_paths import DEEPEST, Record, leaves, parsed

LEAST_CHARACTERS = 15
LEAST_BLANKS = 2
"""Means over a column; names, dates and addresses are below them."""
LEAST_DISTINCT = 0.5
SAMPLE = 200
HASHTAGS = frozenset(
    {"hashtag", "hashtags", "hash_tags", "tag", "tags", "topic", "topics", "keyword", "keywords"}
)
"""Names of columns that may hold hashtags, without case."""


def text_column(records: Iterable[Record]) -> str | None:
    """Return the path whose values are the longest and most varied texts, null if none is one.

    Args:
        records: a sample of the rows.
    """
    scores = {path: _score(texts) for path, texts in _texts_by_path(records).items()}
    best = max(scores, key=lambda path: scores[path], default=None)
    return best if best is not None and scores[best] > 0 else None


def hashtag_column(records: Iterable[Record]) -> str | None:
    """Return the path that is named as hashtags are and has values, null if there is none."""
    return next((path for record in records for path in _hashtag_paths(record)), None)


def _hashtag_paths(record: Record, prefix: str = "", depth: int = 0) -> Iterator[str]:
    for key, value in record.items():
        if key.casefold() in HASHTAGS and value:
            yield f"{prefix}{key}"
            continue
        inner = parsed(value) if isinstance(value, str) else value
        if isinstance(inner, Mapping) and depth < DEEPEST:
            yield from _hashtag_paths(inner, f"{prefix}{key}.", depth + 1)


def time_column(records: Iterable[Record]) -> str | None:
    """Return the path of texts that are all times, null if there is none."""
    found = _texts_by_path(records).items()
    return next((path for path, texts in found if _are_times(texts)), None)


def _texts_by_path(records: Iterable[Record]) -> dict[str, list[str]]:
    values: defaultdict[str, list[str]] = defaultdict(list)
    for record in records:
        for path, value in leaves(record):
            if isinstance(value, str) and value.strip():
                values[path].append(value)
    return values


def _are_times(texts: list[str]) -> bool:
    # A number may be anything; broken bytes are no time.
    if any(text.strip().isdigit() or not text.isascii() for text in texts):
        return False
    return parse_dates(pl.Series(texts, dtype=pl.String)).null_count() == 0


def _score(texts: list[Any]) -> float:
    characters = fmean(map(len, texts))
    blanks = fmean(len(text.split()) - 1 for text in texts)
    distinct = len(set(texts)) / len(texts)
    if characters < LEAST_CHARACTERS or blanks < LEAST_BLANKS or distinct < LEAST_DISTINCT:
        return 0
    # Longer than a post is an article, a biography or markup; more does not make it likelier.
    return distinct * min(blanks, 60)
