"""The hooks of Lightning that a callback needs to see the outputs of a part, each once."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal

import pytorch_lightning as lightning

PartName = Literal["val", "test"]


class PartCallback(lightning.Callback):
    """Sees what validation and test steps return; the sanity check before training is left out."""

    @abstractmethod
    def begin(self, part: PartName, trainer: lightning.Trainer) -> None:
        """Forget what an earlier pass over the part left."""

    @abstractmethod
    def add(self, part: PartName, outputs: Any) -> None:
        """Take the outputs of one step, as `step_outputs.scored_blocks` reads them."""

    def on_validation_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Begin the validation part."""
        self.begin("val", trainer)

    def on_test_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Begin the test part."""
        self.begin("test", trainer)

    def on_validation_batch_end(  # noqa: PLR0917 - the trainer's signature
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Add a batch of the validation part."""
        if not trainer.sanity_checking:
            self.add("val", outputs)

    def on_test_batch_end(  # noqa: PLR0917 - the trainer's signature
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Add a batch of the test part."""
        self.add("test", outputs)
