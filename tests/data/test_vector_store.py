"""Vectors on disk: computed once for each text, in shards that are complete or absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfinder.data import vector_store
from tagfinder.data.vector_store import keys_of, places_in, stored_vectors

EMPTY = np.empty((0, 2), np.float32)


class Lengths:
    """Gives a text its length and the code of its first letter; remembers what it was asked."""

    def __init__(self, fails_at: int = -1) -> None:
        self.asked: list[list[str]] = []
        self.fails_at = fails_at

    def __call__(self, texts: pl.Series, file: Path) -> None:
        if len(self.asked) == self.fails_at:
            raise KeyboardInterrupt
        self.asked.append(texts.to_list())
        np.save(file, expected(texts))


def expected(texts: pl.Series) -> np.ndarray:
    return np.array([[len(t), ord(t[0]) if t else 0] for t in texts], np.float32).reshape(-1, 2)


def test_only_texts_that_are_not_there_yet_are_computed_each_once(tmp_path: Path) -> None:
    compute = Lengths()
    stored_vectors(tmp_path, pl.Series(["a", "bb", "a"]), compute, EMPTY)
    texts = pl.Series(["bb", "", "ccc", "ccc", "a"])
    vectors = stored_vectors(tmp_path, texts, compute, EMPTY)
    assert compute.asked == [["a", "bb"], ["", "ccc"]]
    assert vectors.shape == (5, 2)
    assert np.array_equal(vectors[:], expected(texts))
    assert np.array_equal(vectors[np.array([4, 1])], expected(texts.gather([4, 1])))


def test_an_interrupted_pass_continues_after_its_last_complete_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_store, "SHARD", 2)
    texts = pl.Series(["a", "bb", "ccc", "dddd", "eeeee"])
    with pytest.raises(KeyboardInterrupt):
        stored_vectors(tmp_path, texts, Lengths(fails_at=1), EMPTY)
    compute = Lengths()
    vectors = stored_vectors(tmp_path, texts, compute, EMPTY)
    assert compute.asked == [["ccc", "dddd"], ["eeeee"]]
    assert np.array_equal(vectors[:], expected(texts))


def test_no_texts_have_no_vectors(tmp_path: Path) -> None:
    vectors = stored_vectors(tmp_path, pl.Series([], dtype=pl.String), Lengths(), EMPTY)
    assert vectors.shape == (0, 2)
    assert vectors[:].shape == (0, 2)


@given(st.lists(st.text(max_size=3), min_size=1), st.lists(st.text(max_size=3)))
def test_a_text_is_found_at_its_position(there: list[str], wanted: list[str]) -> None:
    places = places_in(keys_of(pl.Series(there)), keys_of(pl.Series(wanted, dtype=pl.String)))
    for text, place in zip(wanted, places.tolist(), strict=True):
        assert (place == -1) == (text not in there)
        assert place == -1 or there[place] == text
