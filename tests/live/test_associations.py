"""Counts of words with hashtags: never too low, rarely too high, taken back when asked."""

from __future__ import annotations

import numpy as np

from tagfinder.live.counts.associations import Associations

WORDS = [f"word-{number}" for number in range(500)]


def test_counts_equal_counts_by_hand() -> None:
    associations = Associations()
    expected = np.zeros((len(WORDS), 40), dtype=int)
    generator = np.random.default_rng(1)
    for _ in range(2_000):
        words = generator.choice(len(WORDS), 8, replace=False)
        hashtags = generator.choice(40, 2, replace=False)
        associations.add([WORDS[word] for word in words], hashtags.tolist())
        expected[np.ix_(words, hashtags)] += 1
    both, with_word = associations.read(WORDS, np.arange(40))
    assert (both >= expected).all()
    assert (both != expected).mean() < 0.01
    assert with_word.sum() >= 2_000 * 8


def test_subtracting_posts_restores_the_counts() -> None:
    associations = Associations()
    associations.add(["rain", "storm"], [3, 4])
    associations.add(["rain"], [3])
    associations.add(["rain", "storm"], [3, 4], sign=-1)
    both, with_word = associations.read(["rain", "storm"], np.array([3, 4]))
    assert both.tolist() == [[1, 0], [0, 0]]
    assert with_word.tolist() == [1, 0]


def test_posts_without_words_or_hashtags_are_counted_by_what_they_have() -> None:
    associations = Associations()
    associations.add([], [1])
    associations.add(["rain"], [])
    both, with_word = associations.read(["rain"], np.array([1]))
    assert (both.item(), with_word.item()) == (0, 1)
