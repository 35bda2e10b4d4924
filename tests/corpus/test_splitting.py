"""Splits: who may learn from what."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfinder.corpus.splitting import LEFT_OUT, TEST, TOO_NEW, TRAIN, VAL, Split
from tagfinder.errors import InputError


def alone(n: int) -> np.ndarray:
    return np.arange(n)


def test_random_shares_are_the_reports() -> None:
    parts = Split(order="random").assign(np.zeros(1000, dtype=np.int64), alone(1000))
    assert [int((parts == part).sum()) for part in (TRAIN, VAL, TEST)] == [500, 300, 200]


def test_the_seed_decides_a_random_split() -> None:
    times = np.zeros(200, dtype=np.int64)
    one, same, other = (Split(seed=seed).assign(times, alone(200)) for seed in (0, 0, 1))
    assert (one == same).all()
    assert (one != other).any()


def test_temporal_order_trains_on_the_oldest_and_tests_on_the_newest() -> None:
    times = np.array([50, 10, 40, 20, 30, 60, 70, 80, 90, 100])
    parts = Split(order="temporal").assign(times, alone(10))
    assert times[parts == TRAIN].tolist() == [50, 10, 40, 20, 30]
    assert sorted(times[parts == VAL].tolist()) == [60, 70, 80]
    assert sorted(times[parts == TEST].tolist()) == [90, 100]


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 15)), min_size=1, max_size=60),
    st.sampled_from(["random", "temporal"]),
)
def test_no_group_is_in_two_parts_and_time_never_runs_backwards(
    posts: list[tuple[int, int]], order: str
) -> None:
    times = np.array([time for time, _ in posts])
    raw = [group for _, group in posts]
    groups = np.array([raw.index(group) for group in raw])
    parts = Split(order=order).assign(times, groups)  # type: ignore[arg-type]
    for group in set(groups.tolist()):
        inside = set(parts[groups == group].tolist()) - {LEFT_OUT}
        assert len(inside) == 1
    if order == "temporal":
        for earlier, later in ((TRAIN, VAL), (VAL, TEST), (TRAIN, TEST)):
            if (parts == earlier).any() and (parts == later).any():
                assert times[parts == earlier].max() < times[parts == later].min()
    else:
        assert (parts != LEFT_OUT).all()


def test_of_copies_in_several_parts_the_newest_part_keeps_its_own() -> None:
    times = np.arange(10)
    groups = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 0])
    parts = Split(order="temporal").assign(times, groups)
    assert parts[0] == LEFT_OUT
    assert parts[9] == TEST


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"order": "newest"}, "split.order"),
        ({"group": "fuzzy"}, "split.group"),
        ({"train": 0.8, "val": 0.3}, "split.train"),
        ({"train": 0.0}, "split.train"),
        ({"order": "temporal", "test_from": "soon"}, "split.test_from is 'soon'"),
        ({"order": "random", "test_from": "2022-01-01"}, "split.test_from needs"),
        (
            {"order": "temporal", "test_from": "2022-01-02", "test_until": "2022-01-01"},
            "split.test_from is not before split.test_until",
        ),
    ],
)
def test_wrong_settings_are_refused_by_key(settings: dict[str, object], word: str) -> None:
    with pytest.raises(InputError, match=word):
        Split(**settings)  # type: ignore[arg-type]


def days(*numbers: int) -> np.ndarray:
    """Return midnights of January 2022 in microseconds."""
    first = np.datetime64("2022-01-01", "us").astype(np.int64)
    return first + (np.array(numbers) - 1) * 86_400_000_000


def test_dates_cut_exactly_and_newer_posts_are_in_no_part() -> None:
    split = Split(
        order="temporal", val_from="2022-01-05", test_from="2022-01-07", test_until="2022-01-09"
    )
    parts = split.assign(days(*range(1, 11)), alone(10))
    assert parts.tolist() == [TRAIN] * 4 + [VAL] * 2 + [TEST] * 2 + [TOO_NEW] * 2


def test_before_a_test_date_the_shares_divide_the_remaining_posts() -> None:
    split = Split(order="temporal", train=0.6, val=0.2, test_from="2022-01-09T00:00:00+00:00")
    parts = split.assign(days(*range(1, 13)), alone(12))
    assert parts.tolist() == [TRAIN] * 6 + [VAL] * 2 + [TEST] * 4


def test_kept_copies_stay_where_their_time_puts_them() -> None:
    groups = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 0])
    parts = Split(order="temporal", keep_copies=True).assign(np.arange(10), groups)
    assert (parts[0], parts[9]) == (TRAIN, TEST)
    assert LEFT_OUT not in parts


def test_a_copy_that_is_too_new_for_any_part_leaves_nothing_out() -> None:
    groups = np.array([0, 1, 2, 3, 0])
    split = Split(order="temporal", test_from="2022-01-03", test_until="2022-01-05")
    parts = split.assign(days(1, 2, 3, 4, 5), groups)
    assert parts[0] == TRAIN
    assert parts[4] == TOO_NEW
