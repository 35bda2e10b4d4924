"""Where numbers stand among others."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tagfinder.live.places import distinct, place_among, place_of, placed, put_among

NUMBERS = st.integers(0, 2**31 - 1) | st.integers(0, 40)


@given(st.lists(NUMBERS, unique=True, max_size=300), st.lists(NUMBERS, max_size=50))
def test_each_number_is_found_where_it_stands_and_no_other(
    numbers: list[int], others: list[int]
) -> None:
    places = placed(np.array(numbers, dtype=np.int64))
    assert [place_of(number, places) for number in numbers] == list(range(len(numbers)))
    for other in set(others) - set(numbers):
        assert place_of(other, places) == -1


def test_what_finds_the_last_slot_taken_goes_on_at_the_first() -> None:
    alone = (placed(np.array([number]))[0] for number in range(1_000))
    last, second, third, other = [n for n, slots in enumerate(alone) if slots[-1] == 0][:4]
    places = placed(np.array([last, second, third]))
    assert places[0].tolist() == [1, 2, *[-1] * 13, 0]
    assert [place_of(number, places) for number in (last, second, third)] == [0, 1, 2]
    assert place_of(other, places) == -1


def test_numbers_of_one_slot_are_told_apart() -> None:
    # So many from one range that some share a slot.
    numbers = np.random.default_rng(1).permutation(5_000)[:900]
    places = placed(numbers)
    assert [place_of(int(number), places) for number in numbers] == list(range(900))
    assert len(places[0]) == 4096


@given(st.lists(NUMBERS, unique=True, max_size=50).map(sorted), NUMBERS)
def test_places_in_an_ascending_row(ascending: list[int], number: int) -> None:
    there = np.array(ascending, dtype=np.int64)
    expected = ascending.index(number) if number in ascending else -1
    assert place_among(there, number) == expected
    for place, one in enumerate(ascending):
        assert place_among(there, one) == place


def test_values_are_put_where_their_numbers_stand_and_the_last_one_stays() -> None:
    row = np.zeros(3)
    places = placed(np.array([3, 5, 8]))
    put_among(row, places, np.array([5, 9, 3, 1, 5]), np.array([1, 2, 3, 4, 5]))
    assert row.tolist() == [3, 5, 0]


@given(st.lists(st.integers(0, 30), max_size=60))
def test_distinct_numbers_ascend(numbers: list[int]) -> None:
    assert distinct(np.array(numbers, dtype=np.int64)).tolist() == sorted(set(numbers))
