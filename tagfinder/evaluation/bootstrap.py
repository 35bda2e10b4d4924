"""Bootstrap over clusters of posts: how sure means and their differences are.

Whole clusters are drawn with replacement, as many as there are (Efron and Tibshirani 1993, chapter
8; Field and Welsh 2007 for clusters). A resample is a row of weights, how often each cluster was
drawn, so that all means of all resamples are products of a few matrices.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from tagfinder.evaluation.statistics import Interval

_BLOCK_WEIGHTS = 2**23  # weights made at once: 32 MB


def cluster_bootstrap(
    values: np.ndarray, clusters: np.ndarray, n_resamples: int, seed: int
) -> np.ndarray:
    """Return the mean of each column in each resample.

    Args:
        values: (N, J) scores of N posts, one column for each run and metric; a NaN takes no part
            in its column's mean.
        clusters: (N,) integers from 0; posts of one cluster are drawn together.
        n_resamples: number of resamples B.
        seed: decides which clusters are drawn.

    Returns:
        (B, J) float64; NaN if no post of a resample takes part.

    Example:
        >>> cluster_bootstrap(np.array([[0.5], [0.5]]), np.array([0, 1]), 3, seed=1).tolist()
        [[0.5], [0.5], [0.5]]
    """
    took_part = ~np.isnan(values)
    centres = column_means(values)
    # Deviations from the mean, so that float32 products stay precise enough.
    deviations = _cluster_sums(np.where(took_part, values - centres, 0.0), clusters)
    patterns, pattern_of = np.unique(took_part, axis=1, return_inverse=True)
    counts = _cluster_sums(patterns, clusters)
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK_WEIGHTS // len(counts))
    means = np.empty((n_resamples, values.shape[1]))
    for start in range(0, n_resamples, block):
        weights = _drawn(rng, min(block, n_resamples - start), len(counts))
        n_drawn = (weights @ counts)[:, pattern_of.ravel()]
        with np.errstate(invalid="ignore"):
            means[start : start + len(weights)] = weights @ deviations / n_drawn
    return means + centres


def column_means(values: np.ndarray) -> np.ndarray:
    """Return the (J,) means of (N, J) values without their NaNs; NaN if nothing is left.

    Example:
        >>> column_means(np.array([[1.0, np.nan], [2.0, np.nan]])).tolist()
        [1.5, nan]
    """
    took_part = ~np.isnan(values)
    sums, counts = np.where(took_part, values, 0.0).sum(0), took_part.sum(0)
    return np.divide(sums, counts, out=np.full(values.shape[1], np.nan), where=counts > 0)


def percentile_interval(mean: float, resampled: np.ndarray) -> Interval:
    """Return a mean with the 2.5 % and 97.5 % quantiles of its resamples (B,)."""
    known = resampled[~np.isnan(resampled)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return Interval(mean, float(low), float(high))


def bootstrap_p_value(difference: float, resampled: np.ndarray) -> float:
    """Return how often chance alone gives a difference at least as far from 0, two-sided.

    The resamples, shifted to mean 0, are the null distribution (Noreen 1989). Never below
    `1 / (B + 1)`.

    Args:
        difference: observed difference of two means.
        resampled: (B,) differences of the paired resamples.

    Example:
        >>> bootstrap_p_value(3.0, np.array([2.0, 3.0, 4.0]))
        0.25
    """
    known = resampled[~np.isnan(resampled)]
    as_far = np.abs(known - difference) >= abs(difference)
    return float((1 + as_far.sum()) / (1 + len(known)))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return p-values corrected for their number by Holm's step-down method (1979).

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.maximum.accumulate(p_values[order] * factors).clip(max=1.0)
    return corrected


def _cluster_sums(values: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Add up (N, J) rows by cluster: (clusters that there are, J) float32."""
    _, numbers = np.unique(clusters, return_inverse=True)
    n = len(numbers)
    belongs = csr_matrix((np.ones(n), (numbers, np.arange(n))))
    return np.asarray(belongs @ values.astype(np.float64), dtype=np.float32)


def _drawn(rng: np.random.Generator, n_resamples: int, n_clusters: int) -> np.ndarray:
    """Return (n_resamples, n_clusters) float32: how often each cluster was drawn."""
    weights = np.empty((n_resamples, n_clusters), dtype=np.float32)
    for row in weights:
        drawn = rng.integers(n_clusters, size=n_clusters)
        row[:] = np.bincount(drawn, minlength=n_clusters)
    return weights
