"""Weights of members: who knows something counts, who does not counts nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tagfinder.models.combined import combined
from tagfinder.models.combining import learn_weights, ndcg

N, L = 600, 6


def members(*skills: float, seed: int = 0) -> tuple[np.ndarray, csr_matrix]:
    """Return log-odds of members that see the truth through noise, and the truth."""
    draw = np.random.default_rng(seed)
    truth = draw.random((N, L)) < 0.25
    odds = [skill * truth + draw.normal(size=(N, L)) for skill in skills]
    return np.stack(odds, axis=1).astype(np.float32), csr_matrix(truth)


def test_a_member_that_only_guesses_counts_nothing() -> None:
    odds, truth = members(2.0, 0.0)
    found = learn_weights(odds, truth)
    means = found.weights[:-1].mean(axis=1)
    assert means[1] < 0.1 * means[0]
    assert found.held_out["one weight a member"] > found.held_out["mean"]


def test_members_with_different_errors_rank_better_together_than_the_best_alone() -> None:
    odds, truth = members(1.5, 1.5)
    found = learn_weights(odds, truth)
    fresh, fresh_truth = members(1.5, 1.5, seed=1)
    alone = max(ndcg(fresh[:, member], fresh_truth) for member in range(2))
    tagged = fresh_truth.getnnz(axis=1) > 0
    together = combined(fresh, found.weights)[tagged]
    assert ndcg(together, fresh_truth[tagged]) > alone + 0.02


def test_scores_of_a_combination_are_log_odds_again() -> None:
    odds, truth = members(2.0, 1.0)
    sums = combined(odds, learn_weights(odds, truth).weights)
    tagged = truth.getnnz(axis=1) > 0
    promised = 1 / (1 + np.exp(-sums[tagged]))
    assert promised.mean() == pytest.approx(truth[tagged].mean(), abs=0.03)
