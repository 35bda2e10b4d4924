"""Looking numbers up in short ascending rows."""

from __future__ import annotations

import numpy as np


def places_among(there: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find numbers in an ascending row.

    Returns:
        (N,) int64 places in `there`, and (N,) bool, at which of them the wanted number stands.
    """
    if not len(there):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    places = np.minimum(np.searchsorted(there, wanted), len(there) - 1)
    return places, there[places] == wanted


def distinct(numbers: np.ndarray) -> np.ndarray:
    """Return the distinct ones of a few whole numbers from 0 on, ascending.

    For so few it takes a tenth of the time of `numpy.unique`.
    """
    ascending = np.sort(numbers)
    return ascending[begins(ascending)]


def begins(ascending: np.ndarray) -> np.ndarray:
    """Return (N,) bool, where a number differs from the one before it."""
    differs = np.ones(len(ascending), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=differs[1:])
    return differs
