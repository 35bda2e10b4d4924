"""The columns of raw posts, the same for every source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import polars as pl

from tagfinder.errors import InputError

RAW_SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "created_at": pl.Datetime("us", "UTC"),
        "text": pl.String(),
        "hashtags": pl.List(pl.String()),
        "entity_name": pl.String(),
        "lang": pl.String(),
    }
)
"""Unknown values are null. `text` never is; `hashtags` (without `#`, case kept) is null if the
source has none, and then they are to be extracted from the text."""


def completed(batches: Iterable[pl.DataFrame], source: str) -> Iterator[pl.DataFrame]:
    """Yield the frames of a source with the columns and types of `RAW_SCHEMA`.

    Args:
        batches: frames with at least `text`; columns that are missing become null.
        source: name of the source, for messages.

    Raises:
        InputError: there is no column `text`, or a column holds values of another type.
    """
    for batch in batches:
        if "text" not in batch.columns:
            raise InputError(
                f"the source {source} yields no column text, only {', '.join(batch.columns)}; "
                f"the columns of raw posts are {', '.join(RAW_SCHEMA)}"
            )
        try:
            yield conform(batch)
        except pl.exceptions.PolarsError as error:
            raise InputError(f"the source {source}: {_wrong_column(batch)}") from error


def _wrong_column(batch: pl.DataFrame) -> str:
    for name in RAW_SCHEMA.keys() & set(batch.columns):
        try:
            conform(batch.select(name))
        except pl.exceptions.PolarsError:
            return f"column {name} is {batch.schema[name]}, expected {RAW_SCHEMA[name]}"
    return "its columns do not fit together"


def conform(frame: pl.DataFrame) -> pl.DataFrame:
    """Return `frame` with exactly the columns and types of `RAW_SCHEMA`.

    Columns that are missing become null, others are left out.

    Raises:
        polars.exceptions.PolarsError: a column's values cannot be of the type that it needs.
    """
    return frame.select(
        pl.col(name).cast(dtype) if name in frame.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in RAW_SCHEMA.items()
    )


def in_utc(moment: datetime) -> datetime:
    """Return a moment with its zone; one without a zone is UTC, not the machine's time."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
