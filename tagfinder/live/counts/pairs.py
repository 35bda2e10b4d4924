"""Rows for pairs of an author and a hashtag, found by a hash table of whole numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tagfinder.live.compiled import compiled
from tagfinder.live.counts.arrays import GrowableArray
from tagfinder.live.index_map import SPREAD_FIRST, SPREAD_SECOND

FIRST_SLOTS = 1024
NO_ROW = -1


class Pairs:
    """Numbers distinct pairs of an author and a hashtag, in order of first appearance.

    A pair takes 16 bytes, and 5 to 11 in an open-addressing hash table (a dict of dicts takes 100).

    Attributes:
        numbers: (capacity, 2) int32 the author and the hashtag of each row.
    """

    def __init__(self) -> None:
        self.numbers = GrowableArray(np.int32, 2)
        self._size = 0
        self._before = GrowableArray(np.int32)
        self._last = GrowableArray(np.int32, fill=NO_ROW)
        self._slots = np.full(FIRST_SLOTS, NO_ROW, np.int32)

    def __len__(self) -> int:
        return self._size

    def row(self, author: int, hashtag: int) -> int:
        """Return the row of a pair, -1 if there is none."""
        return int(self._slots[_slot_of(self._slots, self.numbers.values, author, hashtag)])

    def add(self, author: int, hashtag: int) -> int:
        """Return the row of a pair that has none yet."""
        row, self._size = self._size, self._size + 1
        self.numbers.grow_to(self._size)
        self._before.grow_to(self._size)
        self._last.grow_to(author + 1)
        if 3 * self._size > 2 * len(self._slots):
            self._slots = _hashed(self.numbers.values[:row], 2 * len(self._slots))
        self._slots[_slot_of(self._slots, self.numbers.values, author, hashtag)] = row
        self.numbers.values[row] = author, hashtag
        self._before.values[row] = self._last.values[author]
        self._last.values[author] = row
        return row

    def of(self, author: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (U,) int32 hashtags that an author ever used, and (U,) int64 the pairs' rows."""
        if author >= len(self._last.values):
            return np.empty(0, np.int32), np.empty(0, np.int64)
        return _chained(self.numbers.values, self._before.values, self._last.values[author])

    def saved(self, name: str) -> dict[str, np.ndarray]:
        """Return all rows by the name under which a file keeps them."""
        return self.numbers.saved(name, self._size)

    def restore(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over the rows that `saved` returned."""
        self._size = self.numbers.restore(name, arrays)
        pairs = self.numbers.values[: self._size]
        self._before.grow_to(self._size)
        self._last.grow_to(int(pairs[:, 0].max(initial=NO_ROW)) + 1)
        _chain(pairs, self._before.values, self._last.values)
        n_slots = FIRST_SLOTS
        while 3 * self._size > 2 * n_slots:
            n_slots *= 2
        self._slots = _hashed(pairs, n_slots)


@compiled
def _slot_of(slots: np.ndarray, pairs: np.ndarray, author: int, hashtag: int) -> int:
    """Return the slot that has the row of a pair, or the empty one where it belongs."""
    mixed = (np.uint64(author) * SPREAD_FIRST) ^ (np.uint64(hashtag) * SPREAD_SECOND)
    # The high bits of a product are the well-mixed ones.
    slot = int((mixed * SPREAD_FIRST) >> np.uint64(32)) & (len(slots) - 1)
    while slots[slot] >= 0:
        row = slots[slot]
        if pairs[row, 0] == author and pairs[row, 1] == hashtag:
            break
        slot = (slot + 1) & (len(slots) - 1)
    return slot


@compiled
def _hashed(pairs: np.ndarray, n_slots: int) -> np.ndarray:
    slots = np.full(n_slots, NO_ROW, np.int32)
    for row in range(len(pairs)):
        slots[_slot_of(slots, pairs, pairs[row, 0], pairs[row, 1])] = row
    return slots


@compiled
def _chain(pairs: np.ndarray, before: np.ndarray, last: np.ndarray) -> None:
    for row in range(len(pairs)):
        author = pairs[row, 0]
        before[row], last[author] = last[author], row


@compiled
def _chained(pairs: np.ndarray, before: np.ndarray, last: int) -> tuple[np.ndarray, np.ndarray]:
    size, row = 0, last
    while row >= 0:
        size, row = size + 1, before[row]
    used, rows = np.empty(size, np.int32), np.empty(size, np.int64)
    row = last
    for position in range(size - 1, -1, -1):
        used[position], rows[position] = pairs[row, 1], row
        row = before[row]
    return used, rows
