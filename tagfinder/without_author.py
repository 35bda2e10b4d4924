"""What the live recommender's test scores are where nobody is known, beside those with authors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from omegaconf import DictConfig

from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.evaluation.score import judge, score
from tagfinder.files import atomic_path, write_json
from tagfinder.models.live import Rankings
from tagfinder.run_folder import RunFolder
from tagfinder.run_slices import can_be_sliced, write_slices

FOLDER = "without_author"


def score_without_author(
    folder: Path, config: DictConfig, corpus: PreparedCorpus, rankings: Rankings
) -> dict[str, Any]:
    """Write the rankings of the test part made without authors as a run of its own, and score it.

    Args:
        folder: of the run; `without_author/` in it holds rankings, scores and slices.
        config: of the run.
        corpus: whose test part was ranked.
        rankings: of its posts, in corpus order.

    Returns:
        The scores by name.
    """
    run = RunFolder(folder / FOLDER)
    run.describe(config, corpus, features=None)
    ranked = rankings.labels >= 0
    top = pl.DataFrame(
        {
            "top_labels": [row[known] for row, known in zip(rankings.labels, ranked, strict=True)],
            "top_scores": [row[known] for row, known in zip(rankings.scores, ranked, strict=True)],
        },
        schema={"top_labels": pl.List(pl.Int32), "top_scores": pl.List(pl.Float32)},
    )
    truth = corpus.part("test", ["id", "labels", "n_hashtags"])
    predictions = pl.concat([truth, top], how="horizontal")
    file = run.path / "predictions.parquet"
    with atomic_path(file) as path:
        predictions.with_columns(pl.col("n_hashtags").cast(pl.Int32)).write_parquet(path)
    judged = judge(file, file, config.evaluation.top_k)
    scores = score(judged, list(config.evaluation.ks), with_open=True)
    scores |= {"coverage": 1.0, "open_n": len(truth)}
    facts = {
        "protocol": config.protocol.name,
        "corpus": corpus.name,
        "model": "live, authors hidden",
        "seed": config.seed,
        "rows": corpus.manifest["rows"],
    }
    write_json(run.metrics_file, {"val": {}, "test": scores, **facts})
    if can_be_sliced(run):
        write_slices(run)
    return scores
