"""Calibrated probabilities mean what they say and never change an order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from tagfinder.evaluation.calibration import IDENTITY, Calibration, ScoreCounts

UNIT = st.floats(0, 1, width=32)


def counted(scores: np.ndarray, chances: np.ndarray, seed: int = 0) -> ScoreCounts:
    truth = np.random.default_rng(seed).random(scores.shape) < chances
    counts = ScoreCounts()
    for rows in np.array_split(np.arange(len(scores)), 7):
        counts.add(scores[rows], truth[rows])
    return counts


def test_a_known_distortion_is_undone() -> None:
    scores = np.random.default_rng(1).beta(0.3, 2.0, size=(20_000, 10)).astype(np.float32)
    chances = expit(0.5 * logit(np.clip(scores, 1e-6, 1 - 1e-6)) - 1.0)
    calibration = counted(scores, chances).fit()
    np.testing.assert_allclose(calibration.probabilities(scores), chances, atol=0.04)


def test_calibration_lowers_the_error_on_other_posts() -> None:
    scores = np.random.default_rng(2).random((20_000, 5)).astype(np.float32)
    calibration = counted(scores, scores**3).fit()
    fresh = counted(scores, scores**3, seed=9)
    assert fresh.errors(calibration)["ece"] < 0.3 * fresh.errors(IDENTITY)["ece"]
    assert fresh.errors(calibration)["log_loss"] < fresh.errors(IDENTITY)["log_loss"]


def test_errors_of_perfect_probabilities_are_near_zero() -> None:
    scores = np.random.default_rng(3).random((50_000, 4)).astype(np.float32)
    assert counted(scores, scores).errors(IDENTITY)["ece"] < 0.005


@given(st.floats(0.001, 20), st.floats(0.001, 20), st.floats(-20, 20), st.lists(UNIT, min_size=2))
def test_a_higher_score_never_means_a_lower_probability(
    a: float, b: float, c: float, scores: list[float]
) -> None:
    ordered = np.sort(np.array(scores, dtype=np.float32))
    probabilities = Calibration(a, b, c).probabilities(ordered)
    assert (np.diff(probabilities) >= 0).all()
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_where_everything_is_true_scores_stay_as_they_are() -> None:
    scores = np.full((10, 2), 0.4, dtype=np.float32)
    assert counted(scores, np.ones_like(scores)).fit() == IDENTITY


def test_scores_that_mislead_still_give_an_increasing_curve() -> None:
    scores = np.random.default_rng(4).random((5_000, 4)).astype(np.float32)
    calibration = counted(scores, 1 - scores).fit()
    assert calibration.a > 0
    assert calibration.b > 0
