"""Scores of encoded texts outside a trainer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from tagfinder.data.batches import OrderedBatches
from tagfinder.data.features import EncodedTexts
from tagfinder.models.base import RecommenderModule

BATCH_SIZE = 256


def score_batches(
    module: RecommenderModule, texts: EncodedTexts, batch_size: int = BATCH_SIZE
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield row numbers (B,) and their (B, L) float32 scores, texts of like length together."""
    module.eval()
    for rows in OrderedBatches(texts.lengths, batch_size):
        inputs = texts.take(rows)
        if isinstance(inputs, Tensor):
            inputs = inputs.to(module.device)
        with torch.inference_mode():
            yield rows, module.scores(inputs).cpu().numpy()


def all_scores(module: RecommenderModule, texts: EncodedTexts) -> np.ndarray:
    """Return (N, L) float32 scores in the order of the texts."""
    scores = np.empty((len(texts.lengths), len(module.label_set)), dtype=np.float32)
    for rows, of_batch in score_batches(module, texts):
        scores[rows] = of_batch
    return scores
