"""NumPy columns that grow by doubling."""

from __future__ import annotations

import numpy as np

from tagfinder.live.compiled import compiled


class Column:
    """A NumPy array whose first axis grows; new rows hold `fill`.

    Args:
        dtype: of the values.
        width: values in a row; None for a one-dimensional column.
        fill: what rows begin with.

    Attributes:
        values: the whole allocation, (capacity,) or (capacity, width); rows past the owner's
            count hold `fill`.
    """

    def __init__(self, dtype: type[np.generic], width: int | None = None, fill: float = 0) -> None:
        self.fill = fill
        self.values = self._filled(1024, dtype, width)

    def reach(self, size: int) -> None:
        """Make room for at least `size` rows."""
        if size <= len(self.values):
            return
        width = None if self.values.ndim == 1 else self.values.shape[1]
        grown = self._filled(max(size, 2 * len(self.values)), self.values.dtype, width)
        grown[: len(self.values)] = self.values
        self.values = grown

    def _filled(self, size: int, dtype: np.dtype | type, width: int | None) -> np.ndarray:
        return np.full(size if width is None else (size, width), self.fill, dtype=dtype)


class Fading:
    """Counts that halve with time, at several half-lives at once.

    A count of half-life H that was 1 at time t is worth 2^-(now - t) / H. Only the value at a
    row's latest time is kept, so that adding, taking back and reading cost the same at any age,
    and posts may come in any order.

    Args:
        half_lives: in days.
    """

    def __init__(self, half_lives: tuple[float, ...]) -> None:
        self.rates = np.log(2) / np.array(half_lives)
        self.counts = Column(np.float32, len(half_lives))
        self.latest = Column(np.float64, fill=-np.inf)

    def reach(self, size: int) -> None:
        """Make room for at least `size` rows."""
        self.counts.reach(size)
        self.latest.reach(size)

    def add(self, row: int, day: float, amount: float = 1.0) -> None:
        """Count what happened on a day (in days since 1970); a negative amount takes it back."""
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
        """Return (R, H) float64 counts of rows as they stand at `now`.

        Args:
            rows: (R,) which rows.
            now: day, in days since 1970.
            which: of the half-lives, where not all are wanted.
        """
        counts, rates = self.counts.values[:, which], self.rates[which]
        return _faded(counts, self.latest.values, rates, rows, now)


@compiled
def fading(day: float, now: float, half_life: float) -> float:
    """Return what happened once on a day counts at `now`: half after a half-life, in days."""
    return 2.0 ** (-max(now - day, 0.0) / half_life)


@compiled
def _faded(
    counts: np.ndarray, latest: np.ndarray, rates: np.ndarray, rows: np.ndarray, now: float
) -> np.ndarray:
    faded = np.empty((len(rows), len(rates)))
    for place in range(len(rows)):
        row = rows[place]
        # A row without a count yet has no latest time; nothing times anything stays nothing.
        age = min(max(now - latest[row], 0.0), 1e5)
        for column in range(len(rates)):
            faded[place, column] = counts[row, column] * np.exp(-age * rates[column])
    return faded
