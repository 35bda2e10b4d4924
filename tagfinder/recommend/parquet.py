"""Suggestions for the posts of a file, streaming: memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from tagfinder.errors import InputError
from tagfinder.files import atomic_path
from tagfinder.progress import track
from tagfinder.recommend.loading import Suggester
from tagfinder.recommend.post_files import columns_of, posts_of
from tagfinder.recommend.suggestion import Suggestions

COLUMNS = {
    "suggested_hashtags": pl.List(pl.String),
    "suggested_scores": pl.List(pl.Float32),
    "suggested_probabilities": pl.List(pl.Float32),
}


def suggest_for_file(
    recommender: Suggester,
    source: Path,
    target: Path,
    *,
    column: str = "text",
    k: int = 5,
    threshold: float = 0.0,
    repeat: bool = False,
    author: str | None = None,
    settings: Sequence[str] = (),
) -> int:
    """Write the posts of a file with their suggestions, as Parquet.

    The columns are those of `posts_of` and `suggested_hashtags`, `suggested_scores` and
    `suggested_probabilities`: lists, best first, empty for a text without any known word.

    Returns:
        Number of rows.

    Raises:
        InputError: `source` cannot be read or lacks the column of texts.
    """
    empty = columns_of(source, column, settings)
    taken = sorted(COLUMNS.keys() & set(empty.columns))
    if taken:
        raise InputError(f"--input {source} has a column {taken[0]} already; rename it")
    rows = 0
    writer: pq.ParquetWriter | None = None
    with atomic_path(target) as temporary:
        for batch in track(posts_of(source, column, settings), "suggesting"):
            rows += batch.height
            texts = batch[column].cast(pl.String)
            suggested = recommender.suggest(
                texts,  # type: ignore[arg-type]
                k,
                threshold=threshold,
                repeat=repeat,
                author=author,
            )
            table = batch.with_columns(_as_columns(suggested)).to_arrow()
            writer = writer or pq.ParquetWriter(temporary, table.schema)
            writer.write_table(table)
        if writer is None:
            suggestions = pl.DataFrame(schema=COLUMNS)
            pl.concat([empty, suggestions], how="horizontal").write_parquet(temporary)
        else:
            writer.close()
    return rows


def _as_columns(suggested: Sequence[Suggestions]) -> list[pl.Series]:
    values: dict[str, list[Any]] = {
        "suggested_hashtags": [[one.hashtag for one in row.hashtags] for row in suggested],
        "suggested_scores": [[one.score for one in row.hashtags] for row in suggested],
        "suggested_probabilities": [[one.probability for one in row.hashtags] for row in suggested],
    }
    return [pl.Series(name, values[name], dtype=dtype) for name, dtype in COLUMNS.items()]
