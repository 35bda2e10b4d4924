"""Post statistics as one file of plain arrays, so that opening need not count all posts again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tagfinder.errors import InputError
from tagfinder.files import DAMAGED_ZIP
from tagfinder.live.counts.mapped import map_arrays, save_arrays
from tagfinder.live.counts.names import Names
from tagfinder.live.counts.statistics import COUNTERS, PostStatistics

FORMAT = 3
# Tables of `Associations` by their names in the file.
TABLES = {"pair_counts": "pairs", "word_counts": "words"}
LISTS = ("hashtag_starts", "hashtag_values")


def save_statistics(statistics: PostStatistics, file: Path) -> None:
    """Write statistics, complete or not at all."""
    n_hashtags = int(statistics.hashtag_starts.values[statistics.n_posts])
    arrays = {
        "hashtag_starts": statistics.hashtag_starts.values[: statistics.n_posts + 1],
        "hashtag_values": statistics.hashtag_values.values[:n_hashtags],
        **statistics.pairs.saved("pairs"),
        "text": np.frombuffer(_text(statistics), dtype=np.uint8),
    }
    for counter in COUNTERS:
        counts = getattr(statistics, counter.name)
        arrays |= counts.saved(counter.name, statistics.size(counter.axis))
    for name, table in TABLES.items():
        arrays |= _sparse(name, getattr(statistics.associations, table))
    save_arrays(arrays, file)


def load_statistics(file: Path) -> PostStatistics:
    """Read what `save_statistics` wrote.

    Raises:
        InputError: the file is damaged or of another version.
    """
    try:
        return _restored(map_arrays(file))
    except DAMAGED_ZIP as error:
        raise InputError(f"{file} is damaged or of another version ({error})") from error


def _restored(arrays: Mapping[str, np.ndarray]) -> PostStatistics:
    statistics = PostStatistics()
    text = json.loads(arrays["text"].tobytes())
    if text["format"] != FORMAT:
        raise ValueError(f"format {text['format']}, expected {FORMAT}")
    statistics.n_posts, statistics.n_alive = text["n_posts"], text["n_alive"]
    statistics.hashtags, statistics.authors = Names(text["hashtags"]), Names(text["authors"])
    statistics.spellings = text["spellings"]
    for name in (*LISTS, "pairs", *(counter.name for counter in COUNTERS)):
        getattr(statistics, name).restore(name, arrays)
    for name, table in TABLES.items():
        getattr(statistics.associations, table)[arrays[f"{name}.places"]] = arrays[name]
    statistics.first_of_date = _first_of_date(statistics.days.values[: statistics.n_posts])
    return statistics


def _first_of_date(days: np.ndarray) -> dict[int, int]:
    dates = days.astype(np.int64)
    # Posts are nearly in order of time, so few of them differ in date from the one before.
    changes = np.flatnonzero(np.diff(dates, prepend=dates[:1] - 1))
    found, first = np.unique(dates[changes], return_index=True)
    return dict(zip(found.tolist(), changes[first].tolist(), strict=True))


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
