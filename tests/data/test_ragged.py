"""Rows of different lengths."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tagfinder.data.ragged import Ragged

ROWS = st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=1, max_size=8)


@given(ROWS, st.data())
def test_padding_gives_back_the_rows_that_were_stored(
    rows: list[list[int]], data: st.DataObject
) -> None:
    ragged = Ragged.from_series(pl.Series(rows, dtype=pl.List(pl.Int32)))
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=10))
    matrix = ragged.padded(np.array(chosen), fill=-1)
    assert [[v for v in row if v >= 0] for row in matrix.tolist()] == [rows[i] for i in chosen]
    assert matrix.shape[1] == max(1, *(len(rows[i]) for i in chosen))


def test_null_and_empty_rows_are_empty() -> None:
    ragged = Ragged.from_series(pl.Series([[1], None, [], [2, 3]], dtype=pl.List(pl.Int32)))
    assert ragged.lengths.tolist() == [1, 0, 0, 2]
    assert ragged.padded(np.array([1, 3]), fill=-1).tolist() == [[-1, -1], [2, 3]]
