"""Finding the posts whose vectors are nearest: an HNSW graph of usearch in main memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tagfinder.errors import InputError
from tagfinder.live.text_index import Neighbours


class VectorIndex:
    """Posts by the vectors that a sentence encoder gave them, by cosine.

    Args:
        dimension: numbers in a vector.

    Raises:
        InputError: the package is missing.
    """

    def __init__(self, dimension: int) -> None:
        try:
            from usearch.index import Index
        except ImportError as error:
            raise InputError(
                "parts=meaning needs usearch: pip install 'tagfinder[live]'"
            ) from error
        # Half precision changes cosines in the fourth digit and halves the memory.
        self._index = Index(ndim=dimension, metric="cos", dtype="f16")

    def __len__(self) -> int:
        return len(self._index)

    def add(self, numbers: np.ndarray, vectors: np.ndarray) -> None:
        """Add posts by (P,) numbers with (P, D) float32 vectors; they are found at once."""
        self._index.add(numbers.astype(np.uint64), vectors.astype(np.float32), threads=1)

    def delete(self, numbers: np.ndarray) -> None:
        """Delete posts; unknown numbers are ignored."""
        for number in numbers.tolist():
            self._index.remove(number)

    def contains(self, numbers: np.ndarray) -> np.ndarray:
        """Return (P,) bool: which posts are there."""
        return np.array([number in self._index for number in numbers.tolist()], dtype=bool)

    def search(self, vector: np.ndarray, k: int) -> Neighbours:
        """Return the `k` posts nearest to a (D,) vector, cosines as scores."""
        if not len(self._index):
            return Neighbours(np.empty(0, np.int64), np.empty(0, np.float32))
        found = self._index.search(vector.astype(np.float32), k, threads=1)
        return Neighbours(found.keys.astype(np.int64), 1 - found.distances)

    def save(self, file: Path) -> None:
        """Write the graph into a file."""
        self._index.save(str(file))

    def load(self, file: Path) -> None:
        """Read the graph that `save` wrote."""
        self._index.load(str(file))
