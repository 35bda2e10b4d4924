"""A file of posts, scored in bulk."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import polars as pl

from tagfinder.errors import InputError
from tagfinder.recommend.loading import Suggester

ROWS = 1024


def read_posts(name: str, content: bytes, column: str = "text") -> pl.DataFrame:
    """Read a CSV or Parquet file with a column of texts, or a text file with one on each line.

    Raises:
        InputError: it is none of these, or lacks the column.
    """
    try:
        if name.endswith(".parquet"):
            posts = pl.read_parquet(BytesIO(content))
        elif name.endswith(".csv"):
            posts = pl.read_csv(BytesIO(content), infer_schema=False)
        else:
            posts = pl.DataFrame({column: content.decode().splitlines()})
    except (pl.exceptions.PolarsError, UnicodeDecodeError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{name} cannot be read ({reason}); give CSV, Parquet or text") from error
    if column not in posts.columns:
        raise InputError(f"{name} has no column {column!r}; it has {', '.join(posts.columns)}")
    return posts.with_columns(pl.col(column).cast(pl.String))


def suggest_for_posts(
    recommender: Suggester,
    posts: pl.DataFrame,
    k: int,
    done: Callable[[float], object] = lambda _: None,
    column: str = "text",
) -> pl.DataFrame:
    """Return posts with a column `suggested`: `#one #two`, best first.

    Args:
        recommender: what suggests.
        posts: with a column of texts.
        k: most hashtags for a post.
        done: called with the share of posts that are done.
        column: the texts.
    """
    found: list[str] = []
    for part in posts.iter_slices(ROWS):
        suggested = recommender.suggest(part[column], k)  # type: ignore[arg-type]
        found += [" ".join(f"#{h.hashtag}" for h in one.hashtags) for one in suggested]
        done(len(found) / len(posts))
    return posts.with_columns(pl.Series("suggested", found, dtype=pl.String))
