"""Near-duplicate posts: bots and joint statements repeat themselves with small changes.

Texts are compared without the parts in which copies vary: links, mentions, hashtags, digits,
punctuation. MinHash (Broder 1997) estimates the Jaccard similarity of two texts' words and word
pairs; locality-sensitive hashing finds the pairs worth comparing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

BANDS = 8
ROWS_PER_BAND = 8
PAIRS_AT_ONCE = 2**18
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
    """The sketch of a text that finds its near-duplicates: 192 bytes.

    Attributes:
        bands: (N, 8) uint64; texts that agree in one of them may be near-duplicates.
        signatures: (N, 64) uint16; the share of equal numbers estimates the similarity.
        words: (N,) bool, whether the text has any word; one without is like no other.
    """

    bands: np.ndarray
    signatures: np.ndarray
    words: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the sketches as named arrays, as `SketchFiles` reads them; (N, ...) each."""
        bands = {f"band_{band}": self.band(band) for band in range(BANDS)}
        return {**bands, "signatures": self.signatures, "words": self.words}

    def band(self, band: int) -> np.ndarray:
        """Return the (N,) hashes of a band."""
        return self.bands[:, band]

    def signatures_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the (M, 64) signatures of some texts."""
        return self.signatures[rows]

    @classmethod
    def join(cls, parts: list[Sketches]) -> Sketches:
        """Put the sketches of several batches end to end."""
        return cls(
            np.concatenate([part.bands for part in parts]),
            np.concatenate([part.signatures for part in parts]),
            np.concatenate([part.words for part in parts]),
        )


class SketchFiles:
    """Sketches of several partitions, on disk: of few columns at a time, of few rows at a time.

    Args:
        folders: of the partitions, with the arrays of `Sketches.arrays` as `NAME.npy`.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self.words = self._column("words")
        sizes = [len(np.load(folder / "words.npy", mmap_mode="r")) for folder in folders]
        self._offsets = np.cumsum([0, *sizes])

    def band(self, band: int) -> np.ndarray:
        """Return the (N,) hashes of a band."""
        return self._column(f"band_{band}")

    def signatures_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the (M, 64) signatures of some texts."""
        found = np.empty((len(rows), BANDS * ROWS_PER_BAND), dtype=np.uint16)
        order = np.argsort(rows, kind="stable")
        cuts = np.searchsorted(rows[order], self._offsets)
        for folder, offset, begin, end in zip(
            self._folders, self._offsets, cuts, cuts[1:], strict=False
        ):
            here = order[begin:end]
            if len(here):
                # Mapped only for this read: memory does not grow with the corpus.
                signatures = np.load(folder / "signatures.npy", mmap_mode="r")
                found[here] = signatures[rows[here] - offset]
        return found

    def _column(self, name: str) -> np.ndarray:
        return np.concatenate([np.load(folder / f"{name}.npy") for folder in self._folders])


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


def group_near_duplicates(sketches: Sketches | SketchFiles, similarity: float = 0.75) -> np.ndarray:
    """Group texts whose estimated Jaccard similarity reaches `similarity`, transitively.

    Returns:
        (N,) int64, for each text the position of the first text of its group.
    """
    groups = np.arange(len(sketches.words))
    for band in range(BANDS):
        left, right = _candidates(sketches, band)
        # Copies agree in many bands: skip pairs that are in one group already.
        apart = groups[left] != groups[right]
        left, right = left[apart], right[apart]
        alike = _alike(sketches, left, right, similarity)
        groups = _joined(groups, left[alike], right[alike])
    return groups


def _candidates(sketches: Sketches | SketchFiles, band: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of texts that agree in a band: each with the first of the ones that do."""
    candidates = np.flatnonzero(sketches.words)
    hashes = sketches.band(band)[candidates]
    order = np.argsort(hashes, kind="stable")
    hashes = hashes[order]
    is_first = np.append(True, hashes[1:] != hashes[:-1])[: len(hashes)]
    first_of_run = np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))
    others = np.flatnonzero(~is_first)
    return candidates[order[first_of_run[others]]], candidates[order[others]]


def _alike(
    sketches: Sketches | SketchFiles, left: np.ndarray, right: np.ndarray, similarity: float
) -> np.ndarray:
    """Return (M,) bool: which pairs reach the similarity."""
    alike = np.zeros(len(left), dtype=bool)
    for start in range(0, len(left), PAIRS_AT_ONCE):
        some = slice(start, start + PAIRS_AT_ONCE)
        equal = sketches.signatures_of(left[some]) == sketches.signatures_of(right[some])
        alike[some] = equal.mean(axis=1) >= similarity
    return alike


def _joined(groups: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the groups after those of some pairs have been put together.

    Args:
        groups: (N,) int64, for each text the position of the first text of its group.
        left: (M,) texts.
        right: (M,) texts that are in one group with them from now on.
    """
    if not len(left):
        return groups
    firsts = np.unique(np.concatenate([groups[left], groups[right]]))
    ends = [np.searchsorted(firsts, groups[side]) for side in (left, right)]
    ones = np.ones(len(left), dtype=bool)
    graph = coo_matrix((ones, tuple(ends)), shape=(len(firsts), len(firsts)))
    _, component = connected_components(graph, directed=False)
    _, first = np.unique(component, return_index=True)
    moved = np.arange(len(groups))
    moved[firsts] = firsts[first[component]]
    return moved[groups]


def group_exact_duplicates(hashes: np.ndarray) -> np.ndarray:
    """Group equal texts by the (N,) hashes of `comparable`; returns as `group_near_duplicates`."""
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int64)
