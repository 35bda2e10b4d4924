"""Checkpoints that are complete or absent: the newest, the best, and one every few epochs."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import Checkpoint

from tagfinder.artifacts.checkpoints import (
    BEST,
    LAST,
    PARTIAL,
    PREVIOUS,
    epochs_in,
    is_intact,
    kept_path,
    link_or_copy,
)

logger = logging.getLogger(__name__)

MONITOR = "val/ndcg@5"


class Checkpoints(Checkpoint):
    """Writes `last.ckpt` after every epoch and keeps `epoch-010.ckpt`, `epoch-020.ckpt` ...

    `best.ckpt` is that of the first epoch with the highest validation NDCG@5.

    A new `last.ckpt` is written in full before it replaces the old one, which stays as
    `previous.ckpt`. Whenever the process dies, a complete checkpoint remains, at most one epoch
    behind. A signal in the middle of an epoch (Ctrl-C, SIGTERM) saves nothing: a run can be resumed
    bit for bit only from the end of an epoch.

    Args:
        folder: where the checkpoints go.
        every_n_epochs: epochs between two checkpoints that stay.

    Attributes:
        best_epoch: epochs trained when validation was best; None if it never was scored.
        best_score: validation NDCG@5 after that epoch.
    """

    def __init__(self, folder: Path, every_n_epochs: int = 10) -> None:
        self.folder = Path(folder)
        self.every_n_epochs = every_n_epochs
        self.best_epoch: int | None = None
        self.best_score: float | None = None
        self._new_score: float | None = None

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Make the weights of the best epoch available in a resumed run."""
        if trainer.is_global_zero and self.best_epoch is not None and trainer.ckpt_path:
            self._find_best(Path(trainer.ckpt_path))

    def on_validation_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Note the score of this epoch."""
        if MONITOR in trainer.callback_metrics:
            self._new_score = float(trainer.callback_metrics[MONITOR])

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Write the checkpoint of this epoch; the trainer calls this after all other callbacks."""
        epoch = trainer.current_epoch + 1
        score, self._new_score = self._new_score, None
        # Not a number is never better.
        is_best = score is not None and score > (-1 if self.best_score is None else self.best_score)
        if is_best:
            self.best_epoch, self.best_score = epoch, score
        partial = self.folder / f"{LAST}.{PARTIAL}"
        trainer.save_checkpoint(partial, weights_only=False)
        if trainer.is_global_zero:
            self._publish(partial, epoch, is_best)
        trainer.strategy.barrier()

    def state_dict(self) -> dict[str, Any]:
        """Return the state to save in the checkpoint."""
        return {"best_epoch": self.best_epoch, "best_score": self.best_score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the best epoch so far from a checkpoint."""
        self.best_epoch = state_dict["best_epoch"]
        self.best_score = state_dict["best_score"]

    def _publish(self, partial: Path, epoch: int, is_best: bool) -> None:
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        # The copies that stay come first: an epoch that `last.ckpt` has is never trained again.
        if epoch % self.every_n_epochs == 0:
            link_or_copy(partial, kept_path(self.folder, epoch))
        if is_best:
            link_or_copy(partial, self.folder / BEST)
        last = self.folder / LAST
        if last.exists():
            # A second name, not a new one: at no moment is there no `last.ckpt`.
            link_or_copy(last, self.folder / PREVIOUS)
        partial.replace(last)

    def _find_best(self, resumed: Path) -> None:
        """Take the best weights so far from this folder or from that of another run."""
        best = self.folder / BEST
        assert self.best_epoch is not None
        kept = kept_path(resumed.parent, self.best_epoch)
        for file in (best, resumed.parent / BEST, resumed, kept):
            if is_intact(file) and epochs_in(file) == self.best_epoch:
                if file != best:
                    self.folder.mkdir(parents=True, exist_ok=True)
                    link_or_copy(file, best)
                return
        # Usually `best.ckpt` is of a later epoch than the checkpoint that training resumes from.
        logger.warning(
            "the weights of epoch %d, the best so far, are not there; from here on the best of "
            "the epochs to come is kept",
            self.best_epoch,
        )
        self.best_epoch = self.best_score = None
