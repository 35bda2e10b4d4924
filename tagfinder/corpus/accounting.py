"""Row accounting of a corpus, in lines for the screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from tagfinder.corpus.hashtags import HashtagRules
from tagfinder.corpus.rejects import Rejects
from tagfinder.progress import say

REASONS = 3
HASHTAGS = 3
MINIMUM = "selection.min_count"
LOOKED_AT = 50
"""Of the most frequent hashtags that were left out, so many are put under the rule that did it."""


def account(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield what to say of a prepared corpus: its rows, and the hashtags that cannot be labels."""
    yield from manifest.get("notes", ())
    kept = sum(manifest["rows"].values())
    yield rows_line(manifest["name"], manifest["rows_read"], kept, manifest["rows_left_out"])
    for what, rows in manifest.get("remarks", {}).items():
        yield f"{rows:,} posts {what}"
    for rule, hashtags in manifest.get("hashtags_left_out", {}).items():
        yield left_out_by(rule, hashtags)


def rows_line(name: str, read: int, kept: int, reasons: Mapping[str, int]) -> str:
    """Say how many rows were read, kept and left out, with the largest reasons."""
    left_out = sum(reasons.values())
    largest = Counter(reasons).most_common(REASONS)
    why = [f"{rows:,} {reason}" for reason, rows in largest]
    others = left_out - sum(rows for _, rows in largest)
    why += [f"{others:,} for other reasons"] if others else []
    listed = f": {'; '.join(why)}" if why else ""
    return f"{name}: {read:,} rows read, {kept:,} kept, {left_out:,} left out{listed}"


def say_rows(name: str, kept: int, rejects: Rejects) -> None:
    """Report rows that were left out or kept with a remark, and notes about files."""
    for note in rejects.notes:
        say(note)
    if rejects.total:
        say(rows_line(name, kept + rejects.total, kept, rejects.counts))
    for what, rows in rejects.remarks.items():
        say(f"{rows:,} posts {what}")


def left_out_by(rule: str, hashtags: list[list[Any]]) -> str:
    """Say which frequent hashtags a setting keeps from being labels, and what to change."""
    named = ", ".join(f"#{hashtag} ({posts:,} posts)" for hashtag, posts in hashtags)
    change = "lower it" if rule.startswith(MINIMUM) else "choose hashtags=any"
    return f"{rule} leaves out {named} as labels; {change} to have them"


def excluded_by_rule(
    rules: HashtagRules, excluded: Counter[str], rare: Counter[str], min_count: int
) -> dict[str, list[list[Any]]]:
    """Return the most frequent hashtags that cannot be labels, by the setting that decides it.

    Args:
        rules: those of the corpus.
        excluded: hashtag that the rules leave out -> number of posts.
        rare: hashtag with fewer posts than `min_count` -> number of posts.
        min_count: fewest posts of a label.
    """
    frequent = _most_frequent(excluded, LOOKED_AT)
    names = pl.Series([[name] for name, _ in frequent], dtype=pl.List(pl.String))
    by_letters = HashtagRules(letters_only=rules.letters_only, stop_words=False).normalise(names)
    letters = [pair for pair, left in zip(frequent, by_letters, strict=True) if not len(left)]
    words = [pair for pair in frequent if pair not in letters]
    found = {
        "hashtags.letters_only=true": letters,
        "hashtags.stop_words=true": words,
        f"{MINIMUM}={min_count}": _most_frequent(rare, HASHTAGS),
    }
    return {
        rule: [list(pair) for pair in pairs[:HASHTAGS]] for rule, pairs in found.items() if pairs
    }


def _most_frequent(counts: Counter[str], n: int) -> list[tuple[str, int]]:
    # Equally frequent ones by name: the order of counting depends on threads.
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:n]
