"""How sure a mean over posts is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit


class Interval(NamedTuple):
    """A mean with the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def systematic_samples(values: np.ndarray, n_samples: int) -> np.ndarray:
    """Return the mean of each systematic sample: row i belongs to sample `i mod n_samples`.

    The last `N mod n_samples` rows are dropped, so that samples are of one size. A NaN takes no
    part in its sample's mean.

    Args:
        values: (N,) float64, one score for each row.
        n_samples: number of samples, at most N.

    Returns:
        (n_samples,) float64; NaN if no row of a sample takes part.

    Example:
        >>> systematic_samples(np.array([1.0, 0.0, 0.0, np.nan, 9.0]), 2).tolist()
        [0.5, 0.0]
    """
    table = values[: len(values) // n_samples * n_samples].reshape(-1, n_samples)
    took_part = ~np.isnan(table)
    sums = np.where(took_part, table, 0.0).sum(0)
    counts = took_part.sum(0)
    return np.divide(sums, counts, out=np.full(n_samples, np.nan), where=counts > 0)


def student_interval(values: np.ndarray) -> Interval:
    """Return the mean of independent values with Student's 95 % interval, `N - 1` degrees.

    With 50 systematic samples this is the interval of the student report's Table 6.

    Example:
        >>> [round(value, 4) for value in student_interval(np.array([1.0, 2.0, 3.0]))]
        [2.0, -0.4841, 4.4841]
    """
    mean = float(values.mean())
    error = float(values.std(ddof=1)) / np.sqrt(len(values))
    half = float(stdtrit(len(values) - 1, 0.975) * error)
    return Interval(mean, mean - half, mean + half)


def sampled_interval(values: np.ndarray, n_samples: int) -> Interval | None:
    """Return the report's interval: the mean of systematic samples, and Student's ends.

    Args:
        values: (N,) float64, NaN if a row takes no part.
        n_samples: number of samples.

    Returns:
        None if there are fewer rows than samples, or no row of a sample takes part.

    Example:
        >>> sampled_interval(np.array([np.nan, 1.0, np.nan, 1.0]), 2) is None
        True
    """
    if len(values) < n_samples:
        return None
    means = systematic_samples(values, n_samples)
    return None if np.isnan(means).any() else student_interval(means)
