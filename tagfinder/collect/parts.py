"""The Parquet files of a collection: one or more for each day, each whole at any moment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tagfinder.files import atomic_path

SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "created_at": pa.timestamp("us", tz="UTC"),
        "text": pa.string(),
        "hashtags": pa.list_(pa.string()),
        "entity_name": pa.string(),
        "lang": pa.string(),
        "author": pa.string(),
        "network": pa.string(),
    }
)


def table_of(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Return rows as a table of the parts' schema."""
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def day_of(moment: datetime) -> str:
    """Return the UTC day of a moment, such as "2026-11-20"."""
    return moment.astimezone(UTC).date().isoformat()


def read_part(path: Path) -> pa.Table:
    """Return the rows of a part; none where the file is not there."""
    return pq.read_table(path, schema=SCHEMA) if path.exists() else SCHEMA.empty_table()


def count_rows(path: Path) -> int:
    """Return the number of rows in a part without reading them."""
    return int(pq.read_metadata(path).num_rows) if path.exists() else 0


def write_part(path: Path, rows: pa.Table) -> None:
    """Put rows in the place of a part, durably; no rows take the file away."""
    if rows.num_rows:
        with atomic_path(path) as temporary:
            pq.write_table(rows, temporary, compression="zstd")
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
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
