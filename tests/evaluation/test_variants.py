"""Partial credit for variants, against values made by hand."""

from __future__ import annotations

from math import log2

import numpy as np
import polars as pl
import pytest

from tagfinder.evaluation.variants import VARIANT_CREDIT, stem_of, variant_ndcg

HASHTAGS = ["ada30", "ada31", "election", "Elections", "flood"]
ADA30, ADA31, ELECTION, ELECTIONS, FLOOD = range(len(HASHTAGS))
SECOND = 1 / log2(3)


@pytest.mark.parametrize(
    ("name", "stem"),
    [("ADA31", "ada"), ("Elections2022", "election"), ("cop26", "cop"), ("2022", "2022")],
)
def test_numbers_years_and_plurals_do_not_count(name: str, stem: str) -> None:
    assert stem_of(name) == stem


@pytest.mark.parametrize(
    ("ranked", "true", "score"),
    [
        ([FLOOD], [FLOOD], 1),
        ([ADA30], [ADA31], VARIANT_CREDIT),
        ([FLOOD, ADA30], [ADA31], VARIANT_CREDIT * SECOND),
        ([ADA31, ADA30], [ADA31], 1),  # no credit beside the true one
        ([ADA30, ADA31], [ADA31], SECOND),
        ([ELECTION, FLOOD], [ELECTIONS, FLOOD], (VARIANT_CREDIT + SECOND) / (1 + SECOND)),
        ([ELECTION], [FLOOD], 0),
        ([], [FLOOD], 0),
    ],
)
def test_a_variant_earns_part_of_the_credit_once(
    ranked: list[int], true: list[int], score: float
) -> None:
    lists = pl.List(pl.Int32)
    scores = variant_ndcg(
        pl.Series([ranked], dtype=lists), pl.Series([true], dtype=lists),
        np.array([len(true)]), HASHTAGS,
    )  # fmt: skip
    assert scores.tolist() == [pytest.approx(score)]


def test_hashtags_without_a_label_belong_to_the_ideal() -> None:
    series = pl.Series([[FLOOD]], dtype=pl.List(pl.Int32))
    scores = variant_ndcg(series, series, np.array([2]), HASHTAGS)
    assert scores.tolist() == [pytest.approx(1 / (1 + SECOND))]
