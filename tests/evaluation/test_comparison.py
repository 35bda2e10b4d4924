"""Comparisons over posts and seeds against known values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tagfinder.evaluation.comparison import Comparison, compare


def compared(**scores: np.ndarray) -> Comparison:
    """Compare recommenders in one metric, each post a cluster."""
    n = len(next(iter(scores.values())))
    return compare(
        {name: {"m": values} for name, values in scores.items()},
        {"m": np.ones(n, bool)},
        np.arange(n),
        n_samples=10,
        n_resamples=5_000,
        seed=1,
    )


def test_seeds_widen_an_interval_to_that_of_student() -> None:
    # All posts alike: only the seeds differ.
    seeds = np.array([0.50, 0.54, 0.58])
    found = compared(a=np.tile(seeds, (200, 1)), b=np.full(200, 0.1))
    row = found.scores.row(0, named=True)
    assert (row["seeds"], row["mean"]) == (3, pytest.approx(0.54))
    assert row["seed_sd"] == pytest.approx(0.04)
    assert row["seed_range"] == pytest.approx(0.08)
    half = stats.t(2).ppf(0.975) * 0.04 / np.sqrt(3)
    assert row["bootstrap_high"] - row["bootstrap_low"] == pytest.approx(2 * half, rel=0.15)


def test_the_test_over_seeds_is_at_least_as_strict_as_welchs() -> None:
    one, other = np.array([0.50, 0.54, 0.58]), np.array([0.42, 0.46, 0.50])
    found = compared(a=np.tile(one, (200, 1)), b=np.tile(other, (200, 1)))
    [row] = found.differences.rows(named=True)
    assert row["difference"] == pytest.approx(0.08)
    welch = stats.ttest_ind(one, other, equal_var=False).pvalue
    assert welch < row["p_value"] < 3 * welch
    assert not row["sure"]


def test_a_single_run_is_surely_better_only_by_more_than_seeds_differ() -> None:
    draw = np.random.default_rng(1)
    noise = draw.normal(0, 0.05, (400, 1))
    seeds = noise + np.array([0.50, 0.54, 0.58])
    found = compared(a=seeds, near=noise[:, 0] + 0.61, far=noise[:, 0] + 0.9)
    sure = {(row["first"], row["second"]): row["sure"] for row in found.differences.to_dicts()}
    assert not sure["a", "near"]
    assert sure["near", "far"]


def test_one_seed_is_compared_over_posts_as_ever() -> None:
    posts = np.random.default_rng(2).random((300, 2))
    as_runs = compared(a=posts[:, 0], b=posts[:, 1] + 0.2)
    as_seeds = compared(a=posts[:, :1], b=posts[:, 1:] + 0.2)
    assert as_runs.scores.equals(as_seeds.scores)
    assert as_runs.differences.equals(as_seeds.differences)
