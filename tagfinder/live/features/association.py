"""Features of how often the words of a post occur with a hashtag."""

from __future__ import annotations

import numpy as np

from tagfinder.live.compiled import compiled
from tagfinder.live.features.columns import Column
from tagfinder.live.features.context import CandidateContext

# Pseudo-posts with a hashtag and average words, because few posts say little.
PSEUDO_POSTS = 2.0
INFINITE = (-np.inf, np.inf)
COLUMNS = (
    Column(
        "together",
        "sum over the words of the pointwise mutual information with the hashtag, smoothed",
        "nats",
        *INFINITE,
    ),
    Column("together_mean", "mean of the same over the words", "nats", *INFINITE),
    Column("information_1", "the highest of these values", "nats", *INFINITE),
    Column("information_2", "the second highest, 0 if there is none", "nats", *INFINITE),
    Column("information_3", "the third highest, 0 if there is none", "nats", *INFINITE),
    Column("rate_1", "the highest share of a word's posts that have the hashtag", "share", 0, 1),
    Column("rate_2", "the second highest of these shares", "share", 0, 1),
    Column("rate_by_rarity", "their mean, weighted by the rarity of the words", "share", 0, 1),
    Column("known_together", "words that ever occurred with the hashtag", "words"),
)
(
    TOGETHER,
    TOGETHER_MEAN,
    INFORMATION_1,
    INFORMATION_2,
    INFORMATION_3,
    RATE_1,
    RATE_2,
    RATE_BY_RARITY,
    KNOWN_TOGETHER,
) = range(len(COLUMNS))


def compute(context: CandidateContext) -> np.ndarray:
    """Return (C, F) float32 values of `COLUMNS`.

    Pointwise mutual information is that of Church and Hanks (1990). Its sum is what naive Bayes
    adds to the logarithm of a hashtag's frequency.
    """
    statistics, terms = context.of_query.statistics, context.of_query.query.terms
    table = np.zeros((len(context.hashtags), len(COLUMNS)))
    both, with_word = statistics.associations.read(terms, context.hashtags)
    total = statistics.total.values[context.hashtags]
    _fill(table, both, with_word, total, statistics.n_alive + 1)
    return table.astype(np.float32)


@compiled
def _fill(
    table: np.ndarray, both: np.ndarray, with_word: np.ndarray, total: np.ndarray, n_posts: int
) -> None:
    n_words, total_rarity = 0, 0.0
    for word in range(len(with_word)):
        posts = np.float64(with_word[word])
        if not posts:
            continue
        expected, rarity = (posts + 0.5) / n_posts, np.log(n_posts / (posts + 1))
        total_rarity += rarity
        for candidate in range(len(table)):
            row, together = table[candidate], np.float64(both[word, candidate])
            in_all = max(total[candidate], 1) + PSEUDO_POSTS
            share = (together + PSEUDO_POSTS * expected) / in_all
            information, rate = np.log(share / expected), together / (posts + 2)
            row[TOGETHER] += information
            _keep_highest(row[INFORMATION_1 : INFORMATION_3 + 1], information, n_words)
            _keep_highest(row[RATE_1 : RATE_2 + 1], rate, n_words)
            row[RATE_BY_RARITY] += rarity * rate
            row[KNOWN_TOGETHER] += together > 0
        n_words += 1
    if n_words:
        table[:, TOGETHER_MEAN] = table[:, TOGETHER] / n_words
        table[:, RATE_BY_RARITY] /= max(total_rarity, 1e-6)


@compiled
def _keep_highest(highest: np.ndarray, value: float, n_before: int) -> None:
    """Insert a value among the highest ones of `n_before` others, highest first."""
    position = min(n_before, len(highest))
    while position > 0 and highest[position - 1] < value:
        if position < len(highest):
            highest[position] = highest[position - 1]
        position -= 1
    if position < len(highest):
        highest[position] = value
