"""NDCG that gives partial credit for a variant: a hashtag with another number, year or plural."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

VARIANT_CREDIT = 0.5
"""Gain of a suggestion that is a variant of a true hashtag; the true hashtag itself gains 1."""
_DIGITS = re.compile(r"\d+")


def stem_of(hashtag: str) -> str:
    """Return what variants of a hashtag have in common.

    Example:
        >>> stem_of("Elections2022"), stem_of("election"), stem_of("2022")
        ('election', 'election', '2022')
    """
    folded = hashtag.casefold()
    return _DIGITS.sub("", folded).removesuffix("s") or folded


def variant_ndcg(
    top_labels: pl.Series,
    labels: pl.Series,
    n_hashtags: np.ndarray,
    hashtags: Sequence[str],
    k: int = 5,
) -> np.ndarray:
    """Score rankings by graded NDCG: 1 for a true hashtag, `VARIANT_CREDIT` for a variant of one.

    A true hashtag gives credit once, and none to variants where it is among the first `k` itself.

    Args:
        top_labels: (N,) lists of label numbers, best first.
        labels: (N,) lists of the posts' true label numbers.
        n_hashtags: (N,) int, hashtags of the posts, which decide the ideal ranking.
        hashtags: (L,) names of the labels.
        k: length of the judged rankings.

    Returns:
        (N,) float64, NaN for a post without hashtags.
    """
    stems = [stem_of(name) for name in hashtags]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[np.nan], discounts.cumsum()])[np.minimum(n_hashtags, k)]
    gained = np.zeros(len(top_labels))
    for row, (ranked, true) in enumerate(zip(top_labels, labels, strict=True)):
        first, wanted = ranked.head(k).to_list(), set(true.to_list())
        missed = Counter(stems[label] for label in wanted.difference(first))
        for discount, label in zip(discounts, first, strict=False):
            if label in wanted:
                gained[row] += discount
            elif missed[stems[label]] > 0:
                missed[stems[label]] -= 1
                gained[row] += VARIANT_CREDIT * discount
    return gained / ideal
