"""Print finished runs as a Markdown table, one row per run folder.

python experiments/deep_table.py RUN... > experiments/tables/deep.md
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from tagfinder.artifacts.run_folder import RunFolder

SCORES = ("ndcg@5", "map@5", "micro_f1", "macro_f1", "report_ndcg@5")
HEADER = (
    *("corpus", "protocol", "model", "words or encoder", "epoch", "val NDCG@5", "NDCG@5", "MAP@5"),
    *("micro F1", "macro F1", "report NDCG@5", "s/epoch", "total s", "model MB"),
)


def variant(config: Any) -> str:
    """Return which word vectors or which encoder a run used, and how it sampled."""
    sampling = config.sampling["_target_"].rpartition(".")[2]
    sampled = {"DownSampling": ", down-sampled", "OverSampling": ", over-sampled"}.get(sampling, "")
    if "encoder" in config:
        encoder = config.encoder
        trained = {"none": "frozen"}.get(encoder.trainable, f"trained: {encoder.trainable}")
        return f"{encoder.name}, {trained}{sampled}"
    sources = [name for name in ("scratch", "word2vec", "glove") if config.embedding.get(name)]
    return " + ".join(sources) + sampled


def row(folder: Path) -> list[str]:
    """Return the cells of one run."""
    run = RunFolder.open(folder)
    metrics = run.metrics
    seconds, epochs = metrics["train_seconds"], metrics["epochs"]
    return [
        metrics["corpus"],
        metrics["protocol"],
        metrics["model"],
        variant(OmegaConf.load(run.config_file)),
        f"{metrics['scored_epoch']} of {epochs}",
        f"{metrics['val']['ndcg@5']:.4f}",
        *(f"{metrics['test'][name]:.4f}" for name in SCORES),
        f"{seconds / max(epochs, 1):.1f}",
        f"{seconds:.0f}",
        f"{metrics['model_bytes'] / 1e6:.2f}",
    ]


def main() -> None:
    """Print the table."""
    print("| " + " | ".join(HEADER) + " |")
    print("|" + " --- |" * 4 + " --: |" * (len(HEADER) - 4))
    for folder in sys.argv[1:]:
        print("| " + " | ".join(row(Path(folder))) + " |")


if __name__ == "__main__":
    main()
