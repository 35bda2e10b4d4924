"""Digests of what recommenders over a closed label set predict of the embedded corpus."""

from __future__ import annotations

import contextlib
from pathlib import Path

import polars as pl
from golden_digests import digest

from tagfinder.cli import main

NEURAL = ("trainer.max_epochs=1", "batches.batch_size=64", "embedding=scratch")
MODELS = {
    "tfidf_lr": (),
    "lstm": NEURAL,
    "text_resnet": (*NEURAL, "embedding.scratch.dimension=16"),
}
SIZE = ("data.rows=400", "trainer.enable_progress_bar=false")


def predicted(model: str, run: Path) -> dict[str, str]:
    """Train a recommender and return digests of its corpus and of its ranked hashtags."""
    with contextlib.suppress(SystemExit):
        main(["train", f"model={model}", *SIZE, *MODELS[model], f"run_dir={run}"])
    table = pl.read_parquet(run / "predictions.parquet")
    truth = ["\n".join(map(str, table[name].to_list())) for name in ("id", "labels")]
    labels = table["top_labels"].explode().to_numpy()
    scores = table["top_scores"].explode().to_numpy()
    return {"truth": digest(truth), "labels": digest([labels]), "scores": digest([scores])}
