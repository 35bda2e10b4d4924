"""A corpus made many times as large, with the statistics of words and hashtags that it had.

    python experiments/benchmarks/enlarged.py posts.parquet FOLDER --copies 16

Copy 0 is the corpus itself. In every other copy, three of ten words and hashtags get an ending of
that copy. A hash of the word and the number of the copy decides which, so that within a copy a word
is changed everywhere or nowhere, in hashtags as in texts. Lengths of texts, hashtags of a post and
how often the n-th most frequent word occurs stay as they are; the vocabulary and the number of
hashtags grow with the corpus, as they do in life. All authors of a copy are its own, and each post
is moved in time by up to 30 days. Copies of a post share half of their words: they are no
near-duplicates.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import polars as pl

CHANGED_OF_TEN = 3
SECONDS = 30 * 24 * 3600
TOKEN = r"(?s)^([^\p{L}\p{N}_]*)([\p{L}\p{N}_]+)(.*)$"
# Addresses and mentions stay as they are: cleaning takes them out.
UNTOUCHED = r"^(https?:|@)"


def ending_of(copy: int) -> str:
    """Return letters that tell a copy apart.

    Example:
        >>> ending_of(1), ending_of(27)
        ('qb', 'qbb')
    """
    letters = ""
    while copy:
        copy, digit = divmod(copy, 26)
        letters = chr(ord("a") + digit) + letters
    return f"q{letters}"


def changed(words: pl.Expr, copy: int) -> pl.Expr:
    """Return words with the ending of the copy where it changes them."""
    is_changed = words.str.to_lowercase().hash(seed=copy) % 10 < CHANGED_OF_TEN
    return pl.when(is_changed).then(words + ending_of(copy)).otherwise(words)


def copy_of(posts: pl.DataFrame, copy: int) -> pl.DataFrame:
    """Return one copy of `id, created_at, text, hashtags, entity_name, lang`."""
    if copy == 0:
        return posts
    rows = posts.with_row_index("row")
    tokens = rows.select("row", token=pl.col("text").str.split(" ")).explode("token")
    # Each token is looked at once, however often it is used.
    names = tokens.select(pl.col("token").unique())
    pieces = [pl.col("token").str.extract(TOKEN, group) for group in (1, 2, 3)]
    renamed = pl.concat_str(pieces[0], changed(pieces[1], copy), pieces[2])
    as_it_is = pl.col("token").str.contains(UNTOUCHED) | pieces[1].is_null()
    names = names.with_columns(pl.when(as_it_is).then("token").otherwise(renamed).alias("name"))
    texts = (
        tokens.join(names, "token", maintain_order="left")
        .group_by("row", maintain_order=True)
        .agg(pl.col("name").str.join(" "))
    )
    shift = pl.col("id").hash(seed=copy) % (2 * SECONDS)
    return posts.select(
        id=pl.col("id") + f"-{copy}",
        created_at=pl.col("created_at") + pl.duration(seconds=shift.cast(pl.Int64) - SECONDS),
        text=texts["name"],
        hashtags=pl.col("hashtags").list.eval(changed(pl.element(), copy)),
        entity_name=pl.col("entity_name") + ending_of(copy),
        lang=pl.col("lang"),
    )


def enlarge(source: Path, folder: Path, copies: int) -> None:
    """Write the copies that a folder does not have yet, one file each, in the order of time."""
    columns = ["id", "created_at", "text", "hashtags", "entity_name", "lang"]
    posts = pl.read_parquet(source, columns=columns).select(columns).sort("created_at", "id")
    folder.mkdir(parents=True, exist_ok=True)
    for copy in range(copies):
        file = folder / f"{copy:03}.parquet"
        if not file.is_file():
            copy_of(posts, copy).write_parquet(file, row_group_size=50_000)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--copies", type=int, required=True)
    given = parser.parse_args()
    enlarge(given.source, given.folder, given.copies)
