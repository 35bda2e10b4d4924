"""Rankings: the best labels of each row of scores, and the ranks of its true labels.

Labels with equal scores are ordered by their index, the smaller one first, wherever TagFinder
ranks labels. That order is exact: it never depends on the batch, the device or the number of
labels asked for.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tagfinder.errors import WorkError

PADDING = -1
_MAGNITUDE = 0x7FFFFFFF


def top_k(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the best `k` labels of each row, best first, ties by label index.

    Scores are compared as float32; -0.0 equals 0.0.

    Args:
        scores: (B, L), any floating dtype, not necessarily in [0, 1].
        k: number of labels wanted; rows have `min(k, L)` of them.

    Returns:
        Label indices (B, min(k, L)) int64 and their scores, float32.

    Raises:
        WorkError: where a score is NaN.

    Example:
        >>> labels, best = top_k(torch.tensor([[0.25, 0.5, 0.5, 0.0]]), k=3)
        >>> labels.tolist(), best.tolist()
        ([[1, 2, 0]], [[0.5, 0.5, 0.25]])
    """
    scores = scores.detach().float()
    _refuse_nan(scores)
    labels = _unique_keys(scores).topk(min(k, scores.shape[1]), dim=1).indices
    return labels, scores.gather(1, labels)


def hits(top_labels: Tensor, labels: Tensor) -> Tensor:
    """Say which of the ranked labels are true ones.

    Args:
        top_labels: (N, K) int64, best first, padded with -1.
        labels: (N, M) int64, the true labels, padded with -1.

    Returns:
        (N, K) bool.

    Example:
        >>> hits(torch.tensor([[4, 0, -1]]), torch.tensor([[0, 2, -1]])).tolist()
        [[False, True, False]]
    """
    found = torch.zeros_like(top_labels, dtype=torch.bool)
    for column in labels.T:  # a loop over M columns needs no (N, K, M) array
        found |= top_labels == column[:, None]
    return found & (top_labels != PADDING)


def true_ranks(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the ranks of the true labels in the whole ranking of a row.

    Args:
        scores: (N, L) floating.
        labels: (N, M) int64, the true labels, padded with -1.

    Returns:
        (N, M) float64: ranks from 1, ascending along a row, infinity in place of the padding.

    Example:
        >>> true_ranks(torch.tensor([[0.5, 0.9, 0.5]]), torch.tensor([[0, 2, -1]])).tolist()
        [[2.0, 3.0, inf]]
    """
    scores = scores.detach().float()
    positions = torch.arange(scores.shape[1], device=scores.device)
    ranks = torch.full(labels.shape, torch.inf, dtype=torch.float64, device=scores.device)
    for column, padded_label in enumerate(labels.T):
        rows = (padded_label != PADDING).nonzero()[:, 0]
        candidates, label = scores[rows], padded_label[rows, None]
        own = candidates.gather(1, label)
        not_behind = (candidates > own) | ((candidates == own) & (positions <= label))
        ranks[rows, column] = not_behind.sum(1).double()
    return ranks.sort(dim=1).values


def _refuse_nan(scores: Tensor) -> None:
    not_numbers = scores.isnan()
    if not_numbers.any():
        broken = int(not_numbers.any(dim=1).sum())
        raise WorkError(
            f"training diverged: {broken} of {len(scores)} posts have a score that is not a number "
            "(NaN); try a smaller learning rate or clip the gradients"
        )


def _unique_keys(scores: Tensor) -> Tensor:
    """Return int64 keys (B, L) in the order of (score, -index): no two in a row are equal."""
    bits = (scores + 0.0).view(torch.int32)  # -0.0 + 0.0 is 0.0
    ordered = torch.where(bits < 0, bits ^ _MAGNITUDE, bits)
    n_labels = scores.shape[1]
    before_others = torch.arange(n_labels - 1, -1, -1, device=scores.device)
    return (ordered.long() << 32) | before_others
