"""Near-duplicates: what counts as a copy."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tagfinder.corpus.duplicates import (
    Sketches,
    comparable,
    group_exact_duplicates,
    group_near_duplicates,
    sketch,
)

LISTING = (
    "check out this lovely blue summer dress in size small on my closet for only {} dollars {}"
)


def groups_of(texts: list[str], similarity: float = 0.75) -> list[int]:
    return group_near_duplicates(sketch(pl.Series(texts, dtype=pl.String)), similarity).tolist()


def test_links_mentions_hashtags_digits_and_case_do_not_make_a_difference() -> None:
    texts = pl.Series(
        ["Stay SAFE, @friend! #flood https://t.co/a 1", "stay safe #yyc https://t.co/b"]
    )
    assert comparable(texts).to_list() == ["stay safe", "stay safe"]


def test_copies_with_small_changes_share_a_group_and_others_do_not() -> None:
    texts = [
        LISTING.format(20, "#fashion https://t.co/1"),
        "the council votes on the new budget for public schools this evening at seven",
        LISTING.format(35, "#style #dress https://t.co/2"),
        LISTING.format(15, "again"),
    ]
    assert groups_of(texts) == [0, 1, 0, 0]


def test_texts_without_words_are_no_copies_of_each_other() -> None:
    assert groups_of(["#a https://t.co/1", "", "!!! 12", "#a"]) == [0, 1, 2, 3]


def test_batches_sketched_apart_are_grouped_as_if_sketched_together() -> None:
    texts = pl.Series([LISTING.format(i, "x") for i in range(6)] + ["quite another text", ""])
    parts = Sketches.join([sketch(texts[:3]), sketch(texts[3:])])
    assert group_near_duplicates(parts).tolist() == group_near_duplicates(sketch(texts)).tolist()


@settings(max_examples=50)
@given(st.lists(st.text(max_size=40), max_size=20))
def test_equal_texts_with_words_always_share_a_group(texts: list[str]) -> None:
    twice = texts + texts
    groups = groups_of(twice)
    has_words = (comparable(pl.Series(twice, dtype=pl.String)) != "").to_list()
    for row in range(len(texts)):
        if has_words[row]:
            assert groups[row] == groups[row + len(texts)]


def test_exact_groups_are_named_by_their_first_text() -> None:
    hashes = np.array([7, 5, 7, 9, 5], dtype=np.uint64)
    assert group_exact_duplicates(hashes).tolist() == [0, 1, 0, 3, 1]
