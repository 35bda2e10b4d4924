"""Post statistics as one file of plain arrays, so that opening need not count all posts again."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np

from tagfinder.errors import InputError
from tagfinder.files import DAMAGED_ZIP, atomic_path
from tagfinder.live.counts.names import Names
from tagfinder.live.counts.statistics import COUNTERS, PostStatistics

FORMAT = 2
# Tables of `Associations` by their names in the file.
TABLES = {"pair_counts": "pairs", "word_counts": "words"}
LISTS = ("hashtag_starts", "hashtag_values")


def save_statistics(statistics: PostStatistics, file: Path) -> None:
    """Write statistics, complete or not at all."""
    n_hashtags = int(statistics.hashtag_starts.values[statistics.n_posts])
    arrays = {
        "hashtag_starts": statistics.hashtag_starts.values[: statistics.n_posts + 1],
        "hashtag_values": statistics.hashtag_values.values[:n_hashtags],
        "pairs": _pairs(statistics),
        "by_date": _by_date(statistics),
        "text": np.frombuffer(_text(statistics), dtype=np.uint8),
    }
    for counter in COUNTERS:
        if not counter.derived:
            counts = getattr(statistics, counter.name)
            arrays |= counts.saved(counter.name, statistics.size(counter.axis))
    for name, table in TABLES.items():
        arrays |= _sparse(name, getattr(statistics.associations, table))
    with atomic_path(file) as path, path.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def load_statistics(file: Path) -> PostStatistics:
    """Read what `save_statistics` wrote.

    Raises:
        InputError: the file is damaged or of another version.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return _restored(dict(arrays))
    except DAMAGED_ZIP as error:
        raise InputError(f"{file} is damaged or of another version ({error})") from error


def _restored(arrays: dict[str, np.ndarray]) -> PostStatistics:
    statistics = PostStatistics()
    text = json.loads(arrays["text"].tobytes())
    if text["format"] != FORMAT:
        raise ValueError(f"format {text['format']}, expected {FORMAT}")
    statistics.n_posts, statistics.n_alive = text["n_posts"], text["n_alive"]
    statistics.hashtags, statistics.authors = Names(text["hashtags"]), Names(text["authors"])
    statistics.spellings = text["spellings"]
    saved = [counter.name for counter in COUNTERS if not counter.derived]
    for name in (*LISTS, *saved):
        getattr(statistics, name).restore(name, arrays)
    for name, table in TABLES.items():
        getattr(statistics.associations, table)[arrays[f"{name}.places"]] = arrays[name]
    statistics.pairs = [{} for _ in statistics.authors.names]
    statistics.reserve("author", len(statistics.authors))
    statistics.reserve("pair", len(arrays["pairs"]))
    for author, hashtag in arrays["pairs"].tolist():
        statistics.add_pair(author, hashtag)
    dates, first = np.unique(arrays["days"].astype(np.int64), return_index=True)
    statistics.first_of_date = dict(zip(dates.tolist(), first.tolist(), strict=True))
    for day, hashtag, count in arrays["by_date"].tolist():
        statistics.by_date.setdefault(day, Counter())[hashtag] = count
    return statistics


def _pairs(statistics: PostStatistics) -> np.ndarray:
    pairs = np.empty((statistics.n_pairs, 2), dtype=np.int32)
    for author, rows in enumerate(statistics.pairs):
        for hashtag, row in rows.items():
            pairs[row] = author, hashtag
    return pairs


def _by_date(statistics: PostStatistics) -> np.ndarray:
    counts = [
        (day, hashtag, count)
        for day, of_day in statistics.by_date.items()
        for hashtag, count in of_day.items()
    ]
    return np.array(counts, dtype=np.int32).reshape(-1, 3)


def _sparse(name: str, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return the values of a table that are not zero; most of a small corpus's are."""
    places = np.flatnonzero(counts)
    return {name: counts[places], f"{name}.places": places.astype(np.int32)}


def _text(statistics: PostStatistics) -> bytes:
    content = {
        "format": FORMAT,
        "n_posts": statistics.n_posts,
        "n_alive": statistics.n_alive,
        "hashtags": statistics.hashtags.names,
        "spellings": statistics.spellings,
        "authors": statistics.authors.names,
    }
    return json.dumps(content, ensure_ascii=False).encode()
