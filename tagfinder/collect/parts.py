"""The Parquet files of a collection: one or more for each day, each complete at any moment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from tagfinder.files import atomic_path

SCHEMA: dict[str, Any] = {
    "id": pl.String,
    "created_at": pl.Datetime("us", "UTC"),
    "text": pl.String,
    "hashtags": pl.List(pl.String),
    "entity_name": pl.String,
    "lang": pl.String,
    "author": pl.String,
    "network": pl.String,
}


def frame_of(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Return rows as a frame of the parts' schema."""
    columns = {name: [row[name] for row in rows] for name in SCHEMA}
    return pl.DataFrame(columns, schema=SCHEMA)


def day_of(moment: datetime) -> str:
    """Return the UTC day of a moment, such as "2026-11-20"."""
    return moment.astimezone(UTC).date().isoformat()


def read_part(path: Path) -> pl.DataFrame:
    """Return the rows of a part; none where the file is not there."""
    return pl.read_parquet(path, glob=False) if path.exists() else frame_of([])


def count_rows(path: Path) -> int:
    """Return the number of rows in a part without reading them."""
    return int(pq.read_metadata(path).num_rows) if path.exists() else 0


def write_part(path: Path, rows: pl.DataFrame) -> None:
    """Replace the rows of a part, durably; without rows its file is deleted."""
    if rows.height:
        with atomic_path(path) as temporary:
            rows.write_parquet(temporary, compression="zstd")
    else:
        path.unlink(missing_ok=True)
    _make_names_durable(path.parent)


def sweep(folder: Path, known: set[str]) -> None:
    """Take away what a killed process left: unfinished files and parts that were never noted."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.suffix == ".parquet" and path.name not in known:
            path.unlink()


def _make_names_durable(folder: Path) -> None:
    """Without this a power cut may undo a rename that the index already relies on."""
    if os.name == "nt":  # where folders cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
