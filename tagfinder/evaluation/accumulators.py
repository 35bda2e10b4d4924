"""Sums that grow with the number of labels, never with the number of rows.

Each is a `torchmetrics.Metric` whose states are float64 or int64 and are added up across
processes, so that several shards give the result of one pass. No row is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from tagfinder.evaluation.bins import ScoreBins
from tagfinder.evaluation.rankings import PADDING, hits
from tagfinder.evaluation.step_outputs import SparseScores


class MeanScores(Metric):
    """Means of named per-row scores; a row whose score is NaN takes no part in that mean."""

    full_state_update = False
    sums: Tensor
    counts: Tensor
    rows: Tensor

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = list(names)
        zeros = torch.zeros(len(self.names))
        self.add_state("sums", zeros.double(), dist_reduce_fx="sum")
        self.add_state("counts", zeros.long(), dist_reduce_fx="sum")
        self.add_state("rows", torch.zeros(1, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, scores: Mapping[str, Tensor]) -> None:
        """Add rows: one (N,) float64 vector for each of the names."""
        values = torch.stack([scores[name] for name in self.names])
        self.sums += values.nansum(1)
        self.counts += values.isfinite().sum(1)
        self.rows += values.shape[1]

    def compute(self) -> tuple[dict[str, float], dict[str, int], int]:
        """Return the means (NaN if no row took part), the rows in each, and all rows."""
        means = self.sums / self.counts
        return (
            dict(zip(self.names, means.tolist(), strict=True)),
            dict(zip(self.names, self.counts.tolist(), strict=True)),
            int(self.rows),
        )


class LabelCounts(Metric):
    """True positives, predictions and support of each label, from predictions of either kind."""

    full_state_update = False
    counts: Tensor

    def __init__(self, n_labels: int) -> None:
        super().__init__()
        zeros = torch.zeros(3, n_labels, dtype=torch.int64)
        self.add_state("counts", zeros, dist_reduce_fx="sum")

    def update(self, predicted: Tensor, labels: Tensor) -> None:
        """Add rows.

        Args:
            predicted: the labels given to each row, (N, L) bool or (N, K) int64 padded with -1.
            labels: (N, M) int64 true label indices, padded with -1.
        """
        rows, true_labels = true_pairs(labels)
        if predicted.dtype == torch.bool:
            found = true_labels[predicted[rows, true_labels]]
            n_predicted = predicted.sum(0)
        else:
            found = predicted[hits(predicted, labels)]
            n_predicted = self._per_label(predicted[predicted != PADDING])
        self.counts[0] += self._per_label(found)
        self.counts[1] += n_predicted
        self.counts[2] += self._per_label(true_labels)

    def _per_label(self, labels: Tensor) -> Tensor:
        return torch.bincount(labels, minlength=self.counts.shape[1])

    def compute(self) -> Tensor:
        """Return (3, L) int64: true positives, predictions and support over all processes."""
        return self.counts.cpu()


class ScoreHistograms(Metric):
    """How often each label's score falls into each of `ScoreBins`, for its true rows and others.

    Curves and areas are computed from these; only the order within a bin is lost. The tests
    compare with scikit-learn's exact areas on spread, saturated, tied and tiny scores. ROC AUC
    stays within 0.001 for up to 1,000 labels. Average precision stays within 0.001 for labels with
    a hundred true rows, and within 0.002 for those with ten; over 1,000 labels the mean does.
    Where all scores crowd into a few hundredths (a network before its training), it can be off by
    0.01. With tens of thousands of labels the bins are wide, and the areas rough.
    """

    full_state_update = False
    counts: Tensor

    def __init__(self, n_labels: int) -> None:
        super().__init__()
        self.bins = ScoreBins.for_labels(n_labels)
        zeros = torch.zeros(2, n_labels, self.bins.n_bins, dtype=torch.int64)
        self.add_state("counts", zeros, dist_reduce_fx="sum")

    def update(self, scores: Tensor | SparseScores, labels: Tensor) -> None:
        """Add rows.

        Args:
            scores: (N, L) float32 in [0, 1], or those of the best labels, all others being 0.
            labels: (N, M) int64 true label indices, padded with -1.
        """
        if isinstance(scores, SparseScores):
            self._add_sparse(scores, labels)
        else:
            self._add_all(scores, labels)

    def _add_all(self, scores: Tensor, labels: Tensor) -> None:
        n_labels = self.counts.shape[1]
        cells = self.bins.of(scores)
        cells += torch.arange(n_labels, device=cells.device) * self.bins.n_bins
        _count(self.counts[0], cells.flatten())
        _count(self.counts[1], cells[true_pairs(labels)])

    def compute(self) -> Tensor:
        """Return (2, L, bins) int64: rows without the label and rows with it, worst score first."""
        everything, positives = self.counts.cpu()
        return torch.stack([everything - positives, positives])

    def _add_sparse(self, scores: SparseScores, labels: Tensor) -> None:
        n_labels = self.counts.shape[1]
        ranked = scores.labels != PADDING
        given = scores.labels[ranked]
        none = self.bins.of(torch.zeros(1))
        n_given = torch.bincount(given, minlength=n_labels)
        self.counts[0][:, none] += (len(scores.labels) - n_given)[:, None]
        _count(self.counts[0], given * self.bins.n_bins + self.bins.of(scores.values[ranked]))
        true = labels != PADDING
        of_true = self.bins.of(scores.of(labels)[true])
        _count(self.counts[1], labels[true] * self.bins.n_bins + of_true)


def true_pairs(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the row and the label of each entry of padded `labels` (N, M)."""
    rows, columns = (labels != PADDING).nonzero(as_tuple=True)
    return rows, labels[rows, columns]


def _count(histogram: Tensor, cells: Tensor) -> None:
    """Add 1 to the cells of a contiguous `histogram`, as often as each is named."""
    histogram.view(-1).scatter_add_(0, cells, torch.ones_like(cells))
