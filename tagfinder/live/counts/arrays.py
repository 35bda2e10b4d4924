"""NumPy arrays that grow, and counts that decay with time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tagfinder.live.compiled import compiled

FIRST_CAPACITY = 1024


class GrowableArray:
    """A NumPy array whose first axis grows by a quarter at a time; new rows hold `fill`.

    Args:
        dtype: of the values.
        width: values in a row; None for a one-dimensional array.
        fill: initial value of rows.

    Attributes:
        values: the whole allocation, (capacity,) or (capacity, width); rows past the owner's
            count hold `fill`.
    """

    def __init__(self, dtype: type[np.generic], width: int | None = None, fill: float = 0) -> None:
        self.fill = fill
        self.values = self._filled(FIRST_CAPACITY, dtype, width)

    def grow_to(self, size: int) -> None:
        """Make room for at least `size` rows."""
        if size <= len(self.values):
            return
        width = None if self.values.ndim == 1 else self.values.shape[1]
        grown = self._filled(max(size, len(self.values) * 5 // 4), self.values.dtype, width)
        grown[: len(self.values)] = self.values
        self.values = grown

    def saved(self, name: str, size: int) -> dict[str, np.ndarray]:
        """Return the first `size` rows by the name under which a file keeps them."""
        return {name: self.values[:size]}

    def restore(self, name: str, arrays: Mapping[str, np.ndarray]) -> int:
        """Take over the rows that `saved` returned; return how many.

        Raises:
            ValueError: they are of another type or width.
        """
        return self.adopt(arrays[name])

    def adopt(self, rows: np.ndarray) -> int:
        """Take over rows, without a copy if they are many; return how many."""
        there = self.values
        if rows.dtype != there.dtype or rows.shape[1:] != there.shape[1:]:
            raise ValueError(f"rows of {rows.dtype} {rows.shape[1:]} where {there.dtype} belongs")
        if len(rows) < len(there):
            there[: len(rows)] = rows
        else:
            self.values = rows
        return len(rows)

    def _filled(self, size: int, dtype: np.dtype | type, width: int | None) -> np.ndarray:
        shape = size if width is None else (size, width)
        # The system allocates zeros only when they are written to.
        return np.full(shape, self.fill, dtype) if self.fill else np.zeros(shape, dtype)


class DecayedCounts:
    """Counts that halve with time, at several half-lives at once.

    A count with half-life H that was 1 at time t is worth 2^-((now - t) / H). Only the value at the
    latest time of a row is stored. Adding, subtracting and reading therefore cost the same at any
    age, and posts may arrive in any order.

    Args:
        half_lives: in days.
    """

    def __init__(self, half_lives: tuple[float, ...]) -> None:
        self.rates = np.log(2) / np.array(half_lives)
        self.counts = GrowableArray(np.float32, len(half_lives))
        self.latest = GrowableArray(np.float64, fill=-np.inf)

    def grow_to(self, size: int) -> None:
        """Make room for at least `size` rows."""
        self.counts.grow_to(size)
        self.latest.grow_to(size)

    def add(self, row: int, day: float, amount: float = 1.0) -> None:
        """Count an event of a day (in days since 1970); a negative amount subtracts it."""
        latest = self.latest.values[row]
        counts = self.counts.values[row]
        if day < latest:
            counts += amount * np.exp(self.rates * (day - latest))
            return
        if day > latest > -np.inf:
            counts *= np.exp(self.rates * (latest - day))
        counts += amount
        self.latest.values[row] = day

    def read(self, rows: np.ndarray, now: float, which: slice = slice(None)) -> np.ndarray:
        """Return (R, H) float64 counts of rows, decayed until `now`.

        Args:
            rows: (R,) which rows.
            now: day, in days since 1970.
            which: half-lives to read; all by default.
        """
        counts, rates = self.counts.values[:, which], self.rates[which]
        return _decayed(counts, self.latest.values, rates, rows, now)

    def saved(self, name: str, size: int) -> dict[str, np.ndarray]:
        """Return the first `size` rows by the names under which a file keeps them."""
        counts = self.counts.saved(f"{name}.counts", size)
        return counts | self.latest.saved(f"{name}.latest", size)

    def restore(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over the rows that `saved` returned."""
        self.counts.restore(f"{name}.counts", arrays)
        self.latest.restore(f"{name}.latest", arrays)


@compiled
def decay(day: float, now: float, half_life: float) -> float:
    """Return what an event of a day is worth at `now`: half after a half-life, in days."""
    return 2.0 ** (-max(now - day, 0.0) / half_life)


@compiled
def _decayed(
    counts: np.ndarray, latest: np.ndarray, rates: np.ndarray, rows: np.ndarray, now: float
) -> np.ndarray:
    decayed = np.empty((len(rows), len(rates)))
    for position in range(len(rows)):
        row = rows[position]
        # A row without counts has no latest time; the bound keeps its zero counts zero.
        age = min(max(now - latest[row], 0.0), 1e5)
        for column in range(len(rates)):
            decayed[position, column] = counts[row, column] * np.exp(-age * rates[column])
    return decayed
