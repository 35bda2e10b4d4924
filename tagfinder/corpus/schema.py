"""The columns of raw posts, the same for every source."""

from __future__ import annotations

import polars as pl

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
"""Unknown values are null. `text` never is; `hashtags` (without `#`, case kept) is null where the
source has none, and then they are to be extracted from the text."""


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
