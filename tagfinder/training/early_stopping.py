"""Ending a run whose validation score no longer rises."""

from __future__ import annotations

import pytorch_lightning as lightning
from pytorch_lightning import callbacks

from tagfinder.training.checkpoints import MONITOR


class EarlyStopping(callbacks.EarlyStopping):
    """Lightning's early stopping on validation NDCG@5, which also stays stopped.

    Its counters travel in the checkpoint. A run that was killed after it had stopped, while its
    test part was scored, does not train one more epoch when it is resumed.

    Args:
        patience: epochs without a better score after which training stops.
    """

    def __init__(self, patience: int) -> None:
        super().__init__(MONITOR, mode="max", patience=patience, check_finite=False)

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Stop again if the checkpoint says that patience had run out."""
        if self.wait_count >= self.patience:
            trainer.should_stop = True
