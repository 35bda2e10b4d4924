"""Word n-grams of many texts, counted in columns.

The counts equal those of scikit-learn's `CountVectorizer`, which counts in a Python loop. These are
several times as fast, and counting is a good part of training a linear classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tagfinder.errors import InputError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

WORD = r"\w+"
# What Python's `\w` is, in the words of Polars' regular expressions: theirs also takes marks.
POLARS_WORD = r"[\p{L}\p{N}_]+"


def count_ngrams(
    texts: Sequence[str],
    ngram_range: tuple[int, int],
    max_features: int | None = None,
    min_posts: int = 1,
) -> tuple[list[str], csr_matrix]:
    """Count the n-grams of texts.

    Args:
        texts: N texts.
        ngram_range: shortest and longest n-gram, in words.
        max_features: most n-grams, the most used ones; None takes all.
        min_posts: fewest texts with an n-gram.

    Returns:
        F n-grams in the order of their characters, and (N, F) float32 counts.

    Raises:
        InputError: no n-gram is in `min_posts` texts.
    """
    from scipy.sparse import csr_matrix  # not needed for recommending

    counts = ngrams(texts, *ngram_range).group_by("post", "ngram").len("uses")
    chosen = counts.group_by("ngram").agg(pl.len().alias("posts"), pl.col("uses").sum())
    chosen = chosen.filter(pl.col("posts") >= min_posts)
    if max_features is not None:
        chosen = chosen.sort("uses", "ngram", descending=[True, False]).head(max_features)
    if chosen.is_empty():
        raise InputError(
            f"no word or n-gram is in model.min_posts={min_posts} training posts; lower it, "
            "or look into the corpus"
        )
    chosen = chosen.select(pl.col("ngram").sort()).with_row_index("feature")
    found = counts.join(chosen, on="ngram")
    values = found["uses"].to_numpy().astype(np.float32)
    places = (found["post"].to_numpy(), found["feature"].to_numpy())
    matrix = csr_matrix((values, places), shape=(len(texts), len(chosen)))
    matrix.sort_indices()
    return chosen["ngram"].to_list(), matrix


def ngrams(texts: Sequence[str], shortest: int, longest: int) -> pl.DataFrame:
    """Return each n-gram of each text: columns `post` (number of the text) and `ngram`."""
    words = pl.DataFrame({"word": pl.Series(texts, dtype=pl.String).str.extract_all(POLARS_WORD)})
    words = words.with_row_index("post").explode("word").drop_nulls()
    return pl.concat(_ngrams_of(words, n) for n in range(shortest, longest + 1))


def _ngrams_of(words: pl.DataFrame, n: int) -> pl.DataFrame:
    following = [pl.col("word").shift(-i) for i in range(n)]
    return (
        words.select(
            "post",
            pl.concat_str(following, separator=" ").alias("ngram"),
            (pl.col("post") == pl.col("post").shift(1 - n)).alias("in_one_post"),
        )
        .filter("in_one_post")
        .drop("in_one_post")
    )
