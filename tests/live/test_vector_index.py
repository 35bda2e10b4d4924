"""The index of vectors finds what an exact search finds at any size, and forgets the deleted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tagfinder.errors import InputError
from tagfinder.live.search.vector_index import FIRST_CELLS, VectorIndex, as_stored

pytest.importorskip("faiss")
DIMENSION = 24


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Return vectors in groups, as those of texts lie."""
    generator = np.random.default_rng(1)
    centres = generator.normal(size=(60, DIMENSION))
    of_group = generator.integers(len(centres), size=5 * FIRST_CELLS)
    noise = generator.normal(size=(len(of_group), DIMENSION))
    return (centres[of_group] + 0.7 * noise).astype(np.float32)


def nearest(vectors: np.ndarray, asked: np.ndarray, k: int) -> np.ndarray:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.argsort(-(unit @ (asked / np.linalg.norm(asked))), kind="stable")[:k]


def test_few_posts_are_searched_exactly(vectors: np.ndarray) -> None:
    index = VectorIndex(DIMENSION)
    few = vectors[: FIRST_CELLS // 4]
    index.add(np.arange(len(few)) * 3, few)
    for row in range(20):
        found = index.search(vectors[-row], 10)
        assert set(found.numbers // 3) == set(nearest(few, vectors[-row], 10))
        assert (np.diff(found.scores) <= 0).all()


def test_many_posts_are_found_wherever_they_were_put_when_the_index_grew(
    vectors: np.ndarray,
) -> None:
    index = VectorIndex(DIMENSION)
    for start in range(0, len(vectors), 1000):
        block = vectors[start : start + 1000]
        index.add(np.arange(start, start + len(block)), block)
    assert len(index) == len(vectors)
    shares = []
    for row in range(0, len(vectors), 97):
        found = index.search(vectors[row], 20)
        assert found.numbers[0] == row
        assert found.scores[0] == pytest.approx(1, abs=2e-3)
        shares.append(np.isin(nearest(vectors, vectors[row], 20), found.numbers).mean())
    assert np.mean(shares) > 0.85


def test_of_young_posts_all_are_searched_wherever_they_lie(vectors: np.ndarray) -> None:
    index = VectorIndex(DIMENSION)
    index.add(np.arange(len(vectors)), vectors)
    since = len(vectors) - 500
    for row in range(0, 1000, 97):
        found = index.search(vectors[row], 20, since=since)
        expected = nearest(vectors[since:], vectors[row], 20) + since
        assert np.isin(found.numbers, expected).mean() >= 0.95  # kept in half precision
    # The oldest of them is one of them.
    assert index.search(vectors[since], 1, since=since).numbers.tolist() == [since]
    assert len(index.search(vectors[0], 20, since=len(vectors)).numbers) == 0
    assert len(index.search(vectors[0], 0, since=since).numbers) == 0


def test_a_deleted_post_is_not_found_and_can_come_back(vectors: np.ndarray) -> None:
    index = VectorIndex(DIMENSION)
    index.add(np.arange(100), vectors[:100])
    index.delete(np.array([7, 7_000]))
    assert len(index) == 99
    assert index.contains(np.array([6, 7, 7_000])).tolist() == [True, False, False]
    assert index.search(vectors[7], 1).numbers[0] != 7
    index.add(np.array([7]), vectors[7:8])
    assert index.search(vectors[7], 1).numbers.tolist() == [7]


def test_a_file_holds_everything(vectors: np.ndarray, tmp_path: Path) -> None:
    index, read = VectorIndex(DIMENSION), VectorIndex(DIMENSION)
    index.add(np.arange(2 * FIRST_CELLS), vectors[: 2 * FIRST_CELLS])
    index.save(tmp_path / "vectors.faiss")
    read.load(tmp_path / "vectors.faiss")
    read.delete(np.array([5]))
    read.add(np.array([90_000]), vectors[-1:])
    assert len(read) == len(index)
    assert read.search(vectors[-1], 1).numbers.tolist() == [90_000]


@pytest.mark.parametrize("place", [0, 100, 4_000, -4_096, -20, -8, -4, -1])
@pytest.mark.parametrize("how", ["flipped", "zeroed", "cut"])
def test_a_damaged_file_is_refused(
    vectors: np.ndarray, tmp_path: Path, place: int, how: str
) -> None:
    index, file = VectorIndex(DIMENSION), tmp_path / "vectors.faiss"
    index.add(np.arange(300), vectors[:300])
    index.save(file)
    content = bytearray(file.read_bytes())
    if how == "flipped":
        content[place] ^= 4
    elif how == "zeroed":
        content[place:] = bytes(len(content[place:]))
    else:
        del content[place:]
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"vectors\.faiss is damaged"):
        VectorIndex(DIMENSION).load(file)


def test_an_empty_index_finds_nothing() -> None:
    assert len(VectorIndex(DIMENSION).search(np.ones(DIMENSION, np.float32), 5).numbers) == 0


def test_vectors_are_returned_normalised_and_zero_if_missing() -> None:
    index = VectorIndex(2)
    index.add(np.array([4, 7, 9]), np.array([[3, 4], [0, 2], [1, 0]], np.float32))
    index.delete(np.array([9]))
    found = index.vectors_of(np.array([7, 5, 4, 9]))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0, 1], [0, 0], [0.6, 0.8], [0, 0]], atol=1e-3)
    assert index.vectors_of(np.empty(0, np.int64)).shape == (0, 2)


def test_vectors_are_as_an_index_returns_them(vectors: np.ndarray) -> None:
    few, numbers = vectors[:300], np.arange(300)
    index = VectorIndex(DIMENSION)
    index.add(numbers, few)
    np.testing.assert_array_equal(as_stored(few), index.vectors_of(numbers))
