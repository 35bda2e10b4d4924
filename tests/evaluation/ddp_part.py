"""Scores made-up posts with one process or two real ones, for test_evaluator_processes.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pytorch_lightning as lightning
import torch
from torch.utils.data import DataLoader

from tagfinder.evaluation.evaluator import Evaluator

N_POSTS, N_LABELS, BATCH = 203, 23, 16


class Table(lightning.LightningModule):
    """Gives posts the scores of a fixed table, with many ties."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.table = torch.rand(N_POSTS, N_LABELS, generator=generator).mul(20).round() / 20
        # The second process has only narrow batches, so that widths have to be made equal.
        n_true = torch.arange(N_POSTS) // BATCH % 2 * 3 + 1
        n_true[7] = 0
        order = torch.rand(N_POSTS, N_LABELS, generator=generator).argsort(1)
        self.labels = torch.where(torch.arange(N_LABELS) < n_true[:, None], order, -1)
        self.n_hashtags = n_true + torch.arange(N_POSTS) % 3

    def score(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return what the evaluator reads."""
        labels = self.labels[rows]
        width = max([1, *(labels >= 0).sum(1).tolist()])
        return {
            "scores": self.table[rows],
            "labels": labels[:, :width],
            "n_hashtags": self.n_hashtags[rows],
            "rows": rows,
        }

    def test_step(self, rows: torch.Tensor, batch_idx: int) -> dict[str, torch.Tensor]:
        """Score some posts."""
        return self.score(rows)

    def validation_step(self, rows: torch.Tensor, batch_idx: int) -> dict[str, torch.Tensor]:
        """Score some posts."""
        return self.score(rows)


class Posts(lightning.LightningDataModule):
    """Each post in one process only, in mixed order; validation gives all of them to the first."""

    def test_dataloader(self) -> DataLoader:
        """Every n-th batch."""
        order = torch.randperm(N_POSTS, generator=torch.Generator().manual_seed(1))
        batches = order.split(BATCH)
        return self._loader(batches[self.trainer.global_rank :: self.trainer.world_size])

    def val_dataloader(self) -> DataLoader:
        """A few posts, and an empty batch for any but the first process."""
        rows = torch.arange(12 if self.trainer.global_rank == 0 else 0)
        return self._loader(rows.split(5))

    def _loader(self, batches) -> DataLoader:
        return DataLoader(list(batches), batch_size=None)

    def ids(self, part: str) -> pl.Series:
        """Return made-up ids."""
        return pl.Series([f"post {i}" for i in range(N_POSTS)])


def run(folder: Path, devices: int) -> None:
    """Write each process's results and the evaluator's files into a folder."""
    evaluator = Evaluator(ks=[1, 3, 30], threshold=0.6, open=True, top_k=30, run_dir=folder)
    trainer = lightning.Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        callbacks=[evaluator],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    model, posts = Table(), Posts()
    trainer.validate(model, posts, verbose=False)
    trainer.test(model, posts, verbose=False)
    path = folder / f"results{trainer.global_rank}.json"
    path.write_text(json.dumps(evaluator.results))


if __name__ == "__main__":
    run(Path(sys.argv[1]), devices=2)
