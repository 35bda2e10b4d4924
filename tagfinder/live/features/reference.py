"""Writes `docs/live-features.md` from the declarations of columns and counts.

Run it as `python -m tagfinder.live.features.reference`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tagfinder.files import write_text
from tagfinder.live.counts.statistics import COUNTERS
from tagfinder.live.features.columns import Column
from tagfinder.live.features.table import GROUPS

FILE = Path("docs/live-features.md")
INTRODUCTION = """# Features and counts of the live recommender

This page is written by `python -m tagfinder.live.features.reference`; a test compares them.

## Features

Each candidate hashtag of a post has one row. Columns of a source that is left out
(`model.sources`) are missing. Columns marked with * are NaN if the author of the post is unknown.
"""
COUNTS = """
## Counts

Each row belongs to a post, a hashtag, an author, or a pair of an author with a hashtag that they
used. Declared in `tagfinder/live/counts/statistics.py`.

| count | row | type | meaning |
|---|---|---|---|
"""


def as_markdown() -> str:
    """Return the page."""
    features = "\n".join(line for lines in map(_group_lines, range(len(GROUPS))) for line in lines)
    counts = "\n".join(
        f"| `{counter.name}` | {counter.axis} | {counter.kind} | {counter.meaning} |"
        for counter in COUNTERS
    )
    return f"{INTRODUCTION}{features}\n{COUNTS}{counts}\n"


def _group_lines(number: int) -> Iterator[str]:
    group = GROUPS[number]
    source = "always there" if group.source is None else f"source `{group.source}`"
    yield f"\n### {group.title} ({source})\n"
    yield "| column | meaning | unit | range |"
    yield "|---|---|---|---|"
    for name, column in zip(group.names, group.columns, strict=True):
        star = "*" if column.optional else ""
        yield f"| `{name}`{star} | {column.meaning} | {column.unit} | {_range(column)} |"


def _range(column: Column) -> str:
    low, high = f"{column.low:g}", f"{column.high:g}"
    if column.low == -np.inf and column.high == np.inf:
        return "any"
    if column.low == -np.inf:
        return f"up to {high}"
    return f"from {low}" if column.high == np.inf else f"{low} to {high}"


if __name__ == "__main__":
    write_text(FILE, as_markdown())
