"""How often words occur with hashtags: counts of pairs in tables of fixed size."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from tagfinder.live.compiled import compiled
from tagfinder.live.index_map import SPREAD_FIRST, SPREAD_SECOND

# 32 MB for pairs and 4 MB for words; the system allocates only pages that are written to.
PAIR_BITS = 23
WORD_BITS = 20


class Associations:
    """Counts of posts that have a word and a hashtag, and of posts that have a word.

    A pair is counted at a hash of it, so that memory does not grow with posts: a count-min sketch
    (Cormode and Muthukrishnan, 2005) with one row. A count is never too low. It is too high if
    another pair has the same hash. Posts can be subtracted again.

    Attributes:
        pairs: (2^23,) int32 posts with a word and a hashtag.
        words: (2^20,) int32 posts with a word.
    """

    def __init__(self) -> None:
        self.pairs = np.zeros(1 << PAIR_BITS, np.int32)
        self.words = np.zeros(1 << WORD_BITS, np.int32)

    def add(self, words: Sequence[str], hashtags: Sequence[int], sign: int = 1) -> None:
        """Count a post with distinct words and distinct hashtags; a negative sign subtracts it."""
        if not words:
            return
        keys = _keys(words)
        # Pairs of one post with the same hash count once, both when added and when subtracted.
        self.words[_rows_of_words(keys)] += sign
        if hashtags:
            self.pairs[_rows_of_pairs(keys, np.array(hashtags, dtype=np.int64))] += sign

    def read(self, words: Sequence[str], hashtags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (W, C) int32 posts with both, and (W,) int32 posts with the word.

        Args:
            words: W distinct words.
            hashtags: (C,) hashtag numbers.
        """
        keys = _keys(words)
        return self.pairs[_rows_of_pairs(keys, hashtags)], self.words[_rows_of_words(keys)]

    def posts_with(self, words: Sequence[str]) -> np.ndarray:
        """Return (W,) int32 posts with each word."""
        counts: np.ndarray = self.words[_rows_of_words(_keys(words))]
        return counts


def _keys(words: Sequence[str]) -> np.ndarray:
    codes = np.fromiter(map(crc32, map(str.encode, words)), np.int64, len(words))
    return codes.astype(np.uint64) * SPREAD_FIRST


def _rows_of_words(keys: np.ndarray) -> np.ndarray:
    return (keys >> np.uint64(64 - WORD_BITS)).astype(np.int64)


@compiled
def _rows_of_pairs(keys: np.ndarray, hashtags: np.ndarray) -> np.ndarray:
    rows = np.empty((len(keys), len(hashtags)), np.int64)
    for word in range(len(keys)):
        for candidate in range(len(hashtags)):
            of_hashtag = (np.uint64(hashtags[candidate]) + np.uint64(1)) * SPREAD_SECOND
            mixed = (keys[word] ^ of_hashtag) * SPREAD_FIRST
            rows[word, candidate] = mixed >> np.uint64(64 - PAIR_BITS)
    return rows
