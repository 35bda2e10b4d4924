"""Scores of encoded texts outside a trainer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tagfinder.data.features import EncodedTexts
from tagfinder.data.order import batches_by_length
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
