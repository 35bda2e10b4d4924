"""Rankings of a test part that were made outside of a trainer, kept and scored as a run's."""

from __future__ import annotations

from typing import Any

import polars as pl
from omegaconf import DictConfig

from tagfinder.evaluation.score import judge, score
from tagfinder.files import atomic_path
from tagfinder.run_folder import RunFolder


def keep_rankings(
    run: RunFolder, config: DictConfig, predictions: pl.DataFrame, coverage: float
) -> dict[str, Any]:
    """Write `predictions.parquet` into a run's folder and return its scores, open ones too.

    Args:
        run: the run.
        config: of the run.
        predictions: `id`, `labels`, `top_labels`, `top_scores` and `n_hashtags` of every post of
            the test part, in corpus order.
        coverage: share of the posts with a label that could be given.
    """
    file = run.path / "predictions.parquet"
    with atomic_path(file) as path:
        predictions.with_columns(pl.col("n_hashtags").cast(pl.Int32)).write_parquet(path)
    judged = judge(file, file, config.evaluation.top_k)
    scores = score(judged, list(config.evaluation.ks), with_open=True)
    return scores | {"coverage": coverage, "open_n": len(predictions)}
