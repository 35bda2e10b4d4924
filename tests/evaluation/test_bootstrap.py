"""Bootstrap and Holm against plain twins and known values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tagfinder.evaluation.bootstrap import (
    bootstrap_p_value,
    cluster_bootstrap,
    holm,
    percentile_interval,
)


def plain_cluster_bootstrap(
    values: np.ndarray, clusters: np.ndarray, n_resamples: int, seed: int
) -> np.ndarray:
    """Draw the same clusters and take the means of their rows, one resample after the other."""
    rng = np.random.default_rng(seed)
    n_clusters = clusters.max() + 1
    means = []
    for _ in range(n_resamples):
        drawn = rng.integers(n_clusters, size=n_clusters)
        rows = np.concatenate([np.flatnonzero(clusters == cluster) for cluster in drawn])
        means.append(np.nanmean(values[rows], axis=0))
    return np.array(means)


def test_resamples_equal_those_of_a_plain_loop_over_clusters():
    rng = np.random.default_rng(5)
    values = rng.random((200, 6))
    values[rng.random((200, 6)) < 0.2] = np.nan
    values[:, 0] = 0.25
    clusters = rng.permutation(np.concatenate([np.arange(80), rng.integers(80, size=120)]))
    found = cluster_bootstrap(values, clusters, 50, seed=3)
    np.testing.assert_allclose(found, plain_cluster_bootstrap(values, clusters, 50, 3), atol=1e-6)
    assert (found[:, 0] == 0.25).all()


def test_the_seed_decides_and_nothing_else():
    values = np.random.default_rng(0).random((100, 2))
    clusters = np.arange(100)
    again = cluster_bootstrap(values, clusters, 20, 7)
    assert (cluster_bootstrap(values, clusters, 20, 7) == again).all()
    assert (cluster_bootstrap(values, clusters, 20, 8) != again).any()


def test_the_interval_of_independent_posts_is_that_of_the_central_limit_theorem():
    values = np.random.default_rng(1).random((2000, 1))
    drawn = cluster_bootstrap(values, np.arange(2000), 4000, 1)
    interval = percentile_interval(values.mean(), drawn[:, 0])
    half = 1.96 * values.std() / np.sqrt(2000)
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.05)


def test_copies_of_posts_widen_the_interval_as_if_there_were_fewer_posts():
    values = np.repeat(np.random.default_rng(1).random((500, 1)), 4, axis=0)
    groups = np.arange(2000) // 4
    grouped = cluster_bootstrap(values, groups, 2000, 1).std()
    single = cluster_bootstrap(values, np.arange(2000), 2000, 1).std()
    assert grouped / single == pytest.approx(2, rel=0.1)


def test_p_values_of_true_null_hypotheses_are_spread_evenly():
    rng = np.random.default_rng(2)
    values = rng.random((300, 200))
    drawn = cluster_bootstrap(values, np.arange(300), 500, 1)
    means = values.mean(0)
    p_values = [
        bootstrap_p_value(means[i] - means[i + 1], drawn[:, i] - drawn[:, i + 1])
        for i in range(0, 200, 2)
    ]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_equal_runs_never_differ_significantly():
    assert bootstrap_p_value(0.0, np.zeros(99)) == 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values: list[float]):
    values = np.array(p_values)
    corrected = holm(values)
    assert (corrected >= values).all()
    assert (corrected <= 1).all()
    assert (np.diff(corrected[np.argsort(values, kind="stable")]) >= 0).all()


def test_holm_gives_the_values_of_the_textbook():
    assert holm(np.array([0.005, 0.011, 0.02, 0.04, 0.13])) == pytest.approx(
        [0.025, 0.044, 0.06, 0.08, 0.13]
    )
