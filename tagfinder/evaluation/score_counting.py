"""The callback that counts every label's scores of a part, for curves and thresholds."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as lightning
from torch import Tensor

from tagfinder.evaluation.accumulators import ScoreHistograms
from tagfinder.evaluation.part_callback import PartCallback, PartName
from tagfinder.evaluation.step_outputs import scored_blocks


class ScoreCounting(PartCallback):
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

    def begin(self, part: PartName, trainer: lightning.Trainer) -> None:
        """Forget the counts of an earlier pass."""
        self._metrics.pop(part, None)

    def add(self, part: PartName, outputs: Any) -> None:
        """Count a batch."""
        for block in scored_blocks(outputs, depth=1):
            if block.label_set_size is None or block.scores is None:
                continue
            if part not in self._metrics:
                counts = ScoreHistograms(block.label_set_size)
                self._metrics[part] = counts.to(block.labels.device)
            covered = block.n_labels > 0
            self._metrics[part].update(block.scores[covered], block.labels[covered])
