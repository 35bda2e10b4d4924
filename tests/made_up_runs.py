"""Finished runs without training: a folder of the files that comparing and reporting read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

HASHTAGS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]


def made_up_corpus(folder: Path, labels: list[list[int]], groups: Sequence[int]) -> Path:
    """Write a prepared corpus whose test part has the given labels and near-duplicates."""
    n = len(labels)
    texts = [f"made up post number {i}" + " word" * (i % 7) for i in range(n)]
    folder.mkdir(parents=True)
    pl.DataFrame(
        {
            "id": [f"post {i}" for i in range(n)],
            "created_at": [datetime(2020 + i % 2, 1 + i % 12, 1) for i in range(n)],
            "text": texts,
            "clean": texts,
            "deep_clean": texts,
            "labels": pl.Series(labels, dtype=pl.List(pl.Int32)),
            "n_hashtags": pl.Series([len(row) + 1 for row in labels], dtype=pl.UInt32),
            "group": pl.Series(groups, dtype=pl.Int64),
            "split": ["test"] * n,
        },
        schema_overrides={"created_at": pl.Datetime("us", "UTC")},
    ).write_parquet(folder / "posts.parquet")
    counts = [60, 50, 40, 30, 20, 10]
    pl.DataFrame(
        {
            "index": range(len(HASHTAGS)),
            "hashtag": HASHTAGS,
            "spelling": HASHTAGS,
            "count": counts,
            "train_count": counts,
        }
    ).write_parquet(folder / "hashtags.parquet")
    manifest = {
        "name": "made up",
        "digest": "digest of made up",
        "rows": {"train": 200, "val": 0, "test": n},
        "rows_with_labels": {"train": 200, "val": 0, "test": n},
        "rows_read": 500,
        "rows_left_out": {"no hashtag": 300 - n},
        "distinct_hashtags": 99,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def made_up_run(
    folder: Path,
    labels: list[list[int]],
    top_labels: np.ndarray,
    corpus: Path,
    **facts: Any,
) -> Path:
    """Write the folder of a run that gave the rankings `top_labels` (N, K)."""
    folder.mkdir(parents=True)
    n, depth = top_labels.shape
    scores = np.linspace(0.9, 0.1, depth, dtype=np.float32)
    pl.DataFrame(
        {
            "id": [f"post {i}" for i in range(n)],
            "labels": pl.Series(labels, dtype=pl.List(pl.Int32)),
            "top_labels": pl.Series(top_labels.tolist(), dtype=pl.List(pl.Int32)),
            "top_scores": pl.Series([scores.tolist()] * n, dtype=pl.List(pl.Float32)),
            "n_hashtags": pl.Series([len(row) + 1 for row in labels], dtype=pl.Int32),
        }
    ).write_parquet(folder / "predictions.parquet")
    (folder / "config.yaml").write_text(
        f"evaluation:\n  top_k: {depth}\n  open: false\n  threshold: 0.3\n"
        "seed: 1\nsplit:\n  group: minhash\n"
    )
    counts = [60, 50, 40, 30, 20, 10]
    label_set = {"hashtags": HASHTAGS, "spellings": HASHTAGS, "counts": counts}
    label_set |= {"train_counts": counts, "n_train": 200, "format": 1}  # type: ignore[dict-item]
    (folder / "labels.json").write_text(json.dumps(label_set))
    origin = {"name": "made up", "digest": "digest of made up", "folder": str(corpus)}
    run = {"command": ["tagfinder train", f"run_dir={folder}"], "corpus": origin, "seed": 1}
    run |= {"format": 1, "python": "3.11.7", "versions": {"tagfinder": "0.1.0"}}
    (folder / "run.json").write_text(json.dumps(run))
    metrics = {
        "model": folder.name,
        "protocol": "report",
        "corpus": "made up",
        "seed": 1,
        "train_seconds": 12.5,
        "posts_per_second": 1000.0,
        "model_bytes": 4096,
        "rows": {"train": 200, "val": 0, "test": n},
        "val": {"micro_f1": 0.5, "macro_f1": 0.4, "n": 0},
        "test": {"micro_f1": 0.5, "macro_f1": 0.4, "n": n, "n_without_labels": 0},
    }
    (folder / "metrics.json").write_text(json.dumps(metrics | facts))
    return folder


def random_labels(n: int, seed: int = 0) -> list[list[int]]:
    """Return one to three true labels for each of n posts, the first labels more often."""
    rng = np.random.default_rng(seed)
    weights = np.arange(len(HASHTAGS), 0, -1) / sum(range(len(HASHTAGS) + 1))
    return [
        sorted(rng.choice(len(HASHTAGS), rng.integers(1, 4), replace=False, p=weights).tolist())
        for _ in range(n)
    ]


def rankings(labels: list[list[int]], skill: float, seed: int = 1) -> np.ndarray:
    """Return (N, L) rankings that put true labels first the more, the greater the skill."""
    rng = np.random.default_rng(seed)
    scores = rng.random((len(labels), len(HASHTAGS)))
    for row, true in zip(scores, labels, strict=True):
        row[true] += skill
    return np.argsort(-scores, axis=1, kind="stable")
