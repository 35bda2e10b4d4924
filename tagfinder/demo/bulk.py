"""A file of posts, scored in bulk."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import polars.selectors as cs

from tagfinder.errors import InputError
from tagfinder.escaping import for_csv
from tagfinder.recommend.loading import Suggester
from tagfinder.recommend.post_files import posts_of

ROWS = 1024


def read_posts(name: str, content: bytes) -> pl.DataFrame:
    """Read a text file with a post on each line, or posts in any form that `data=files` reads.

    Returns:
        The posts, with their `text`; columns that the file does not have are left out.

    Raises:
        InputError: the file cannot be read, or has no texts.
    """
    if name.endswith(".txt"):
        try:
            return pl.DataFrame({"text": content.decode("utf-8-sig").splitlines()})
        except UnicodeDecodeError as error:
            raise InputError(f"{name} is not UTF-8 text; save it as UTF-8") from error
    with TemporaryDirectory() as folder:
        path = Path(folder, Path(name).name)
        path.write_bytes(content)
        try:
            posts = pl.concat(posts_of(path))
        except InputError as error:
            raise InputError(str(error).replace(f"{folder}/", "")) from error
    return posts.select(one for one in posts if one.null_count() < posts.height)


def suggest_for_posts(
    recommenders: Mapping[str, Suggester],
    posts: pl.DataFrame,
    k: int,
    *,
    threshold: float = 0.0,
    done: Callable[[float], object] = lambda _: None,
    column: str = "text",
) -> pl.DataFrame:
    """Return posts with two columns for each recommender, best hashtag first.

    The columns are `NAME: hashtags` (`#one #two`) and `NAME: probabilities` (`0.84 0.31`).

    Args:
        recommenders: by name.
        posts: with a column of texts.
        k: most hashtags for a post.
        threshold: least probability of a hashtag.
        done: called with the share of the work that is done.
        column: the texts.
    """
    for number, (name, recommender) in enumerate(recommenders.items()):
        hashtags: list[str] = []
        probabilities: list[str] = []
        for part in posts.iter_slices(ROWS):
            for one in recommender.suggest(part[column], k, threshold=threshold):  # type: ignore[arg-type]
                hashtags.append(" ".join(f"#{found.hashtag}" for found in one.hashtags))
                probabilities.append(" ".join(f"{found.probability:.2f}" for found in one.hashtags))
            done((number + len(hashtags) / len(posts)) / len(recommenders))
        posts = posts.with_columns(
            pl.Series(f"{name}: hashtags", hashtags, dtype=pl.String),
            pl.Series(f"{name}: probabilities", probabilities, dtype=pl.String),
        )
    return posts


def as_csv(posts: pl.DataFrame) -> bytes:
    """Return posts as CSV; lists and structs, which CSV does not know, become JSON."""
    nested = cs.expand_selector(posts, cs.nested())
    as_text = [
        pl.Series(name, [json.dumps(value, default=str) for value in posts[name].to_list()])
        for name in nested
    ]
    return for_csv(posts.with_columns(as_text)).write_csv().encode()
