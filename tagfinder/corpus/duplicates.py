"""Near-duplicate posts: bots and joint statements repeat themselves with small changes.

Texts are compared without what copies vary in: links, mentions, hashtags, digits, punctuation.
MinHash (Broder 1997) estimates the Jaccard similarity of two texts' words and word pairs;
locality-sensitive hashing finds the pairs worth comparing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

BANDS = 8
ROWS_PER_BAND = 8
VARYING = r"https?://\S*|[@#＃]\w+|[^\p{L}\s]"

_generator = np.random.default_rng(20221123)
_MULTIPLIERS = _generator.integers(1, 2**63, BANDS * ROWS_PER_BAND, dtype=np.uint64) * 2 + 1
_OFFSETS = _generator.integers(0, 2**63, BANDS * ROWS_PER_BAND, dtype=np.uint64)


def comparable(texts: pl.Series) -> pl.Series:
    """Return the texts in lower case without what near-duplicates vary in."""
    bare = texts.str.to_lowercase().str.replace_all(VARYING, " ")
    return bare.str.replace_all(r"\s+", " ").str.strip_chars()


@dataclass(frozen=True)
class Sketches:
    """What is kept of each text to find its near-duplicates: 192 bytes.

    Attributes:
        bands: (N, 8) uint64; texts that agree in one of them may be near-duplicates.
        signatures: (N, 64) uint16; the share of equal numbers estimates the similarity.
        words: (N,) bool, whether the text has any word; one without is like no other.
    """

    bands: np.ndarray
    signatures: np.ndarray
    words: np.ndarray

    @classmethod
    def join(cls, parts: list[Sketches]) -> Sketches:
        """Put the sketches of several batches end to end."""
        return cls(
            np.concatenate([part.bands for part in parts]),
            np.concatenate([part.signatures for part in parts]),
            np.concatenate([part.words for part in parts]),
        )


def sketch(texts: pl.Series) -> Sketches:
    """Sketch each text's set of words and of pairs of neighbouring words."""
    bare = comparable(texts)
    has_words = (bare.str.len_bytes() > 0).to_numpy()
    words = bare.filter(pl.Series(has_words)).str.split(" ")
    minima = np.full((len(texts), BANDS * ROWS_PER_BAND), 0, dtype=np.uint64)
    if len(words):
        minima[has_words] = _minima(words)
    return Sketches(_band_hashes(minima), minima.astype(np.uint16), has_words)


def _minima(words: pl.Series) -> np.ndarray:
    starts = np.concatenate([[0], np.cumsum(words.list.len().to_numpy()[:-1], dtype=np.int64)])
    single = words.explode(empty_as_null=False).hash(seed=1).to_numpy()
    pairs = single * np.uint64(31) + np.append(single[1:], np.uint64(0))
    last_of_text = np.append(starts[1:], len(single)) - 1
    pairs[last_of_text] = single[last_of_text]
    minima = np.empty((len(starts), len(_MULTIPLIERS)), dtype=np.uint64)
    for column, (multiplier, offset) in enumerate(zip(_MULTIPLIERS, _OFFSETS, strict=True)):
        smaller = np.minimum(single * multiplier + offset, pairs * multiplier + offset)
        minima[:, column] = np.minimum.reduceat(smaller, starts)
    # The high bits of a multiply-add hash are the well-mixed ones.
    return minima >> np.uint64(32)


def _band_hashes(minima: np.ndarray) -> np.ndarray:
    banded = minima.reshape(len(minima), BANDS, ROWS_PER_BAND)
    hashes = np.zeros((len(minima), BANDS), dtype=np.uint64)
    for row in range(ROWS_PER_BAND):
        hashes = (hashes ^ banded[:, :, row]) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(29)
    return hashes


def group_near_duplicates(sketches: Sketches, similarity: float = 0.75) -> np.ndarray:
    """Group texts whose estimated Jaccard similarity reaches `similarity`, transitively.

    Returns:
        (N,) int64, for each text the position of the first text of its group.
    """
    n = len(sketches.words)
    edges = [_similar_pairs(sketches, band, similarity) for band in range(BANDS)]
    left, right = (np.concatenate(ends) for ends in zip(*edges, strict=True))
    return _first_of_component(left, right, n)


def _similar_pairs(
    sketches: Sketches, band: int, similarity: float
) -> tuple[np.ndarray, np.ndarray]:
    candidates = np.flatnonzero(sketches.words)
    hashes = sketches.bands[candidates, band]
    order = candidates[np.argsort(hashes, kind="stable")]
    hashes = np.sort(hashes)
    first_of_run = np.maximum.accumulate(
        np.where(np.append(True, hashes[1:] != hashes[:-1]), np.arange(len(order)), 0)
    )
    left, right = order[first_of_run], order
    keep = left != right
    left, right = left[keep], right[keep]
    equal = np.concatenate(
        [
            (
                sketches.signatures[left[i : i + 65536]]
                == sketches.signatures[right[i : i + 65536]]
            ).mean(axis=1)
            for i in range(0, len(left), 65536)
        ]
        or [np.empty(0)]
    )
    return left[equal >= similarity], right[equal >= similarity]


def group_exact_duplicates(hashes: np.ndarray) -> np.ndarray:
    """Group equal texts by the (N,) hashes of `comparable`; returns as `group_near_duplicates`."""
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int64)


def _first_of_component(left: np.ndarray, right: np.ndarray, n: int) -> np.ndarray:
    graph = coo_matrix((np.ones(len(left), dtype=bool), (left, right)), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    _, first = np.unique(component, return_index=True)
    return first[component].astype(np.int64)
