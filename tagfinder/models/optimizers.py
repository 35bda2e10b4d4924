"""The optimiser of the deep recommenders and how its learning rate changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from tagfinder.configuration.types import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveShare,
)

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig


@dataclass(frozen=True)
class Adam:
    """Adam with a learning rate that depends on the step only, never on the end of the run.

    So a run that is resumed with more epochs equals one that was asked for all of them.

    Attributes:
        learning_rate: step size after the warm-up.
        weight_decay: decoupled weight decay (AdamW); 0 is plain Adam.
        warmup_steps: batches over which the learning rate grows from near 0.
        lr_decay: factor on the learning rate per epoch, applied smoothly; 1 keeps it constant.
        word_vector_lr_factor: factor on the learning rate of word vectors.
        encoder_lr_factor: factor on the learning rate of an encoder that is trained further.
    """

    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat = 0.0
    warmup_steps: NonNegativeInt = 0
    lr_decay: PositiveShare = 1.0
    word_vector_lr_factor: PositiveFloat = 1.0
    encoder_lr_factor: PositiveFloat = 1.0

    def build(
        self,
        parameters: Iterable[nn.Parameter],
        steps_per_epoch: int,
        *,
        word_vectors: Iterable[nn.Parameter] = (),
        encoder: Iterable[nn.Parameter] = (),
    ) -> OptimizerLRSchedulerConfig:
        """Return optimiser and schedule as Lightning's `configure_optimizers` wants them."""
        groups = [
            {"params": list(parameters), "lr": self.learning_rate},
            {"params": list(word_vectors), "lr": self.learning_rate * self.word_vector_lr_factor},
            {"params": list(encoder), "lr": self.learning_rate * self.encoder_lr_factor},
        ]
        optimizer = torch.optim.AdamW(
            [group for group in groups if group["params"]],
            weight_decay=self.weight_decay,
            fused=True,
        )

        def factor(step: int) -> float:
            warm = min(1.0, (step + 1) / (self.warmup_steps + 1))
            return float(warm * self.lr_decay ** (step / max(steps_per_epoch, 1)))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }
