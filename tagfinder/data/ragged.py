"""Rows of different lengths: stored end to end, and in batches of like length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl


@dataclass(frozen=True)
class Ragged:
    """Rows of numbers without padding.

    Attributes:
        values: (sum of lengths,) the rows, one after the other.
        offsets: (N + 1,) int64, row i is `values[offsets[i]:offsets[i + 1]]`.
    """

    values: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_series(cls, rows: pl.Series) -> Ragged:
        """Store a Polars list column; a null row counts as empty."""
        lengths = rows.list.len().fill_null(0).to_numpy()
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        values = rows.drop_nulls().explode(empty_as_null=False).to_numpy()
        return cls(values, offsets)

    @property
    def lengths(self) -> np.ndarray:
        """(N,) int64 lengths of the rows."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def padded(self, rows: np.ndarray, fill: int, min_width: int = 1) -> np.ndarray:
        """Return the chosen rows as one matrix.

        Args:
            rows: (B,) row numbers.
            fill: value behind the end of a short row.
            min_width: width of the matrix where every chosen row is shorter.

        Returns:
            (B, W) int64, W the longest chosen row's length.
        """
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        width = max(int(lengths.max(initial=0)), min_width)
        inside = np.arange(width) < lengths[:, None]
        matrix = np.full((len(rows), width), fill, dtype=np.int64)
        matrix[inside] = self.values[(starts[:, None] + np.arange(width))[inside]]
        return matrix


def batches_by_length(
    lengths: np.ndarray, batch_size: int, rows: np.ndarray | None = None
) -> list[np.ndarray]:
    """Return row numbers in batches, each row once, the longest texts first.

    The longest come first so that a batch that does not fit into memory fails at once.

    Args:
        lengths: (N,) lengths of the encoded texts.
        batch_size: rows in a batch.
        rows: the rows to take; None takes all.
    """
    rows = np.arange(len(lengths)) if rows is None else rows
    order = rows[np.argsort(-lengths[rows], kind="stable")]
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
