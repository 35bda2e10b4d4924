"""What the live recommender's test scores are where nobody is known, beside those with authors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from omegaconf import DictConfig

from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.files import write_json
from tagfinder.models.live import Rankings
from tagfinder.run_folder import RunFolder
from tagfinder.run_rankings import keep_rankings
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
    coverage = float((truth["labels"].list.len() > 0).mean())  # type: ignore[arg-type]
    predictions = pl.concat([truth, top], how="horizontal")
    scores = keep_rankings(run, config, predictions, coverage)
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
