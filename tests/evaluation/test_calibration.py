"""Probabilities of shown suggestions are calibrated and never change an order."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from tagfinder.errors import InputError
from tagfinder.evaluation.calibration import (
    IDENTITY,
    Calibration,
    Shown,
    calibrate,
    read_calibrations,
    verdict,
)

UNIT = st.floats(0, 1, width=32)
SLOPE = st.floats(0.001, 20)


def shown(chance_of: Calibration, n: int = 20_000, seed: int = 0) -> tuple[Shown, np.ndarray]:
    """Draw posts with five suggestions that are right as often as a curve says."""
    draw = np.random.default_rng(seed)
    scores = -np.sort(-draw.beta(0.5, 2.0, size=(n, 5)).astype(np.float32), axis=1)
    chances = chance_of.probabilities(scores)
    right = draw.random((n, 5)) < chances
    ranks = np.tile(np.arange(1, 6), (n, 1))
    return Shown(scores.ravel(), ranks.ravel(), right.ravel()), chances.ravel()


def test_a_known_distortion_of_score_and_rank_is_undone() -> None:
    drawn, chances = shown(Calibration(0.5, 1.5, -1.0, 0.8))
    found = drawn.fit().probabilities(drawn.scores, drawn.ranks)
    np.testing.assert_allclose(found, chances, atol=0.03)


def test_calibration_lowers_the_error_on_other_posts() -> None:
    curve = Calibration(0.4, 0.8, -0.5, 0.5)
    fitted = shown(curve)[0].fit()
    fresh = shown(curve, seed=9)[0]
    before, after = fresh.judge(IDENTITY), fresh.judge(fitted)
    assert after["ece"] < 0.01 < 0.04 < before["ece"]
    assert after["log_loss"] < before["log_loss"]
    assert after["promised"] == pytest.approx(after["kept"], abs=0.01)
    assert after["first_promised"] == pytest.approx(after["first_kept"], abs=0.02)


@given(SLOPE, SLOPE, st.floats(-20, 20), st.floats(0, 5), st.lists(UNIT, min_size=2))
def test_a_later_or_lower_suggestion_is_never_more_probable(
    a: float, b: float, c: float, rank: float, scores: list[float]
) -> None:
    ranked = -np.sort(-np.array(scores, dtype=np.float32))
    probabilities = Calibration(a, b, c, rank).probabilities(ranked)
    assert (np.diff(probabilities) <= 0).all()
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_a_curve_without_rank_is_beta_calibration() -> None:
    scores = np.array([0.2, 0.9, 0.5], np.float32)
    expected = expit(0.5 * logit(scores) - 1.0)
    found = Calibration(0.5, 0.5, -1.0).probabilities(scores)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(IDENTITY.probabilities(scores), scores, rtol=1e-5)


def test_where_everything_is_right_scores_stay_as_they_are() -> None:
    ones = np.ones(20, dtype=bool)
    assert Shown(np.full(20, 0.4, np.float32), np.ones(20), ones).fit() == IDENTITY


def test_shown_are_the_first_suggestions_of_every_post() -> None:
    predictions = pl.DataFrame(
        {
            "labels": [[3], [], [1, 2]],
            "top_labels": [[3, 1, 2], [0], []],
            "top_scores": [[0.9, 0.5, 0.1], [0.2], []],
        },
        schema={
            "labels": pl.List(pl.Int32),
            "top_labels": pl.List(pl.Int32),
            "top_scores": pl.List(pl.Float32),
        },
    )
    found = Shown.of(predictions, 2)
    assert found.scores.tolist() == pytest.approx([0.9, 0.5, 0.2])
    assert found.ranks.tolist() == [1, 2, 1]
    assert found.right.tolist() == [True, False, False]


def test_drift_between_the_parts_is_named() -> None:
    def ranked(share: float) -> pl.DataFrame:
        n = 1000
        return pl.DataFrame(
            {
                "labels": [[0] if i < share * n else [1] for i in range(n)],
                "top_labels": [[0]] * n,
                "top_scores": pl.Series([[0.5 + i % 7 / 100] for i in range(n)]),
            }
        )

    steady = calibrate(ranked(0.6), ranked(0.6))
    assert "drift" not in verdict(steady) and "differ" not in verdict(steady)
    moved = calibrate(ranked(0.6), ranked(0.4))
    assert moved["test"]["ece"] == pytest.approx(0.2, abs=0.02)
    assert "the test posts differ" in verdict(moved)


def test_files_of_both_formats_are_read_and_others_refused(tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"
    assert read_calibrations(file).usual == IDENTITY
    file.write_text(json.dumps({"format": 1, "a": 1.0, "b": 2.0, "c": 3.0}))
    assert read_calibrations(file).usual == Calibration(1.0, 2.0, 3.0, 0.0)
    curve = {"a": 1.0, "b": 2.0, "c": 3.0, "rank": 0.5}
    hidden = curve | {"c": 4.0}
    file.write_text(json.dumps({"format": 2, **curve, "without_author": hidden}))
    both = read_calibrations(file)
    assert both.of(author_known=True) == Calibration(1.0, 2.0, 3.0, 0.5)
    assert both.of(author_known=False) == Calibration(1.0, 2.0, 4.0, 0.5)
    file.write_text(json.dumps({"format": 99}))
    with pytest.raises(InputError, match="another version"):
        read_calibrations(file)
