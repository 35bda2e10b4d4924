"""Where numbers stand among a few others, for compiled loops."""

from __future__ import annotations

import numpy as np

from tagfinder.live.compiled import compiled

# What `placed` returns (a plain tuple, see `PostColumns`).
Places = tuple[np.ndarray, np.ndarray]

# An odd multiplier that spreads neighbouring numbers over 32 bits (Knuth, TAOCP 3, section 6.4).
SPREAD = np.uint32(2654435769)


@compiled
def placed(numbers: np.ndarray) -> Places:
    """Return a table that tells where each of some distinct numbers stands.

    Args:
        numbers: (N,) distinct, from 0 on.

    Returns:
        (S,) int32 places in `numbers`, -1 where there is none, each where its number's hash points
        or at the next free slot after it; and `numbers`.
    """
    bits = 4
    # Three of four slots stay free, so that most numbers that are not there meet one at once.
    while (1 << bits) < 4 * len(numbers):
        bits += 1
    slots = np.full(1 << bits, -1, np.int32)
    for place in range(len(numbers)):
        slot = _first_slot(numbers[place], len(slots))
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = place
    return slots, numbers


@compiled
def place_of(number: int, places: Places) -> int:
    """Return where a number stands, -1 where it does not."""
    slots, numbers = places
    slot = _first_slot(number, len(slots))
    while slots[slot] >= 0:
        if numbers[slots[slot]] == number:
            return int(slots[slot])
        slot = (slot + 1) & (len(slots) - 1)
    return -1


@compiled
def _first_slot(number: int, n_slots: int) -> int:
    spread = np.uint32(number) * SPREAD
    return int(spread >> np.uint32(16)) & (n_slots - 1)


@compiled
def put_among(row: np.ndarray, places: Places, wanted: np.ndarray, values: np.ndarray) -> None:
    """Put values into a row where their numbers stand, and leave out others.

    Args:
        row: (N,) changed in place.
        places: of the row's numbers.
        wanted: (M,) numbers of the values; of several values for a number the last one stays.
        values: (M,).
    """
    for each in range(len(wanted)):
        place = place_of(wanted[each], places)
        if place >= 0:
            row[place] = values[each]


@compiled
def place_among(ascending: np.ndarray, number: int) -> int:
    """Return where a number stands in an ascending row, -1 where it does not."""
    place = int(np.searchsorted(ascending, number))
    return place if place < len(ascending) and ascending[place] == number else -1


def distinct(numbers: np.ndarray) -> np.ndarray:
    """Return the distinct ones of a few whole numbers from 0 on, ascending.

    For so few it takes a tenth of the time of `numpy.unique`.
    """
    ascending = np.sort(numbers)
    differs = np.ones(len(ascending), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=differs[1:])
    return ascending[differs]
