"""What a finished run says about its recommender: scores with intervals, beside a baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.ragged import Ragged
from tagfinder.evaluation.rankings import PADDING, hits
from tagfinder.evaluation.score import Judged, score

KS = (1, 3, 5, 10)
SAMPLES = 50
SHOWN = ("ndcg@1", "ndcg@3", "ndcg@5", "ndcg@10", "map@5", "hit_rate@5")


def scores_with_baseline(predictions: Path, label_set: LabelSet) -> dict[str, dict[str, Any]]:
    """Score a run's test posts, and beside it the most frequent hashtags for every post.

    Returns:
        `model` and `baseline`, each a mapping from score to its mean and, where there are posts
        enough, the 95 % interval over systematic samples: `(mean, (low, high) or None)`.
    """
    posts = pl.read_parquet(predictions)
    most_frequent = np.argsort(-np.asarray(label_set.train_counts), kind="stable")[: max(KS)]
    rankings = {
        "model": Ragged.from_series(posts["top_labels"]),
        "baseline": Ragged(
            np.tile(most_frequent, len(posts)), np.arange(len(posts) + 1) * len(most_frequent)
        ),
    }
    return {name: _scores(ranked, posts) for name, ranked in rankings.items()}


def share_of_hashtags(predictions: Path) -> float:
    """Return which share of the test posts' hashtags is in the label set."""
    posts = pl.read_parquet(predictions, columns=["labels", "n_hashtags"])
    return int(posts["labels"].list.len().sum()) / max(int(posts["n_hashtags"].sum()), 1)


def _scores(ranked: Ragged, posts: pl.DataFrame) -> dict[str, Any]:
    judged = _judged(ranked, posts)
    n = int((judged.n_labels > 0).sum())
    samples = SAMPLES if n >= 2 * SAMPLES else None
    result = score(judged, KS, samples)
    intervals = result.get("samples", {})
    return {
        name: (result[name], tuple(intervals[name]["ci95"]) if intervals.get(name) else None)
        for name in SHOWN
    }


def _judged(ranked: Ragged, posts: pl.DataFrame) -> Judged:
    truth = Ragged.from_series(posts["labels"])
    rows = np.arange(len(posts))
    top_labels = torch.from_numpy(ranked.padded(rows, fill=PADDING, min_width=max(KS)))
    labels = torch.from_numpy(truth.padded(rows, fill=PADDING))
    n_labels = torch.from_numpy(truth.lengths.copy())
    return Judged(posts["id"], hits(top_labels, labels), n_labels, None, [])
