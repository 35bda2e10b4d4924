"""A callback that fails at an epoch unless its marker is there already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as lightning


class FailOnce(lightning.Callback):
    def __init__(self, marker: str, epoch: int) -> None:
        self.marker = Path(marker)
        self.epoch = epoch

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch == self.epoch and not self.marker.exists():
            self.marker.touch()
            raise RuntimeError("the disk is on fire")
