"""The order of the posts in training and scoring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfinder.data.batches import OrderedBatches, ShuffledBatches

LENGTHS = st.lists(st.integers(0, 200), min_size=1, max_size=100).map(np.array)


@given(LENGTHS, st.integers(1, 30), st.integers(1, 3))
def test_scoring_visits_each_post_once_for_any_number_of_processes(
    lengths: np.ndarray, batch_size: int, world_size: int
) -> None:
    visited = [
        row
        for rank in range(world_size)
        for batch in OrderedBatches(lengths, batch_size, rank, world_size)
        for row in batch.tolist()
    ]
    assert sorted(visited) == list(range(len(lengths)))


def test_no_process_stays_without_a_batch() -> None:
    for rank in range(3):
        assert len(OrderedBatches(np.ones(100), 1024, rank, 3)) > 0


@given(LENGTHS, st.integers(1, 30), st.booleans(), st.integers(1, 3))
def test_training_visits_no_post_twice_and_gives_each_process_as_many_batches(
    lengths: np.ndarray, batch_size: int, drop_last: bool, world_size: int
) -> None:
    orders = [
        ShuffledBatches(
            lengths, batch_size, 3, drop_last=drop_last, rank=rank, world_size=world_size
        )
        for rank in range(world_size)
    ]
    batches = [list(order) for order in orders]
    visited = [row for batch in batches for rows in batch for row in rows.tolist()]
    assert len(visited) == len(set(visited))
    if len(lengths) >= batch_size * world_size:
        assert len({len(batch) for batch in batches}) == 1


@given(LENGTHS, st.integers(1, 30), st.booleans())
def test_the_number_of_training_batches_is_announced(
    lengths: np.ndarray, batch_size: int, drop_last: bool
) -> None:
    order = ShuffledBatches(lengths, batch_size, 3, drop_last=drop_last)
    assert len(order) == len(list(order))


@pytest.mark.parametrize(
    ("posts", "drop_last", "world_size", "expected"),
    [
        (100, True, 1, 3),
        (100, False, 1, 4),
        (100, True, 2, 1),
        (100, False, 2, 2),
        (90, True, 1, 3),
    ],
)
def test_short_batches_are_dropped_or_kept(
    posts: int, drop_last: bool, world_size: int, expected: int
) -> None:
    order = ShuffledBatches(np.ones(posts), 30, 1, drop_last=drop_last, world_size=world_size)
    assert len(order) == len(list(order)) == expected


def test_seed_and_epoch_alone_decide_the_order() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        batches = ShuffledBatches(np.arange(100) % 7, 8, seed)
        batches.set_epoch(epoch)
        return [batch.tolist() for batch in batches]

    assert order(1, 4) == order(1, 4)
    assert order(1, 4) != order(1, 5)
    assert order(1, 4) != order(2, 4)


def test_a_batch_holds_texts_of_like_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 200, 10_000)
    spread = [np.ptp(lengths[batch]) for batch in ShuffledBatches(lengths, 100, 1, pool=50)]
    assert np.mean(spread) < 10


def test_a_corpus_smaller_than_a_batch_is_trained_on() -> None:
    assert [len(batch) for batch in ShuffledBatches(np.ones(5), 1024, 1)] == [5]
