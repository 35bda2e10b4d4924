"""Helpers of tests that read a collection as users do."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
from click.testing import Result


def posts_of(folder: Path) -> pl.DataFrame:
    """All posts of a collection, which may be written to meanwhile."""
    parts = [path.read_bytes() for path in sorted((folder / "parts").glob("*.parquet"))]
    return pl.concat([pl.read_parquet(BytesIO(part)) for part in parts]).sort("created_at", "id")


def numbers_of(folder: Path) -> list[int]:
    """The numbers in the texts "post 17 …" of a collection."""
    return sorted(int(text.split()[1]) for text in posts_of(folder)["text"])


def summary_of(result: Result) -> dict[str, Any]:
    """The JSON object that a command printed."""
    assert result.exception is None, result.output
    return json.loads(result.stdout)
