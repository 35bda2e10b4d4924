"""The callback that counts every label's scores of a part, for curves and thresholds."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as lightning
from torch import Tensor

from tagfinder.evaluation.accumulators import ScoreHistograms
from tagfinder.evaluation.scored import scored_blocks


class ScoreCounting(lightning.Callback):
    """Counts scores of posts with a label in the set; recommenders without one are not counted.

    Attributes:
        histograms: for "val" and "test" (2, L, bins) int64 as `ScoreHistograms.compute` gives it:
            rows without the label and rows with it, by the bin of its score, worst first.
    """

    def __init__(self) -> None:
        self._metrics: dict[str, ScoreHistograms] = {}

    @property
    def histograms(self) -> dict[str, Tensor]:
        """The counts of each part that was scored."""
        return {part: metric.compute() for part, metric in self._metrics.items()}

    def on_validation_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Forget an earlier pass."""
        self._metrics.pop("val", None)

    def on_validation_batch_end(  # noqa: PLR0917 - the trainer's signature
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count a batch of the validation part."""
        self._add("val", outputs)

    def on_test_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Forget an earlier pass."""
        self._metrics.pop("test", None)

    def on_test_batch_end(  # noqa: PLR0917 - the trainer's signature
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count a batch of the test part."""
        self._add("test", outputs)

    def _add(self, part: str, outputs: Any) -> None:
        for block in scored_blocks(outputs, depth=1):
            if block.scores is None:
                continue
            if part not in self._metrics:
                counts = ScoreHistograms(block.scores.shape[1])
                self._metrics[part] = counts.to(block.scores.device)
            covered = block.n_labels > 0
            self._metrics[part].update(block.scores[covered], block.labels[covered])
