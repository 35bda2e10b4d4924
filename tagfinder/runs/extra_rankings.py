"""Rankings of the test part that no trainer made: kept and scored like those of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from omegaconf import DictConfig

from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.configuration.application import choice_of
from tagfinder.corpus.prepared import Part, PreparedCorpus
from tagfinder.evaluation.score import judge, score
from tagfinder.files import atomic_path, write_json
from tagfinder.live.rankings import Rankings
from tagfinder.recommend.saved import CALIBRATION_FILE
from tagfinder.runs.slices import can_be_sliced, write_slices


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
    file = run.predictions_file
    with atomic_path(file) as path:
        predictions.with_columns(pl.col("n_hashtags").cast(pl.Int32)).write_parquet(path)
    judged = judge(file, file, config.evaluation.top_k)
    scores = score(judged, list(config.evaluation.ks), with_open=True)
    return scores | {"coverage": coverage, "open_n": len(predictions)}


def ranked_posts(corpus: PreparedCorpus, part: Part, rankings: Rankings) -> pl.DataFrame:
    """Return the posts of a part that were ranked, as `predictions.parquet` has them."""
    ranked = rankings.labels >= 0
    top = pl.DataFrame(
        {
            "top_labels": [row[known] for row, known in zip(rankings.labels, ranked, strict=True)],
            "top_scores": [row[known] for row, known in zip(rankings.scores, ranked, strict=True)],
        },
        schema={"top_labels": pl.List(pl.Int32), "top_scores": pl.List(pl.Float32)},
    )
    truth = corpus.part(part, ["id", "labels", "n_hashtags"])
    return pl.concat([truth, top], how="horizontal").filter(pl.Series(rankings.asked))


def score_extra(
    folder: Path,
    config: DictConfig,
    corpus: PreparedCorpus,
    predictions: pl.DataFrame,
    calibration: dict[str, Any] | None,
) -> dict[str, Any]:
    """Write further rankings of the test part as another run, and score it.

    Args:
        folder: gets rankings, scores and slices; its name, as `without_author`, says which.
        config: of the run.
        corpus: whose test part was ranked.
        predictions: of its posts, in corpus order, see `ranked_posts`.
        calibration: of these rankings, as `calibration.json` keeps it; None if there is none.

    Returns:
        The scores by name.
    """
    run = RunFolder(folder)
    run.describe(config, corpus, features=None)
    if calibration is not None:
        write_json(run.path / CALIBRATION_FILE, calibration)
    coverage = float((predictions["labels"].list.len() > 0).mean())  # type: ignore[arg-type]
    scores = keep_rankings(run, config, predictions, coverage)
    facts = {
        "protocol": config.protocol.name,
        "corpus": corpus.name,
        "model": f"{choice_of('model')}, {folder.name.replace('_', ' ')}",
        "seed": config.seed,
        "rows": corpus.manifest["rows"],
    }
    write_json(run.metrics_file, {"val": {}, "test": scores, **facts})
    if can_be_sliced(run):
        write_slices(run)
    run.finish()
    return scores
