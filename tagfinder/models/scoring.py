"""Scores of encoded texts outside a trainer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tagfinder.data.features import EncodedTexts
from tagfinder.data.ragged import batches_by_length
from tagfinder.models.base import ClosedRecommender, SparseRecommender

BATCH_SIZE = 256


def score_batches(
    recommender: ClosedRecommender, texts: EncodedTexts, batch_size: int = BATCH_SIZE
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield row numbers (B,) and their (B, L) float32 scores, texts of like length together."""
    for rows in batches_by_length(texts.lengths, batch_size):
        yield rows, recommender.score(texts.take(rows))


def all_top(
    recommender: SparseRecommender, texts: EncodedTexts, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the (N, K) best labels, padded with -1, and their scores in the order of the texts."""
    width = min(k, len(recommender.label_set))
    labels = np.full((len(texts.lengths), width), -1, dtype=np.int64)
    scores = np.zeros(labels.shape, dtype=np.float32)
    for rows in batches_by_length(texts.lengths, BATCH_SIZE):
        labels[rows], scores[rows] = recommender.top(texts.take(rows), k)
    return labels, scores


def all_scores(recommender: ClosedRecommender, texts: EncodedTexts) -> np.ndarray:
    """Return (N, L) float32 scores in the order of the texts."""
    scores = np.empty((len(texts.lengths), len(recommender.label_set)), dtype=np.float32)
    for rows, of_batch in score_batches(recommender, texts):
        scores[rows] = of_batch
    return scores


def best_labels(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the k best labels of each row, of equal ones the first.

    Args:
        scores: (N, L) float32, at least 0, or -inf for labels that are not wanted.
        k: labels for a row; L if there are fewer.

    Returns:
        (N, K) int64 labels, best first, and (N, K) float32 scores.

    Example:
        >>> labels, scores = best_labels(np.array([[0.5, 0.25, 0.5]], np.float32), 2)
        >>> labels.tolist(), scores.tolist()
        ([[0, 2]], [[0.5, 0.5]])
    """
    n_labels = scores.shape[1]
    k = min(k, n_labels)
    # Floats of one sign are in the order of their bits. With the label below them no two keys are
    # equal, and a selection need not sort all labels.
    bits = np.ascontiguousarray(scores + np.float32(0)).view(np.int32).astype(np.int64)
    keys = (bits << 32) + np.arange(n_labels - 1, -1, -1)
    labels = np.argpartition(-keys, k - 1, axis=1)[:, :k] if k < n_labels else None
    if labels is None:
        labels = np.argsort(-keys, axis=1)
    else:
        order = np.argsort(-np.take_along_axis(keys, labels, axis=1), axis=1)
        labels = np.take_along_axis(labels, order, axis=1)
    return labels, np.take_along_axis(scores, labels, axis=1)
