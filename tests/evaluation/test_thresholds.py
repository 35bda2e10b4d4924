"""Thresholds tuned on counts of scores against a search over every score."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, precision_recall_curve

from tagfinder.evaluation.accumulators import ScoreHistograms
from tagfinder.evaluation.thresholds import effect, f1_scores, tune


def made_up(n: int = 800, n_labels: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return (N, L) scores, each label on a scale of its own, and bool truth."""
    rng = np.random.default_rng(seed)
    truth = rng.random((n, n_labels)) < [0.4, 0.2, 0.1, 0.004][:n_labels]
    scale = np.array([1.0, 0.5, 0.2, 0.6])[:n_labels]
    scores = (rng.beta(2, 4, truth.shape) + 0.3 * truth) / 1.3 * scale
    return scores.astype(np.float32), truth


def histograms_of(scores: np.ndarray, truth: np.ndarray) -> torch.Tensor:
    padded = torch.full(truth.shape, -1)
    for row, labels in enumerate(truth):
        found = np.flatnonzero(labels)
        padded[row, : len(found)] = torch.from_numpy(found)
    counts = ScoreHistograms(truth.shape[1])
    counts.update(torch.from_numpy(scores), padded)
    return counts.compute()


def best_f1(scores: np.ndarray, truth: np.ndarray) -> float:
    precision, recall, _ = precision_recall_curve(truth, scores)
    return float(np.max(2 * precision * recall / np.maximum(precision + recall, 1e-9)))


def test_the_global_threshold_is_the_best_of_all_that_there_are():
    scores, truth = made_up(400)
    histograms = histograms_of(scores, truth)
    tuned = tune(histograms, 0.3)
    found = f1_scores(histograms, tuned.overall)["micro_f1"]
    assert found == pytest.approx(best_f1(scores.ravel(), truth.ravel()), abs=1e-3)


def test_a_label_with_many_posts_gets_a_threshold_near_its_own_best():
    scores, truth = made_up(4000)
    tuned = tune(histograms_of(scores, truth), 0.3)
    for label in range(3):
        own, at_overall = (
            f1_score(truth[:, label], scores[:, label] >= threshold, zero_division=0)
            for threshold in (tuned.per_label[label], tuned.overall)
        )
        assert own > at_overall
        assert own > best_f1(scores[:, label], truth[:, label]) - 0.04
    assert tuned.per_label[2] < tuned.overall < tuned.per_label[0]


def test_a_label_without_validation_posts_gets_the_global_threshold():
    scores, truth = made_up()
    truth[:, 3] = False
    tuned = tune(histograms_of(scores, truth), 0.3)
    assert tuned.per_label[3] == pytest.approx(tuned.overall, rel=1e-3)


def test_few_posts_draw_a_threshold_towards_the_global_one():
    scores, truth = made_up()
    truth[:, 3] = False
    truth[scores[:, 3].argmax(), 3] = True  # one post, whose own best threshold is far up
    tuned = tune(histograms_of(scores, truth), 0.3)
    own_best = np.sort(scores[:, 3])[-2]
    assert abs(tuned.per_label[3] - tuned.overall) < 0.2 * abs(own_best - tuned.overall)


def test_f1_at_thresholds_is_that_of_scikit_learn():
    scores, truth = made_up()
    histograms = histograms_of(scores, truth)
    tuned = tune(histograms, 0.3)
    for thresholds in (tuned.overall, tuned.per_label):
        given = scores >= np.float32(thresholds)
        found = f1_scores(histograms, thresholds)
        for mean in ("micro", "macro"):
            expected = f1_score(truth, given, average=mean, zero_division=0)
            assert found[f"{mean}_f1"] == pytest.approx(expected, abs=1e-12)


def test_thresholds_are_kept_as_plain_json_by_hashtag(tmp_path):
    scores, truth = made_up()
    histograms = histograms_of(scores, truth)
    tuned = tune(histograms, 0.3)
    changed = {"val": effect(tuned, histograms, {"micro_f1": 0.1, "macro_f1": 0.2})}
    names = ["a", "b", "c", "d"]
    tuned.save(tmp_path / "thresholds.json", names, changed)
    stored = json.loads((tmp_path / "thresholds.json").read_text())
    assert stored["fitted_on"] == "val"
    assert stored["effect"]["val"]["fixed"] == {"micro_f1": 0.1, "macro_f1": 0.2}
    assert list(stored["per_label"]) == names
    assert list(stored["per_label"].values()) == tuned.per_label.tolist()
    assert (stored["fixed"], stored["global"]) == (0.3, tuned.overall)
