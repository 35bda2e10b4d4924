"""Random states between two epochs, so that a resumed run draws the same numbers."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytorch_lightning as lightning
import torch


class RandomStates(lightning.Callback):
    """Begins each epoch with the random states that the epoch before ended with.

    What is drawn between two epochs (iterators draw a seed, a resumed run builds its model)
    therefore has no effect. The states travel in the checkpoint as plain numbers and tensors.
    Several processes share the states of the first.

    Args:
        seed: of the first epoch.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._states: dict[str, Any] = {}

    def on_train_batch_start(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Take up the states again, as the last thing before an epoch's first step."""
        if batch_idx > 0:
            return
        if self._states:
            restore(self._states)
        else:
            lightning.seed_everything(self.seed, verbose=False)

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Keep the states; the checkpoint is written after this."""
        self._states = capture()

    def state_dict(self) -> dict[str, Any]:
        """Return the state to save in the checkpoint."""
        return self._states

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the states from a checkpoint."""
        self._states = state_dict


def capture() -> dict[str, Any]:
    """Return the states of Python, NumPy, torch and CUDA as plain values and tensors."""
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": [version, list(words), gauss],
        "numpy": [name, np.asarray(keys).tolist(), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore(states: dict[str, Any]) -> None:
    """Set the states that `capture` returned."""
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(states["torch"].cpu())
    if states["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all([state.cpu() for state in states["cuda"]])
