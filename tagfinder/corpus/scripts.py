"""Texts in scripts that put no blanks between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese.

Without a dictionary their words are not known. Search engines then take each two neighbouring
characters for a word, which needs no library and works for every language (Lucene's bigram filter
for CJK does so).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise

import polars as pl

_RANGES = (
    (0x0E00, 0x0E7F, "Thai"),
    (0x0E80, 0x0EFF, "Lao"),
    (0x1000, 0x109F, "Burmese"),
    (0x1780, 0x17FF, "Khmer"),
    (0x3005, 0x3007, "ideographic marks"),
    (0x3041, 0x309F, "Hiragana"),
    (0x30A1, 0x30FA, "Katakana"),
    (0x30FC, 0x30FF, "Katakana marks"),
    (0x31F0, 0x31FF, "small Katakana"),
    (0x3400, 0x4DBF, "Han"),
    (0x4E00, 0x9FFF, "Han"),
    (0xF900, 0xFAFF, "Han"),
    (0xFF66, 0xFF9F, "half-width Katakana"),
    (0x20000, 0x323AF, "Han"),
)
# A character class of Rust's regex crate, for use inside brackets.
UNSPACED = "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last, _ in _RANGES)
UNSPACED_RUN = re.compile(
    "[" + "".join(f"{chr(first)}-{chr(last)}" for first, last, _ in _RANGES) + "]+"
)


def cut_into_pairs(texts: pl.Series) -> pl.Series:
    """Write each two neighbouring characters of the scripts above as a separate word.

    `今日は雨` becomes `今日 日は は雨`; letters of other scripts are not touched.

    Args:
        texts: String.
    """
    return map_unspaced(texts, _pairs)


def pairs_in(text: str) -> str:
    """Return one text as `cut_into_pairs` leaves it."""
    return text if text.isascii() else _map_runs(text, _pairs)


def count_tokens(texts: pl.Series) -> pl.Series:
    """Return the number of tokens of each text: words, and pairs of characters without blanks.

    Args:
        texts: String, single blanks between words.

    Returns:
        UInt32; null for null.
    """
    return cut_into_pairs(texts).str.count_matches(" ", literal=True) + 1


def map_unspaced(texts: pl.Series, cut: Callable[[str], str]) -> pl.Series:
    """Replace each run of characters without blanks by what `cut` makes of it, between blanks."""
    concerned = texts.str.contains(f"[{UNSPACED}]").fill_null(False)
    if not concerned.any():
        return texts
    cut_texts = [_map_runs(text, cut) for text in texts.filter(concerned)]
    rows = concerned.arg_true()
    return texts.scatter(rows, pl.Series(cut_texts, dtype=pl.String))


def _map_runs(text: str, cut: Callable[[str], str]) -> str:
    if UNSPACED_RUN.search(text) is None:
        return text
    spaced = UNSPACED_RUN.sub(lambda run: f" {cut(run[0])} ", text)
    return _BLANKS.sub(" ", spaced).strip()


_BLANKS = re.compile(" +")


def _pairs(run: str) -> str:
    """Return each two neighbouring characters, marks with their base character."""
    characters: list[str] = []
    for character in run:
        if characters and unicodedata.category(character).startswith("M"):
            characters[-1] += character
        else:
            characters.append(character)
    pairs = [first + second for first, second in pairwise(characters)]
    return " ".join(pairs or characters)
