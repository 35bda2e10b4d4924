"""Scores of a finished run for its model card: with intervals, beside a baseline."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tagfinder.corpus.prepared import LabelSet
from tagfinder.evaluation.metrics import names_shown, standard_metrics
from tagfinder.evaluation.score import judge, score

KS = (1, 3, 5, 10)
SAMPLES = 50


def scores_with_baseline(predictions: Path, label_set: LabelSet) -> dict[str, dict[str, Any]]:
    """Score a run's test posts, and beside it the most frequent hashtags for every post.

    Returns:
        `model` and `baseline`, each a mapping from score to its mean and, if there are posts
        enough, the 95 % interval over systematic samples: `(mean, (low, high) or None)`.
    """
    most_frequent = np.argsort(-np.asarray(label_set.train_counts), kind="stable")[: max(KS)]
    with tempfile.TemporaryDirectory() as folder:
        baseline = Path(folder) / "baseline.parquet"
        same_for_all = pl.lit(most_frequent.tolist(), dtype=pl.List(pl.Int32))
        pl.scan_parquet(predictions).with_columns(top_labels=same_for_all).sink_parquet(baseline)
        return {"model": _scores(predictions), "baseline": _scores(baseline)}


def share_of_hashtags(predictions: Path) -> float:
    """Return which share of the test posts' hashtags is in the label set."""
    posts = pl.read_parquet(predictions, columns=["labels", "n_hashtags"])
    return int(posts["labels"].list.len().sum()) / max(int(posts["n_hashtags"].sum()), 1)


def _scores(predictions: Path) -> dict[str, Any]:
    judged = judge(predictions, predictions, max(KS))
    n = int((judged.n_labels > 0).sum())
    result = score(judged, KS, SAMPLES if n >= 2 * SAMPLES else None)
    intervals = result.get("samples", {})
    return {
        name: (result[name], tuple(intervals[name]["ci95"]) if intervals.get(name) else None)
        for name in names_shown(standard_metrics())
    }
