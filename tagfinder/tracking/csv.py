"""Metrics by step as a CSV file that a resumed run continues."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.utilities import rank_zero_only

FILE = "metrics.csv"


class ContinuedCSV(CSVLogger):
    """Lightning's CSV logger, which begins its file again, after the rows of an earlier part.

    Args:
        save_dir: the run's folder; the file is `logs/metrics.csv` there.
    """

    def __init__(self, save_dir: str) -> None:
        super().__init__(save_dir, name="", version="logs")
        self._earlier = _rows(Path(self.log_dir) / FILE)

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Add a row; the first one determines from which step the earlier part is repeated."""
        if self._earlier and step is not None:
            # Lightning warns that it deletes these; they are written again with the new ones.
            (Path(self.log_dir) / FILE).unlink(missing_ok=True)
            self.experiment.metrics.extend(r for r in self._earlier if int(r["step"]) < step)
            self._earlier = []
        super().log_metrics(metrics, step)


def _rows(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as stream:
        rows = [{k: v for k, v in row.items() if v != ""} for row in csv.DictReader(stream)]
    return [{**row, "step": int(row["step"])} for row in rows if row.get("step")]
