"""Looking numbers up in short ascending rows."""

from __future__ import annotations

import numpy as np

from tagfinder.live.compiled import compiled


@compiled
def place_among(there: np.ndarray, wanted: int) -> int:
    """Return where a number stands in an ascending row, -1 where it does not."""
    place = int(np.searchsorted(there, wanted))
    return place if place < len(there) and there[place] == wanted else -1


@compiled
def places_among(there: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return (N,) int64 where numbers stand in an ascending row, -1 for those that do not."""
    places = np.empty(len(wanted), np.int64)
    for row in range(len(wanted)):
        places[row] = place_among(there, wanted[row])
    return places


@compiled
def put_among(row: np.ndarray, there: np.ndarray, wanted: np.ndarray, values: np.ndarray) -> None:
    """Put values into a row where their numbers stand among ascending ones, and leave out others.

    Args:
        row: (M,) changed in place.
        there: (M,) ascending numbers.
        wanted: (N,) numbers of the values; of several values for a number the last one stays.
        values: (N,).
    """
    for place in range(len(wanted)):
        target = place_among(there, wanted[place])
        if target >= 0:
            row[target] = values[place]


def distinct(numbers: np.ndarray) -> np.ndarray:
    """Return the distinct ones of a few whole numbers from 0 on, ascending.

    For so few it takes a tenth of the time of `numpy.unique`.
    """
    ascending = np.sort(numbers)
    differs = np.ones(len(ascending), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=differs[1:])
    return ascending[differs]
