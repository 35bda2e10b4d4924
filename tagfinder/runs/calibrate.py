"""Fit the curve from scores to probabilities on a run's validation posts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, cast

import numpy as np
import torch

from tagfinder.corpus.prepared import Part
from tagfinder.data.datamodule import CorpusDataModule
from tagfinder.evaluation.calibration import FORMAT, IDENTITY, ScoreCounts
from tagfinder.evaluation.rankings import hits
from tagfinder.models.base import RecommenderModule, SparseRecommender, sparse_labels
from tagfinder.models.open_vocabulary import OpenVocabulary, has_open_vocabulary
from tagfinder.models.scoring import BATCH_SIZE, score_batches, top_batches
from tagfinder.progress import track


def calibrate(module: RecommenderModule | OpenVocabulary, data: CorpusDataModule) -> dict[str, Any]:
    """Fit the curve on the validation part and judge it on the test part.

    Returns:
        What goes into `calibration.json`.
    """
    val, test = _counted(module, data, "val"), _counted(module, data, "test")
    calibration = val.fit()
    return {
        "format": FORMAT,
        "method": "beta",
        **asdict(calibration),
        "fitted_on": "val",
        "pairs": int(val.true.sum() + val.false.sum()),
        "test_before": test.errors(IDENTITY),
        "test_after": test.errors(calibration),
    }


def _counted(
    module: RecommenderModule | OpenVocabulary, data: CorpusDataModule, part: Part
) -> ScoreCounts:
    counts = ScoreCounts()
    if has_open_vocabulary(module):
        counts.add(*module.score_pairs(part))
        return counts
    if isinstance(module, SparseRecommender):
        pairs = _given_and_truth(module, data, part)
    else:
        pairs = _scores_and_truth(cast(RecommenderModule, module), data, part)
    for scores, truth in pairs:
        counts.add(scores, truth)
    return counts


def _given_and_truth(
    module: SparseRecommender, data: CorpusDataModule, part: Part
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield scores and truth of the labels that were given a score, batch by batch."""
    dataset = data.dataset(part)
    batches = -(-len(dataset) // BATCH_SIZE)
    ranked = top_batches(module, dataset.texts, module.top_k)
    for rows, labels, scores in track(ranked, f"calibration: {part}", total=batches):
        found = hits(torch.from_numpy(labels), dataset[rows].labels).numpy()
        given = labels >= 0
        yield scores[given], found[given]


def _scores_and_truth(
    module: RecommenderModule, data: CorpusDataModule, part: Part
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    dataset = data.dataset(part)
    batches = -(-len(dataset) // BATCH_SIZE)
    scored = score_batches(module, dataset.texts)
    for rows, scores in track(scored, f"calibration: {part}", total=batches):
        labels = sparse_labels(dataset[rows].labels, scores.shape[1])
        yield scores, labels.toarray()
