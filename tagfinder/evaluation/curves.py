"""ROC, precision-recall and reliability curves from counts of binned scores.

All take `histograms` (2, L, bins) int64 as `ScoreHistograms.compute` gives it: rows without the
label and rows with it, by the bin of its score, worst first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tagfinder.evaluation.bins import ScoreBins
from tagfinder.evaluation.metrics import binned_average_precision, roc_auc

POINTS = 201
RELIABILITY_BINS = 15


@dataclass(frozen=True)
class Curves:
    """A curve for each label, their mean, and that of all pairs of post and label.

    Attributes:
        grid: (POINTS,) horizontal positions that all share.
        labels: (L, POINTS), NaN if a label has no curve.
        micro: (POINTS,) over all pairs.
        macro: (POINTS,) mean over the labels that have a curve.
        areas: (L,) area under each, NaN if there is none.
        micro_area: area under `micro`.
        macro_area: mean of the areas.
    """

    grid: np.ndarray
    labels: np.ndarray
    micro: np.ndarray
    macro: np.ndarray
    areas: np.ndarray
    micro_area: float
    macro_area: float


def roc_curves(histograms: Tensor) -> Curves:
    """Return true positive rates at each false positive rate."""
    grid = np.linspace(0, 1, POINTS) ** 2  # fine where curves are steep
    curves = np.stack([_roc(false, true, grid) for false, true in _by_label(histograms)])
    pooled = histograms.sum(1)
    areas = roc_auc(*histograms)
    micro = _roc(pooled[0].numpy(), pooled[1].numpy(), grid)
    return _curves(grid, curves, micro, areas, roc_auc(*pooled[:, None]))


def precision_recall_curves(histograms: Tensor) -> Curves:
    """Return precisions at each recall: those of the highest threshold that reaches it."""
    grid = np.linspace(0, 1, POINTS)[1:]
    curves = np.stack([_precisions(false, true, grid) for false, true in _by_label(histograms)])
    pooled = histograms.sum(1)
    areas = binned_average_precision(*histograms)
    pooled_area = binned_average_precision(*pooled[:, None])
    micro = _precisions(pooled[0].numpy(), pooled[1].numpy(), grid)
    return _curves(grid, curves, micro, areas, pooled_area)


@dataclass(frozen=True)
class Reliability:
    """Predicted probabilities beside observed frequencies, in bins of equal width.

    Attributes:
        promised: (B,) mean score of each bin that is not empty.
        kept: (B,) share of its pairs that are true.
        pairs: (B,) number of pairs.
    """

    promised: np.ndarray
    kept: np.ndarray
    pairs: np.ndarray

    @property
    def expected_error(self) -> float:
        """Expected calibration error: mean distance of the two, weighted by pairs."""
        gaps = np.abs(self.promised - self.kept)
        return float((gaps * self.pairs).sum() / max(self.pairs.sum(), 1))


def reliability(scores: np.ndarray, n_true: np.ndarray, n_pairs: np.ndarray) -> Reliability:
    """Put pairs of post and label into bins of equal width of their score.

    Args:
        scores: (S,) scores in [0, 1].
        n_true: (S,) how many of the pairs with this score are true.
        n_pairs: (S,) how many pairs have this score.

    Example:
        >>> found = reliability(np.array([0.9, 0.91]), np.array([1, 0]), np.array([1, 1]))
        >>> found.kept.tolist(), round(found.expected_error, 3)
        ([0.5], 0.405)
    """
    bins = np.minimum((scores * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
    sums = [
        np.bincount(bins, weights=weights, minlength=RELIABILITY_BINS)
        for weights in (scores * n_pairs, n_true, n_pairs)
    ]
    filled = sums[2] > 0
    promised, kept, pairs = (values[filled] for values in sums)
    return Reliability(promised / pairs, kept / pairs, pairs)


def reliability_of_all(histograms: Tensor) -> Reliability:
    """Return the reliability of all pairs of post and label; a bin's scores count as its middle."""
    edges = ScoreBins.for_labels(histograms.shape[1]).edges().double().numpy()
    middles = (edges + np.append(edges[1:], 1.0)) / 2
    counts = histograms.sum(1).numpy()
    return reliability(middles, counts[1], counts.sum(0))


def _by_label(histograms: Tensor) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    return zip(histograms[0].numpy(), histograms[1].numpy(), strict=True)


def _curves(
    grid: np.ndarray, labels: np.ndarray, micro: np.ndarray, areas: Tensor, micro_area: Tensor
) -> Curves:
    known = ~np.isnan(labels).any(1)
    macro = labels[known].mean(0) if known.any() else np.full(len(grid), np.nan)
    mean_area = float(torch.nanmean(areas))
    return Curves(grid, labels, micro, macro, areas.numpy(), float(micro_area), mean_area)


def _from_the_top(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts[::-1])])


def _roc(negatives: np.ndarray, positives: np.ndarray, grid: np.ndarray) -> np.ndarray:
    false, found = _from_the_top(negatives), _from_the_top(positives)
    if false[-1] == 0 or found[-1] == 0:
        return np.full(len(grid), np.nan)
    return np.interp(grid, false / false[-1], found / found[-1])


def _precisions(negatives: np.ndarray, positives: np.ndarray, grid: np.ndarray) -> np.ndarray:
    false, found = _from_the_top(negatives), _from_the_top(positives)
    if found[-1] == 0:
        return np.full(len(grid), np.nan)
    reached = np.searchsorted(found, np.ceil(grid * found[-1] - 1e-9))
    return found[reached] / (found + false)[reached]
