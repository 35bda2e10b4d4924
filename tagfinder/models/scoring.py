"""Scores of encoded texts outside a trainer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tagfinder.data.batches import OrderedBatches
from tagfinder.data.features import EncodedTexts
from tagfinder.models.base import RecommenderModule, SparseRecommender

BATCH_SIZE = 256


def score_batches(
    module: RecommenderModule, texts: EncodedTexts, batch_size: int = BATCH_SIZE
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield row numbers (B,) and their (B, L) float32 scores, texts of like length together."""
    for rows, inputs in _batches(module, texts, batch_size):
        with torch.inference_mode():
            yield rows, module.scores(inputs).cpu().numpy()


def top_batches(
    module: SparseRecommender, texts: EncodedTexts, k: int, batch_size: int = BATCH_SIZE
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield row numbers (B,), their best labels (B, K) int64 padded with -1, and the scores."""
    for rows, inputs in _batches(module, texts, batch_size):
        with torch.inference_mode():
            labels, scores = module.top(inputs, k)
        yield rows, labels.numpy(), scores.numpy()


def all_top(
    module: SparseRecommender, texts: EncodedTexts, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the (N, K) best labels, padded with -1, and their scores in the order of the texts."""
    width = min(k, len(module.label_set))
    labels = np.full((len(texts.lengths), width), -1, dtype=np.int64)
    scores = np.zeros(labels.shape, dtype=np.float32)
    for rows, best, of_batch in top_batches(module, texts, k):
        labels[rows], scores[rows] = best, of_batch
    return labels, scores


def _batches(
    module: RecommenderModule, texts: EncodedTexts, batch_size: int
) -> Iterator[tuple[np.ndarray, Any]]:
    module.eval()
    for rows in OrderedBatches(texts.lengths, batch_size):
        inputs = texts.take(rows)
        yield rows, inputs.to(module.device) if isinstance(inputs, Tensor) else inputs


def all_scores(module: RecommenderModule, texts: EncodedTexts) -> np.ndarray:
    """Return (N, L) float32 scores in the order of the texts."""
    scores = np.empty((len(texts.lengths), len(module.label_set)), dtype=np.float32)
    for rows, of_batch in score_batches(module, texts):
        scores[rows] = of_batch
    return scores
