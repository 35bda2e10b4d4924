"""Random choices that are the same on every machine.

Only uniform numbers of PCG64 and plain additions and comparisons are used: what NumPy's other
distributions and the processor's vector arithmetic give may differ in the last digit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")

BLOCK = 65_536


class Table(Generic[T]):
    """Items to choose from, with weights that need not sum to 1."""

    def __init__(self, weighted: Iterable[tuple[T, float]]) -> None:
        pairs = [(item, weight) for item, weight in weighted if weight > 0]
        self.items = [item for item, _ in pairs]
        self.bounds = list(accumulate(weight for _, weight in pairs))


class Dice:
    """A stream of random choices.

    Args:
        seed: whole numbers that determine all choices.
    """

    def __init__(self, *seed: int) -> None:
        generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
        self._numbers = self._stream(generator)

    @staticmethod
    def _stream(generator: np.random.Generator) -> Iterator[float]:
        while True:
            yield from generator.random(BLOCK).tolist()

    def roll(self) -> float:
        """Return a number from 0 to below 1."""
        return next(self._numbers)

    def chance(self, probability: float) -> bool:
        """Return true with the given probability."""
        return next(self._numbers) < probability

    def one_of(self, items: Sequence[T]) -> T:
        """Return one of the items, each as likely."""
        return items[int(next(self._numbers) * len(items))]

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(next(self._numbers) * (high - low + 1))

    def draw(self, table: Table[T]) -> T:
        """Return an item of the table, by its weight."""
        place = bisect_right(table.bounds, next(self._numbers) * table.bounds[-1])
        return table.items[min(place, len(table.items) - 1)]
