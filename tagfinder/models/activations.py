"""Sigmoid and softmax without the import of `scipy.special`, which takes as long as Polars' own."""

from __future__ import annotations

import numpy as np


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), of the same shape and float type."""
    # exp of a number at most 0 cannot overflow.
    small = np.exp(-np.abs(log_odds))
    probabilities: np.ndarray = np.where(log_odds >= 0, 1.0, small) / (1.0 + small)
    return probabilities.astype(log_odds.dtype)


def softmax(margins: np.ndarray) -> np.ndarray:
    """Return (N, C) probabilities of (N, C) margins, of the same float type."""
    shifted = np.exp(margins - margins.max(axis=1, keepdims=True))
    probabilities: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return probabilities
