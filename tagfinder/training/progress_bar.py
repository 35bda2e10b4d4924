"""The progress bar of training: the epoch, its loss and its NDCG@5."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import Callback, RichProgressBar

from tagfinder.progress import console

SHOWN = {"train/loss": "loss", "val/ndcg@5": "NDCG@5"}


class EpochProgressBar(RichProgressBar):
    """Lightning's bar on standard error, with two numbers only."""

    def __init__(self) -> None:
        super().__init__(leave=True, console_kwargs={"stderr": True})

    def get_metrics(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> dict[str, Any]:
        """Return loss and NDCG@5 of the last complete epoch."""
        metrics = trainer.callback_metrics
        return {
            label: f"{float(metrics[name]):.4f}" for name, label in SHOWN.items() if name in metrics
        }


def progress_callbacks(wanted: bool) -> list[Callback]:
    """Return the bar, or nothing without a terminal."""
    return [EpochProgressBar()] if wanted and console.is_terminal else []
