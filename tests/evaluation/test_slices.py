"""Scores by slices, against plain loops over made-up posts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfinder.evaluation.slices import Known, Slices, slices_of

BEGIN = datetime(2022, 1, 1, tzinfo=UTC)


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 9)), max_size=30))
def test_known_counts_earlier_entries_of_the_same_key(entries: list[tuple[int, int]]) -> None:
    keys = np.array([key for key, _ in entries], dtype=np.int64)
    times = np.array([time for _, time in entries], dtype=np.int64)
    asked = [(key, time) for key in range(-1, 5) for time in range(-1, 12)]
    found = Known(keys, times).before(*(np.array(column) for column in zip(*asked, strict=True)))
    for (key, time), count in zip(asked, found, strict=True):
        assert count == sum(k == key >= 0 and t < time for k, t in entries)


def post(day: float, author: str | None, labels: list[int], group: int, text: str = "one") -> dict:
    return {
        "created_at": BEGIN + timedelta(days=day),
        "entity_name": author,
        "clean": text,
        "labels": labels,
        "group": group,
        "split": "train" if day < 10 else "test",
    }


POSTS = pl.DataFrame(
    [
        post(0, "ann", [0, 1], 0),
        post(9.5, "ann", [2], 1),
        post(10, "ann", [0, 1, 3], 2, "one two three four five six"),  # 3 is new
        post(10.2, "ben", [2], 1),  # a copy, too young to be known, as its hashtag is
        post(40, "ben", [0, 2], 0, ""),  # a copy of a known post
        post(40.5, None, [4], 5),  # nothing of it is known
    ],
    schema_overrides={
        "labels": pl.List(pl.Int32),
        "group": pl.Int64,
        "created_at": pl.Datetime("us", "UTC"),
    },
)
RANKINGS = [[9, 1, 0], [2, 0], [7, 2], []]


def sliced(rankings: list[list[int]]) -> Slices:
    test = POSTS.filter(split=pl.lit("test"))
    predictions = test.select(
        "labels",
        pl.Series("top_labels", rankings, dtype=pl.List(pl.Int32)),
        n_hashtags=pl.col("labels").list.len(),
    )
    return slices_of(POSTS, predictions, delay_days=1.0, n_resamples=50)


def cell(slices: Slices, dimension: str, name: str, metric: str = "hit_rate@5") -> tuple:
    row = slices.scores.filter(
        dimension=pl.lit(dimension), slice=pl.lit(name), metric=pl.lit(metric)
    )
    return row.select("n", "mean").row(0)


def test_posts_are_counted_and_scored_in_each_slice() -> None:
    slices = sliced(RANKINGS)
    assert cell(slices, "all", "all test posts") == (4, 0.75)
    assert cell(slices, "month", "2022-01") == (2, 1.0)
    assert cell(slices, "month", "2022-02") == (2, 0.5)
    assert cell(slices, "author", "new")[0] == 1
    assert cell(slices, "author", "known")[0] == 2
    assert cell(slices, "author", "unnamed") == (1, 0.0)
    assert cell(slices, "near-duplicate", "of no earlier post") == (2, 0.5)
    assert cell(slices, "near-duplicate", "of a post younger than the delay")[0] == 1
    assert cell(slices, "near-duplicate", "of a known post")[0] == 1
    assert cell(slices, "words of the text", "0")[0] == 1
    assert cell(slices, "words of the text", "6 to 10")[0] == 1
    assert cell(slices, "hashtags of the post", "none known")[0] == 2


def test_a_use_of_a_hashtag_is_scored_as_if_it_were_the_only_one() -> None:
    slices = sliced(RANKINGS)
    # 1 is at rank 2, and so is 0 once 1 is removed before it; 3 is not ranked.
    first_post = [1 / np.log2(3), 1 / np.log2(3), 0.0]
    ages = {
        "first use of all": [first_post[2], 0.0],
        "under 1 day": [1.0],
        "7 to 30 days": [first_post[0], first_post[1]],
        "30 to 365 days": [0.0, 1 / np.log2(3)],
    }
    # post 40: 0 is 40 days old and not ranked, 2 is 30.5 days old and at place 2
    for name, scores in ages.items():
        n, mean = cell(slices, "age of the hashtag", name, "ndcg@5")
        assert n == len(scores)
        assert mean == pytest.approx(np.mean(scores))
    assert cell(slices, "posts that used it before", "0")[0] == 3
    assert cell(slices, "posts that used it before", "1")[0] == 2
    assert cell(slices, "posts that used it before", "2 to 5")[0] == 2


def test_what_was_not_known_bounds_every_score() -> None:
    reachable = sliced(RANKINGS).reachable
    assert reachable["posts_with_a_known_hashtag"] == 0.5
    assert reachable["known_hashtags"] == pytest.approx(4 / 7)
    best = sliced([[0, 1], [], [0, 2], []]).overall
    bounds = reachable["best_possible"]
    assert {name: score["mean"] for name, score in best.items()} == pytest.approx(bounds)


def test_slices_of_one_dimension_hold_each_post_once() -> None:
    scores = sliced(RANKINGS).scores.filter(metric=pl.lit("ndcg@5"))
    sizes = dict(scores.group_by("dimension").agg(pl.col("n").sum()).rows())
    assert set(sizes.values()) == {4, 7}
    intervals = scores.filter(pl.col("n") > 0)
    assert (intervals["low"] <= intervals["mean"] + 1e-6).all()
    assert (intervals["mean"] <= intervals["high"] + 1e-6).all()
