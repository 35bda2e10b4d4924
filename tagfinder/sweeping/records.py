"""The records of a sweep: `job.json` in each run's folder, `sweep.csv` above all of them."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl

from tagfinder.escaping import for_csv
from tagfinder.files import atomic_path, read_json, write_json

Status = Literal["running", "ok", "failed", "pruned", "stopped"]
JOB_FILE = "job.json"
TRACE_FILE = "error.txt"
SWEEP_FILE = "sweep.csv"


@dataclass
class JobRecord:
    """One run of a sweep.

    Attributes:
        overrides: of the run.
        status: of the run; `stopped` by Ctrl-C or a signal.
        score: the best validation NDCG@5; None if there is none yet.
        seconds: wall time, summed over the parts of a run that was stopped and continued.
        error: what went wrong, in one sentence.
        began: when the run first began, in seconds since 1970.
    """

    overrides: list[str]
    status: Status = "running"
    score: float | None = None
    seconds: float = 0.0
    error: str | None = None
    began: float = field(default_factory=time.time)

    def write(self, folder: Path) -> None:
        """Write the record into the run's folder."""
        write_json(folder / JOB_FILE, asdict(self))


def read_record(folder: Path) -> JobRecord | None:
    """Return the record in a run's folder, None if there is none."""
    file = folder / JOB_FILE
    return JobRecord(**read_json(file)) if file.is_file() else None


def records_in(sweep: Path) -> dict[Path, JobRecord]:
    """Return the folder of each run of a sweep with its record, in the order of their beginning."""
    folders = [file.parent for file in sweep.glob(f"*/{JOB_FILE}")]
    found = {folder: record for folder in folders if (record := read_record(folder))}
    return dict(sorted(found.items(), key=lambda item: item[1].began))


def write_sweep_file(sweep: Path, records: dict[Path, JobRecord]) -> None:
    """Write `sweep.csv`: a row for each run of the sweep."""
    rows = [
        {
            "overrides": " ".join(record.overrides),
            "status": record.status,
            "best_val_ndcg@5": record.score,
            "seconds": round(record.seconds, 1),
            "path": folder.relative_to(sweep).as_posix(),
            "error": record.error,
        }
        for folder, record in records.items()
    ]
    with atomic_path(sweep / SWEEP_FILE) as path:
        table = pl.DataFrame(rows, schema_overrides={"best_val_ndcg@5": pl.Float64})
        for_csv(table).write_csv(path)
