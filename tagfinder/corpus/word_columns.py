"""Replaces the words of many texts at once, on the bytes of their column."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pyarrow as pa

Lookup = Callable[[str], str]


def map_word_columns(texts: pl.Series, lookup: Lookup) -> pl.Series:
    """Replace each blank-separated word of each text by what `lookup` says.

    The words are not cut out of the texts. They are one column of strings on the same bytes, each
    with the blank after it, so that the bytes of the new words are those of the new texts.
    """
    column = texts.cast(pl.String).rechunk().to_arrow().cast(pa.large_string())
    _, offsets, characters = column.buffers()
    if not characters:
        return texts
    bounds = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    cuts = _word_bounds(np.frombuffer(characters, np.uint8), bounds)
    words = _strings(cuts, characters).dictionary_encode()
    replaced = _replace_words(words.dictionary, lookup).take(words.indices)
    word_offsets = np.frombuffer(replaced.buffers()[1], np.int64)
    mapped = _strings(word_offsets[np.searchsorted(cuts, bounds)], replaced.buffers()[2])
    return pl.Series(texts.name, mapped).set(texts.is_null(), None)


def _word_bounds(characters: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the byte positions, int64, where a text or a word begins or ends, ascending."""
    is_bound = np.zeros(bounds[-1] + 1, dtype=bool)
    is_bound[1:] = characters[: bounds[-1]] == ord(" ")
    is_bound[: bounds[0]] = False
    is_bound[bounds] = True
    return np.flatnonzero(is_bound)


def _strings(offsets: np.ndarray, characters: pa.Buffer) -> pa.LargeStringArray:
    """Return the column of strings that lie between each two offsets."""
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), characters)


def _replace_words(words: pa.Array, lookup: Lookup) -> pa.Array:
    """Look words up without the blank that most have behind them, and give it back to those."""
    spaced = pl.Series(words)
    bare = spaced.str.strip_suffix(" ")
    found = pl.Series(map(lookup, bare.to_list()), dtype=pl.String)
    replaced = (found + " ").zip_with(spaced.str.ends_with(" "), found)
    return replaced.to_arrow().cast(pa.large_string())
