"""Texts of like length together, so that a batch holds little padding."""

from __future__ import annotations

import numpy as np


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
