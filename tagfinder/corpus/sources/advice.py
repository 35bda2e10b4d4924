"""Advice on which column holds the texts, from its values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from statistics import fmean
from typing import Any

from tagfinder.corpus.sources.json_paths import Record, leaves

LEAST_CHARACTERS = 15
LEAST_BLANKS = 2
"""Means over a column; names, dates and addresses are below them."""
LEAST_DISTINCT = 0.5
SAMPLE = 200


def text_column(records: Iterable[Record]) -> str | None:
    """Return the path whose values are the longest and most varied texts, null if none is one.

    Args:
        records: a sample of the rows.
    """
    values: defaultdict[str, list[str]] = defaultdict(list)
    for record in records:
        for path, value in leaves(record):
            if isinstance(value, str) and value.strip():
                values[path].append(value)
    scores = {path: _score(texts) for path, texts in values.items()}
    best = max(scores, key=lambda path: scores[path], default=None)
    return best if best is not None and scores[best] > 0 else None


def _score(texts: list[Any]) -> float:
    characters = fmean(map(len, texts))
    blanks = fmean(len(text.split()) - 1 for text in texts)
    distinct = len(set(texts)) / len(texts)
    if characters < LEAST_CHARACTERS or blanks < LEAST_BLANKS or distinct < LEAST_DISTINCT:
        return 0
    # Longer than a post is an article, a biography or markup; more does not make it likelier.
    return distinct * min(blanks, 60)
