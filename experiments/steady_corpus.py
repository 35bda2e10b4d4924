"""A corpus whose hashtags hardly change: the most used ones that lived for 30 months.

python experiments/steady_corpus.py us_congress_2022.parquet steady_congress.parquet
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

HASHTAGS = 200
DAYS = 30 * 30  # from the first to the last use


def steady(posts: pl.DataFrame) -> pl.DataFrame:
    """Return the posts with a long-lived hashtag, and of their hashtags only these."""
    lower = pl.col("hashtags").list.eval(pl.element().str.to_lowercase())
    uses = posts.select("created_at", hashtag=lower.list.unique()).explode("hashtag")
    life = pl.col("created_at").max() - pl.col("created_at").min()
    lived = uses.group_by("hashtag").agg(posts=pl.len(), days=life.dt.total_days())
    kept = lived.filter(pl.col("days") >= DAYS).sort("posts", "hashtag", descending=[True, False])
    names = kept["hashtag"].head(HASHTAGS).to_list()
    is_kept = pl.element().str.to_lowercase().is_in(names)
    restricted = posts.with_columns(pl.col("hashtags").list.eval(pl.element().filter(is_kept)))
    return restricted.filter(pl.col("hashtags").list.len() > 0)


if __name__ == "__main__":
    steady(pl.read_parquet(Path(sys.argv[1]))).write_parquet(Path(sys.argv[2]))
