"""Tokens of a text for the live recommender, and the hashtags that they spell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from zlib import crc32

import numpy as np

from tagfinder.corpus.scripts import pairs_in
from tagfinder.corpus.words import stop_words

# Python's `\w` lacks the marks that many scripts write vowels with, and joiners between letters.
_MARKS = (
    "\\u0300-\\u036f\\u0483-\\u0487\\u0591-\\u05bd\\u0610-\\u061a\\u064b-\\u065f\\u0670\\u06d6-\\u06dc"
    "\\u0900-\\u0963\\u0966-\\u0dff\\u0e00-\\u0eff\\u0f18-\\u0fbc\\u1000-\\u109f\\u1780-\\u17d3\\u200c\\u200d"
)
# A mention keeps its sign: the account says more than the same word in a sentence.
WORD = re.compile(rf"@?[\w{_MARKS}]+(?:['’][\w{_MARKS}]+)?")
APOSTROPHES = str.maketrans("", "", "'’")
# Neighbouring words that may spell one hashtag.
LONGEST_NAME = 5
# Rows of a table of word vectors; words share a row where their hashes are equal.
WORD_ROWS = 1 << 16


@dataclass(frozen=True)
class Tokens:
    """Tokens of a text.

    Attributes:
        words: lower-case words, numbers and mentions, in order.
        terms: the distinct words by which posts are found: the ones that are no stop words.
    """

    words: Sequence[str]
    terms: Sequence[str]


def tokenize(text: str) -> Tokens:
    """Return the tokens of a text that was cleaned and has no hashtags."""
    found = split_words(text)
    return Tokens(found, index_terms(found))


def split_words(text: str) -> list[str]:
    """Return the lower-case words, numbers and mentions of a text, in order.

    Example:
        >>> split_words("Don't miss @NASA's COVID-19 webinar")
        ['dont', 'miss', '@nasas', 'covid', '19', 'webinar']

    Of scripts without blanks each two neighbouring characters are a word, see `corpus/scripts.py`.
    """
    return [word.translate(APOSTROPHES) for word in WORD.findall(pairs_in(text.lower()))]


def index_terms(found: Sequence[str]) -> list[str]:
    """Return the words that are not stop words, each once, in order of appearance."""
    stop = _stop_words()
    return [word for word in dict.fromkeys(found) if word not in stop]


def spelled_hashtags(found: Sequence[str], number_of: Mapping[str, int]) -> dict[int, int]:
    """Return the hashtags that up to five neighbouring words spell -> number of words.

    Args:
        found: words in order.
        number_of: hashtag -> its number.

    Example:
        >>> spelled_hashtags(["build", "back", "@better"], {"buildbackbetter": 7, "backto": 8})
        {7: 3}
    """
    plain = [word.lstrip("@") for word in found]
    hashtags: dict[int, int] = {}
    for start in range(len(plain)):
        name = ""
        for n_words, word in enumerate(plain[start : start + LONGEST_NAME], 1):
            name += word
            if name in number_of:
                hashtags.setdefault(number_of[name], n_words)
    return hashtags


def word_rows(words: Sequence[str]) -> np.ndarray:
    """Return (W,) int64 rows of words; a text without words gets the row of the empty word."""
    return np.array([crc32(word.encode()) % WORD_ROWS for word in words or ("",)], dtype=np.int64)


@cache
def _stop_words() -> frozenset[str]:
    return frozenset(stop_words())
