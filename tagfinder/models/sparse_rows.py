"""Rows that are mostly zero, without `scipy.sparse`, whose import takes as long as Polars' own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SparseRows:
    """A matrix in compressed rows, for products with a dense one.

    Attributes:
        data: (M,) float32 values, row by row.
        indices: (M,) their columns, ascending within a row.
        indptr: (N + 1,) row i has the values from `indptr[i]` to `indptr[i + 1]`.
    """

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray

    def __matmul__(self, dense: np.ndarray) -> np.ndarray:
        """Return (N, C) float32 products with (F, C), each a sum in the order of the columns."""
        products = np.zeros((len(self.indptr) - 1, dense.shape[1]), dtype=dense.dtype)
        for row, (first, last) in enumerate(zip(self.indptr, self.indptr[1:], strict=False)):
            terms = self.data[first:last, None] * dense[self.indices[first:last]]
            np.add.reduce(terms, axis=0, out=products[row])
        return products
