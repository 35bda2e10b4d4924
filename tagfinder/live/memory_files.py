"""A memory as one file of plain arrays, so that opening need not count every post again."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from tagfinder.errors import InputError
from tagfinder.files import atomic_path
from tagfinder.live.columns import Column, Fading
from tagfinder.live.memory import Memory
from tagfinder.live.names import Names

FORMAT = 2
OF_POSTS = ("days", "author_of")
OF_HASHTAGS = (
    *("total", "first_day", "users", "latest_uses", "weekdays", "weekday_day", "spelled"),
    *("spelled_and_used", "spelling_votes"),
)
OF_AUTHORS = ("author_total", "author_repeats", "author_latest")
TABLES = {"pair_counts": "pairs", "word_counts": "words"}
FADING = {"uses": "hashtags", "author_posts": "authors", "pair_uses": "pairs"}


def save_memory(memory: Memory, file: Path) -> None:
    """Write a memory, whole or not at all."""
    sizes = _sizes(memory)
    n_hashtags = int(memory.hashtag_starts.values[memory.n_posts])
    arrays = {
        "hashtag_starts": memory.hashtag_starts.values[: memory.n_posts + 1],
        "hashtag_values": memory.hashtag_values.values[:n_hashtags],
        "pair_total": memory.pair_total.values[: memory.n_pairs],
        "pairs": _pairs(memory),
        "by_date": _by_date(memory),
        "text": np.frombuffer(_text(memory), dtype=np.uint8),
    }
    for names, size in ((OF_POSTS, "posts"), (OF_HASHTAGS, "hashtags"), (OF_AUTHORS, "authors")):
        arrays |= {name: getattr(memory, name).values[: sizes[size]] for name in names}
    for name, table in TABLES.items():
        arrays |= _places(name, getattr(memory.associations, table))
    for name, size in FADING.items():
        fading: Fading = getattr(memory, name)
        arrays[f"{name}.counts"] = fading.counts.values[: sizes[size]]
        arrays[f"{name}.latest"] = fading.latest.values[: sizes[size]]
    with atomic_path(file) as path, path.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def load_memory(file: Path) -> Memory:
    """Read what `save_memory` wrote.

    Raises:
        InputError: the file is damaged or of another version.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return _restored(dict(arrays))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise InputError(f"{file} is damaged or of another version ({error})") from error


def _restored(arrays: dict[str, np.ndarray]) -> Memory:
    memory = Memory()
    text = json.loads(arrays["text"].tobytes())
    if text["format"] != FORMAT:
        raise ValueError(f"format {text['format']}, expected {FORMAT}")
    memory.n_posts, memory.n_alive = text["n_posts"], text["n_alive"]
    memory.hashtags, memory.authors = Names(text["hashtags"]), Names(text["authors"])
    memory.spellings = text["spellings"]
    for name in (
        *("hashtag_starts", "hashtag_values", "pair_total"),
        *(*OF_POSTS, *OF_HASHTAGS, *OF_AUTHORS),
    ):
        _fill(getattr(memory, name), arrays[name])
    for name, table in TABLES.items():
        getattr(memory.associations, table)[arrays[f"{name}.places"]] = arrays[name]
    for name in FADING:
        _fill(getattr(memory, name).counts, arrays[f"{name}.counts"])
        _fill(getattr(memory, name).latest, arrays[f"{name}.latest"])
    memory.pairs = [{} for _ in memory.authors.names]
    memory.last_pair.reach(len(memory.authors))
    for author, hashtag in arrays["pairs"].tolist():
        memory.add_pair(author, hashtag)
    dates, first = np.unique(arrays["days"].astype(np.int64), return_index=True)
    memory.first_of_date = dict(zip(dates.tolist(), first.tolist(), strict=True))
    for day, hashtag, count in arrays["by_date"].tolist():
        memory.by_date.setdefault(day, Counter())[hashtag] = count
    return memory


def _sizes(memory: Memory) -> dict[str, int]:
    return {
        "posts": memory.n_posts,
        "hashtags": len(memory.hashtags),
        "authors": len(memory.authors),
        "pairs": memory.n_pairs,
    }


def _pairs(memory: Memory) -> np.ndarray:
    pairs = np.empty((memory.n_pairs, 2), dtype=np.int32)
    for author, rows in enumerate(memory.pairs):
        for hashtag, row in rows.items():
            pairs[row] = author, hashtag
    return pairs


def _by_date(memory: Memory) -> np.ndarray:
    counts = [
        (day, hashtag, count)
        for day, of_day in memory.by_date.items()
        for hashtag, count in of_day.items()
    ]
    return np.array(counts, dtype=np.int32).reshape(-1, 3)


def _places(name: str, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is not zero of a table: most of a small corpus's is."""
    places = np.flatnonzero(counts)
    return {name: counts[places], f"{name}.places": places.astype(np.int32)}


def _text(memory: Memory) -> bytes:
    content = {
        "format": FORMAT,
        "n_posts": memory.n_posts,
        "n_alive": memory.n_alive,
        "hashtags": memory.hashtags.names,
        "spellings": memory.spellings,
        "authors": memory.authors.names,
    }
    return json.dumps(content, ensure_ascii=False).encode()


def _fill(column: Column, values: np.ndarray) -> None:
    column.reach(len(values))
    column.values[: len(values)] = values
