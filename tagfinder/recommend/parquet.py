"""Suggestions for the posts of a Parquet file, streaming: memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tagfinder.errors import InputError
from tagfinder.files import atomic_path
from tagfinder.progress import track
from tagfinder.recommend.loading import Suggester
from tagfinder.recommend.suggestion import Suggestions

ROWS = 4096
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
) -> int:
    """Write the rows of a Parquet file with their suggestions.

    The columns are those of `source` and `suggested_hashtags`, `suggested_scores` and
    `suggested_probabilities`: lists, best first, empty where a text holds nothing known.

    Returns:
        Number of rows.

    Raises:
        InputError: `source` cannot be read or lacks the column of texts.
    """
    posts = _opened(source, column)
    total = posts.metadata.num_rows
    writer: pq.ParquetWriter | None = None
    with atomic_path(target) as temporary:
        for batch in track(_batches(posts), "posts", total=-(-total // ROWS)):
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
            empty = pl.DataFrame(pl.from_arrow(posts.schema_arrow.empty_table()))
            pl.concat([empty, pl.DataFrame(schema=COLUMNS)], how="horizontal").write_parquet(
                temporary
            )
        else:
            writer.close()
    return int(total)


def _opened(source: Path, column: str) -> pq.ParquetFile:
    try:
        posts = pq.ParquetFile(source)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"--input {source} cannot be read as Parquet: {error}") from error
    names = posts.schema_arrow.names
    if column not in names:
        raise InputError(
            f"--input {source} has no column {column!r}; name one of {', '.join(names)} "
            "with --column"
        )
    taken = sorted(COLUMNS.keys() & set(names))
    if taken:
        raise InputError(f"--input {source} has a column {taken[0]} already; rename it")
    return posts


def _batches(posts: pq.ParquetFile) -> Iterator[pl.DataFrame]:
    for batch in posts.iter_batches(batch_size=ROWS):
        yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))


def _as_columns(suggested: Sequence[Suggestions]) -> list[pl.Series]:
    values: dict[str, list[Any]] = {
        "suggested_hashtags": [[one.hashtag for one in row.hashtags] for row in suggested],
        "suggested_scores": [[one.score for one in row.hashtags] for row in suggested],
        "suggested_probabilities": [[one.probability for one in row.hashtags] for row in suggested],
    }
    return [pl.Series(name, values[name], dtype=dtype) for name, dtype in COLUMNS.items()]
