"""Positions of numbers among others."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tagfinder.live.index_map import build_index, distinct, find_sorted, lookup, scatter

NUMBERS = st.integers(0, 2**31 - 1) | st.integers(0, 40)


@given(st.lists(NUMBERS, unique=True, max_size=300), st.lists(NUMBERS, max_size=50))
def test_numbers_are_found_at_their_positions_and_no_others(
    numbers: list[int], others: list[int]
) -> None:
    places = build_index(np.array(numbers, dtype=np.int64))
    assert [lookup(number, places) for number in numbers] == list(range(len(numbers)))
    for other in set(others) - set(numbers):
        assert lookup(other, places) == -1


def test_probing_wraps_around_to_the_first_slot() -> None:
    alone = (build_index(np.array([number]))[0] for number in range(1_000))
    last, second, third, other = [n for n, slots in enumerate(alone) if slots[-1] == 0][:4]
    places = build_index(np.array([last, second, third]))
    assert places[0].tolist() == [1, 2, *[-1] * 13, 0]
    assert [lookup(number, places) for number in (last, second, third)] == [0, 1, 2]
    assert lookup(other, places) == -1


def test_numbers_with_the_same_hash_are_distinguished() -> None:
    # So many from one range that some share a slot.
    numbers = np.random.default_rng(1).permutation(5_000)[:900]
    places = build_index(numbers)
    assert [lookup(int(number), places) for number in numbers] == list(range(900))
    assert len(places[0]) == 4096


@given(st.lists(NUMBERS, unique=True, max_size=50).map(sorted), NUMBERS)
def test_places_in_an_ascending_row(ascending: list[int], number: int) -> None:
    there = np.array(ascending, dtype=np.int64)
    expected = ascending.index(number) if number in ascending else -1
    assert find_sorted(there, number) == expected
    for place, one in enumerate(ascending):
        assert find_sorted(there, one) == place


def test_values_are_scattered_to_positions_and_the_last_one_wins() -> None:
    row = np.zeros(3)
    places = build_index(np.array([3, 5, 8]))
    scatter(row, places, np.array([5, 9, 3, 1, 5]), np.array([1, 2, 3, 4, 5]))
    assert row.tolist() == [3, 5, 0]


@given(st.lists(st.integers(0, 30), max_size=60))
def test_distinct_numbers_ascend(numbers: list[int]) -> None:
    assert distinct(np.array(numbers, dtype=np.int64)).tolist() == sorted(set(numbers))
