"""Sums that stream: against scikit-learn on the whole matrix, and merged from shards."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from tagfinder.evaluation import metrics
from tagfinder.evaluation.accumulators import LabelCounts, MeanScores, ScoreHistograms
from tagfinder.evaluation.bins import ScoreBins


def logits(n_rows: int, n_labels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits that know something about the (N, L) bool truth, rare and frequent labels."""
    generator = torch.Generator().manual_seed(5)
    frequency = torch.logspace(-2.5, -0.5, n_labels)
    truth = torch.rand(n_rows, n_labels, generator=generator) < frequency
    truth[:2], truth[2] = True, False  # each label has a true row and another
    noise = torch.randn(n_rows, n_labels, generator=generator)
    return frequency.logit() + 1.5 * truth + noise, truth


SCORES = {
    "spread": torch.sigmoid,
    "saturated": lambda z: torch.sigmoid(20 * z),
    "tied": lambda z: torch.sigmoid(z).mul(10).round().div(10),
    "all equal": lambda z: torch.full_like(z, 0.3),
    "zero or one": lambda z: (z > 0).float(),
    "tiny": lambda z: torch.softmax(8 * z, dim=1),
}


def errors(shape, n_labels: int) -> tuple[np.ndarray, np.ndarray]:
    """How far the areas of about fifty labels are from scikit-learn's."""
    raw, truth = logits(4000, n_labels)
    scores = shape(raw)
    histograms = streamed(ScoreHistograms(n_labels), scores, truth)
    areas = metrics.roc_auc(*histograms), metrics.binned_average_precision(*histograms)
    exact = roc_auc_score, average_precision_score
    labels = range(0, n_labels, max(1, n_labels // 50))
    auc, precision = (
        np.array([abs(area[i].item() - score(truth[:, i], scores[:, i])) for i in labels])
        for area, score in zip(areas, exact, strict=True)
    )
    return auc, precision


@pytest.mark.parametrize("shape", SCORES)
@pytest.mark.parametrize("n_labels", [1, 50])
def test_areas_under_the_curves_are_scikit_learns(shape, n_labels):
    auc, precision = errors(SCORES[shape], n_labels)
    assert auc.max() < 1e-3
    assert precision.max() < 2e-3
    assert precision.mean() < 1e-3


@pytest.mark.parametrize("shape", ["spread", "saturated", "tied"])
def test_areas_hold_for_a_thousand_labels(shape):
    auc, precision = errors(SCORES[shape], 1000)
    assert auc.max() < 1e-3
    assert precision.mean() < 1e-3


def test_areas_hold_roughly_where_scores_crowd_together():
    auc, precision = errors(lambda z: torch.sigmoid(0.05 * z), 50)
    assert auc.max() < 1e-3
    assert precision.max() < 1e-2


def test_a_label_without_true_rows_has_no_areas():
    histograms = streamed(ScoreHistograms(2), torch.rand(5, 2), torch.tensor([[False, True]] * 5))
    assert metrics.roc_auc(*histograms).isnan().all()
    assert metrics.binned_average_precision(*histograms).isnan().tolist() == [True, False]


def test_scores_a_little_above_one_count_as_one():
    scores = torch.tensor([[1.00001], [1.0], [0.5]])
    histograms = streamed(ScoreHistograms(1), scores, torch.tensor([[True], [False], [False]]))
    assert metrics.roc_auc(*histograms).item() == 0.75


def test_memory_for_a_hundred_thousand_labels_stays_bounded():
    assert ScoreHistograms(100_000).counts.nbytes <= 128 * 2**20


def test_counts_are_those_of_the_whole_matrix():
    raw, truth = logits(500, 7)
    predicted = raw > 0
    counts = streamed(LabelCounts(7), predicted, truth)
    assert torch.equal(counts[0], (predicted & truth).sum(0))
    assert torch.equal(counts[1], predicted.sum(0))
    assert torch.equal(counts[2], truth.sum(0))


def test_rows_that_take_no_part_change_no_mean():
    means = MeanScores(["a", "b"])
    nothing = torch.tensor([torch.nan, torch.nan], dtype=torch.float64)
    means.update({"a": torch.tensor([1.0, torch.nan], dtype=torch.float64), "b": nothing})
    means.update({"a": torch.tensor([0.0, 0.0], dtype=torch.float64), "b": nothing})
    values, took_part, n_rows = means.compute()
    assert values["a"] == pytest.approx(1 / 3)
    assert np.isnan(values["b"])
    assert (took_part, n_rows) == ({"a": 3, "b": 0}, 4)


@pytest.mark.parametrize("cut", [0, 1, 250, 500])
def test_two_shards_merged_are_one_pass(cut):
    raw, truth = logits(500, 7)
    scores, true = torch.sigmoid(raw), truth
    for new in (lambda: LabelCounts(7), lambda: ScoreHistograms(7)):
        values = scores > 0.3 if isinstance(new(), LabelCounts) else scores
        whole = streamed(new(), values, true)
        left, right = new(), new()
        streamed(right, values[cut:], true[cut:])
        streamed(left, values[:cut], true[:cut])
        left.merge_state(right)
        left._computed = None
        assert torch.equal(left.compute(), whole)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30), st.integers(-5, 9))
def test_a_higher_score_is_never_in_a_lower_bin(values, fineness):
    bins = ScoreBins(fineness)
    scores = torch.tensor(sorted(values), dtype=torch.float32)
    places = bins.of(scores)
    assert (places.diff() >= 0).all()
    assert places.min() >= 0
    assert places.max() < bins.n_bins
    assert (bins.edges()[places] <= scores).all()
    above = places < bins.n_bins - 1
    assert (scores[above] <= bins.edges()[places[above] + 1]).all()


def streamed(metric, values: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Feed rows in batches of uneven size and return what `compute` gives."""
    for rows in torch.arange(len(values)).split(617):
        place = torch.where(truth[rows], torch.arange(truth.shape[1]), -1)
        metric.update(values[rows], place.sort(descending=True).values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an empty shard computes before its first update
        return metric.compute()
