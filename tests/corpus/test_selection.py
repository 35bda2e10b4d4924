"""The label set."""

from __future__ import annotations

from collections import Counter

import pytest

from tagfinder.corpus.selection import Selection
from tagfinder.errors import InputError


def test_the_most_frequent_come_first_and_ties_in_alphabetic_order() -> None:
    counts = Counter({"b": 3, "c": 9, "a": 3, "rare": 1})
    assert Selection(top_n=3).choose(counts) == ["c", "a", "b"]


def test_a_minimum_count_shortens_the_set() -> None:
    assert Selection(top_n=50, min_count=3).choose(Counter({"a": 2, "b": 3})) == ["b"]


def test_wrong_settings_are_refused_by_key() -> None:
    with pytest.raises(InputError, match="selection.top_n"):
        Selection(top_n=0)
    with pytest.raises(InputError, match="selection.count_on"):
        Selection(count_on="test")  # type: ignore[arg-type]


def test_without_a_number_every_hashtag_is_chosen_and_uncounted_ones_come_last() -> None:
    chosen = Selection(top_n=None, count_on="train").choose(Counter(b=1, c=2), ["z", "b", "a", "c"])
    assert chosen == ["c", "b", "a", "z"]
