"""TensorBoard: `tensorboard --logdir runs` shows all runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.image
import yaml
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

from tagfinder.tracking.tracker import numbers, pictures, score_rows


class TensorBoardTracker(TensorBoardLogger):
    """Metrics by epoch, the configuration, the final scores and the figures of a run.

    Args:
        save_dir: the run's folder; the events go to `tensorboard/` there.
    """

    def __init__(self, save_dir: str) -> None:
        super().__init__(save_dir, name="", version="tensorboard", default_hp_metric=False)

    @rank_zero_only
    def begin(self, config: dict[str, Any], overrides: Sequence[str]) -> None:
        """Write the configuration as a text."""
        settings = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
        self.experiment.add_text("config", _block(settings))
        self.experiment.add_text("overrides", _block("\n".join(overrides)))

    @rank_zero_only
    def result(self, metrics: dict[str, Any], figures: Path) -> None:
        """Write the final scores, as scalars and as a table, and the figures."""
        for name, value in numbers(metrics).items():
            self.experiment.add_scalar(f"final/{name}", value)
        rows = [
            f"| {name} | {'' if val is None else f'{val:.4f}'} | "
            f"{'' if test is None else f'{test:.4f}'} |"
            for name, val, test in score_rows(metrics)
        ]
        table = "\n".join(["| score | val | test |", "| --- | --- | --- |", *rows])
        self.experiment.add_text("scores", table)
        for name, file in pictures(figures).items():
            picture = matplotlib.image.imread(file)[..., :3]
            self.experiment.add_image(f"figures/{name}", picture, dataformats="HWC")

    @rank_zero_only
    def close(self, failed: bool) -> None:
        """Write pending records."""
        if failed:
            self.experiment.add_text("state", "the run failed or was stopped")
        self.experiment.close()


def _block(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
