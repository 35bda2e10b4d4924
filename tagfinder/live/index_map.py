"""A hash index of a few numbers, for compiled loops."""

from __future__ import annotations

import numpy as np

from tagfinder.live.compiled import compiled

# What `build_index` returns (a plain tuple, see `PostColumns`).
IndexMap = tuple[np.ndarray, np.ndarray]

# Odd multipliers that spread neighbouring numbers over 32 and over 64 bits (Knuth, TAOCP 3, section
# 6.4); two of the latter for pairs of numbers.
SPREAD = np.uint32(2654435769)
SPREAD_FIRST = np.uint64(0x9E3779B97F4A7C15)
SPREAD_SECOND = np.uint64(0xC2B2AE3D27D4EB4F)


@compiled
def build_index(numbers: np.ndarray) -> IndexMap:
    """Return an index that maps numbers to their positions.

    Args:
        numbers: (N,) distinct, not negative.

    Returns:
        (S,) int32 slots of an open-addressing hash table with positions in `numbers`, -1 for an
        empty slot; and `numbers`.
    """
    bits = 4
    # Three of four slots stay empty, so that most lookups of absent numbers end at the first slot.
    while (1 << bits) < 4 * len(numbers):
        bits += 1
    slots = np.full(1 << bits, -1, np.int32)
    for position in range(len(numbers)):
        slot = _first_slot(numbers[position], len(slots))
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = position
    return slots, numbers


@compiled
def lookup(number: int, index: IndexMap) -> int:
    """Return the position of a number, -1 if it is absent."""
    slots, numbers = index
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
def scatter(row: np.ndarray, index: IndexMap, wanted: np.ndarray, values: np.ndarray) -> None:
    """Write values into a row at the positions of their numbers; absent numbers are skipped.

    Args:
        row: (N,) changed in place.
        index: of the row's numbers.
        wanted: (M,) numbers of the values; of several values for a number the last one stays.
        values: (M,).
    """
    for each in range(len(wanted)):
        position = lookup(wanted[each], index)
        if position >= 0:
            row[position] = values[each]


@compiled
def find_sorted(ascending: np.ndarray, number: int) -> int:
    """Return the position of a number in an ascending row, -1 if it is absent."""
    position = int(np.searchsorted(ascending, number))
    return position if position < len(ascending) and ascending[position] == number else -1


def distinct(numbers: np.ndarray) -> np.ndarray:
    """Return the distinct ones of a few whole numbers, ascending.

    For so few it takes a tenth of the time of `numpy.unique`.
    """
    ascending = np.sort(numbers)
    differs = np.ones(len(ascending), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=differs[1:])
    return ascending[differs]
