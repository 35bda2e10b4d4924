"""Scores and seconds by epoch: kept in the checkpoint, written and drawn in the run's folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning

from tagfinder.files import write_json


class History(lightning.Callback):
    """Keeps the metrics logged at the end of each epoch, and the seconds spent so far.

    Seconds are those of training steps, without validation, summed over resumed parts.

    Args:
        file: JSON file that is rewritten after every epoch.

    Attributes:
        epochs: one mapping per epoch: `epoch` (from 1), `seconds`, and each logged value.
        seconds: training so far.
    """

    def __init__(self, file: Path) -> None:
        self.file = Path(file)
        self.epochs: list[dict[str, Any]] = []
        self.seconds = 0.0
        self._started = 0.0
        self._paused = 0.0

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Start the clock."""
        self._started = time.perf_counter()
        self._paused = 0.0

    def on_validation_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Stop the clock."""
        self._paused -= time.perf_counter()

    def on_validation_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Restart the clock."""
        self._paused += time.perf_counter()

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Add the epoch; the checkpoint is written after this."""
        self.seconds += time.perf_counter() - self._started - self._paused
        logged = {name: value.item() for name, value in trainer.callback_metrics.items()}
        epoch = {"epoch": trainer.current_epoch + 1, "seconds": self.seconds, **logged}
        self.epochs.append(epoch)
        if trainer.is_global_zero:
            write_json(self.file, self.epochs)

    def state_dict(self) -> dict[str, Any]:
        """Return the state to save in the checkpoint."""
        return {"epochs": self.epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the epochs before from a checkpoint."""
        self.epochs = state_dict["epochs"]
        self.seconds = self.epochs[-1]["seconds"] if self.epochs else 0.0
