"""A file of posts, scored in bulk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from tagfinder.errors import InputError
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
