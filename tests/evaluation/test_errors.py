"""Errors of made-up and published rankings, and their figures with few and with many labels."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from click.testing import CliRunner
from sklearn.metrics import multilabel_confusion_matrix, precision_recall_curve, roc_curve

from tagfinder.commands.score import command
from tagfinder.evaluation.accumulators import ScoreHistograms
from tagfinder.evaluation.curves import (
    precision_recall_curves,
    reliability,
    reliability_of_all,
    roc_curves,
)
from tagfinder.evaluation.error_counts import (
    ScoredPredictions,
    confusions,
    ndcg_histogram,
    per_label_counts,
    score_by_label,
    slice_means,
    worst_posts,
)
from tagfinder.evaluation.error_figures import (
    draw_errors,
    length_edges,
    score_by_length,
    shown_labels,
)
from tagfinder.evaluation.error_report import error_numbers, worst_table, write_errors


def posts_of(labels: list[list[int]], top_labels: list[list[int]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [str(row) for row in range(len(labels))],
            "labels": pl.Series(labels, dtype=pl.List(pl.Int32)),
            "top_labels": pl.Series(top_labels, dtype=pl.List(pl.Int32)),
        }
    )


def judgements(n: int, n_labels: int, seed: int = 0) -> ScoredPredictions:
    """Return made-up posts with everything that can be known of them."""
    rng = np.random.default_rng(seed)
    truth = rng.random((n, n_labels)) < min(0.3, 3 / n_labels)
    truth[np.arange(n), rng.integers(n_labels, size=n)] = True
    scores = torch.from_numpy((rng.beta(1, 5, truth.shape) + truth * 0.3) / 1.3).float()
    padded = torch.full((n, int(truth.sum(1).max())), -1)
    for row, labels in enumerate(truth):
        padded[row, : labels.sum()] = torch.from_numpy(np.flatnonzero(labels))
    counts = ScoreHistograms(n_labels)
    counts.update(scores, padded)
    best = scores.topk(min(10, n_labels))
    posts = posts_of([np.flatnonzero(row).tolist() for row in truth], best.indices.tolist())
    texts = pl.Series("clean", [" ".join(["word"] * (1 + i % 60)) for i in range(n)])
    times = [datetime(2020 + i % 3, 1 + i % 12, 1, tzinfo=UTC) for i in range(n)]
    posts = posts.with_columns(
        texts,
        texts.alias("text"),
        pl.Series("created_at", times),
        pl.Series("top_scores", best.values.tolist()),
    )
    names = [f"{'averylonghashtag' * (i % 7 == 0)}label{i}" for i in range(n_labels)]
    train_counts = np.sort(rng.integers(1, 5000, n_labels))[::-1]
    return ScoredPredictions("made up", posts, names, train_counts, counts.compute())


def test_counts_of_each_label_are_those_of_scikit_learn():
    judged = judgements(300, 8)
    given, true = np.zeros((2, 300, 8), dtype=bool)
    for row, post in enumerate(judged.posts.iter_rows(named=True)):
        true[row, post["labels"]] = True
        given[row, post["top_labels"][: len(post["labels"])]] = True
    expected = multilabel_confusion_matrix(true, given)
    counts = per_label_counts(judged.posts, 8)
    assert counts["true_positives"].to_list() == expected[:, 1, 1].tolist()
    assert counts["false_positives"].to_list() == expected[:, 0, 1].tolist()
    assert counts["false_negatives"].to_list() == expected[:, 1, 0].tolist()


def test_a_missed_label_is_shared_out_among_what_was_given_instead():
    posts = posts_of([[0, 1], [2], [0]], [[3, 4, 0], [4, 2, 0], [0, 1, 2]])
    found = {(row["missed"], row["given"]): row["count"] for row in confusions(posts).to_dicts()}
    assert found == {(0, 3): 0.5, (0, 4): 0.5, (1, 3): 0.5, (1, 4): 0.5, (2, 4): 1.0}


def test_the_published_bert_ranking_falls_into_the_edges_of_table_7(shared):
    truth, best = (
        json.loads(gzip.decompress((shared / "report" / f"{name}.json.gz").read_bytes()))
        for name in ("truth", "bert_top10")
    )
    posts = posts_of(list(truth.values()), [best[row] for row in truth])
    values = ScoredPredictions("bert", posts, [str(i) for i in range(50)]).report_ndcg(10)
    counts = ndcg_histogram(values)
    assert counts.sum() == 27_703
    assert counts.tolist() == [
        int(((values >= low) & (values < high)).sum())
        for low, high in ((0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.1))
    ]
    assert values.mean() == pytest.approx(0.9027, abs=0.00005)


def test_curves_pass_through_the_points_of_scikit_learn():
    judged = judgements(500, 3)
    scores = np.zeros((500, 3))
    truth = np.zeros((500, 3), dtype=bool)
    for row, post in enumerate(judged.posts.iter_rows(named=True)):
        scores[row, post["top_labels"]] = post["top_scores"]
        truth[row, post["labels"]] = True
    roc, precision = roc_curves(judged.histograms), precision_recall_curves(judged.histograms)
    for label in range(3):
        false, found, _ = roc_curve(truth[:, label], scores[:, label], drop_intermediate=False)
        # A vertical step of the exact curve has many values at one place.
        before = np.searchsorted(false, roc.grid - 0.01, side="right") - 1
        after = np.searchsorted(false, roc.grid + 0.01).clip(max=len(false) - 1)
        assert (found[before.clip(min=0)] <= roc.labels[label] + 1e-9).all()
        assert (roc.labels[label] <= found[after] + 1e-9).all()
        exact, recall, _ = precision_recall_curve(truth[:, label], scores[:, label])
        for place, value in zip(precision.grid, precision.labels[label], strict=True):
            reaching = recall >= place - 1e-9
            assert value == pytest.approx(exact[reaching][-1], abs=0.02)
    assert roc.macro == pytest.approx(roc.labels.mean(0))


def test_labels_without_posts_have_no_curve_and_do_not_change_the_means():
    histograms = judgements(200, 3).histograms.clone()
    alone = roc_curves(histograms[:, :2])
    histograms[0, 2] += histograms[1, 2]
    histograms[1, 2] = 0
    found = roc_curves(histograms)
    assert np.isnan(found.labels[2]).all()
    assert found.macro == pytest.approx(alone.macro)
    assert found.macro_area == pytest.approx(alone.macro_area)


def test_scores_that_keep_what_they_promise_have_no_calibration_error():
    rng = np.random.default_rng(0)
    scores = rng.random(200_000)
    kept = (rng.random(200_000) < scores).astype(float)
    ones = np.ones(200_000)
    assert reliability(scores, kept, ones).expected_error < 0.005
    assert reliability(scores, np.zeros(200_000), ones).expected_error == pytest.approx(0.5, 0.01)


def test_calibration_from_counts_is_that_of_the_scores():
    judged = judgements(400, 5)
    pooled = reliability_of_all(judged.histograms)
    assert pooled.pairs.sum() == 400 * 5
    assert (pooled.kept * pooled.pairs).sum() == pytest.approx(
        judged.posts["labels"].list.len().sum()
    )


def test_the_worst_posts_are_those_with_the_lowest_score_and_the_surest_first():
    judged = judgements(200, 6)
    worst = worst_posts(judged)
    scores = np.sort(judged.ndcg(10))
    assert worst.height == 50
    assert worst["score"].to_list() == scores[:50].tolist()
    sure = worst.filter(pl.col("score") == worst["score"][0])["sureness"]
    assert sure.is_sorted(descending=True)
    assert len(worst_table(judged).rows) == 50


def test_posts_without_labels_are_no_errors():
    posts = posts_of([[0], []], [[0, 1], [1, 0]])
    assert ScoredPredictions("two", posts, ["a", "b"]).posts["id"].to_list() == ["0"]


def test_scores_by_label_and_by_group_are_means_of_the_posts():
    judged = ScoredPredictions("two", posts_of([[0], [0, 1]], [[0, 1], [2, 3]]), ["a", "b", "c"])
    assert score_by_label(judged).tolist()[:2] == [0.5, 0.0]
    assert np.isnan(score_by_label(judged)[2])
    means = slice_means(pl.Series([1, 1, None]), np.array([0.0, 1.0, 5.0])).to_dicts()
    assert [(row["group"], row["mean"], row["posts"]) for row in means] == [(1, 0.5, 2)]


@pytest.mark.parametrize("n_labels", [3, 1000])
def test_every_figure_is_drawn_as_svg_and_png_with_few_and_with_many_labels(tmp_path, n_labels):
    numbers = write_errors(judgements(120, n_labels), tmp_path, tmp_path / "figures")
    assert len(numbers["figures"]) == 12
    for name in numbers["figures"]:
        svg = tmp_path / "figures" / f"{name}.svg"
        assert 10_000 < svg.stat().st_size < 1_500_000
        assert svg.with_suffix(".png").stat().st_size > 5_000
    assert json.loads((tmp_path / "errors.json").read_text()) == json.loads(json.dumps(numbers))


def test_many_labels_are_shown_by_their_ends_in_order_of_frequency():
    shown = shown_labels(np.arange(1000))
    assert shown[:2] == [999, 998]
    assert shown[-1] == 0
    assert len(shown) == 50


@pytest.mark.parametrize("longest", [1, 7, 40, 41, 52, 200])
def test_bins_of_lengths_hold_equally_many_whole_numbers(longest):
    edges = length_edges(longest)
    assert len(edges) - 1 <= 40
    assert edges[0] == 0.5
    assert edges[-1] > longest
    per_bin = np.histogram(np.arange(1, int(edges[-1]) + 1), edges)[0]
    assert len(set(per_bin.tolist())) == 1


def test_a_text_is_in_the_class_of_lengths_that_its_bar_names():
    lengths = [1, 5, 6, 50, 51]
    texts = pl.Series("clean", [" ".join(["word"] * length) for length in lengths])
    posts = posts_of([[0]] * 5, [[0]] * 5).with_columns(texts)
    means = score_by_length(ScoredPredictions("made up", posts, ["flood"]))
    names = {0: "1-5", 1: "6-10", 7: "41-50", 8: "over 50"}
    found = {names[group]: n for group, n in means.select("group", "posts").iter_rows()}
    assert found == {"1-5": 2, "6-10": 1, "41-50": 1, "over 50": 1}


def test_numbers_quote_no_post():
    judged = judgements(60, 4)
    assert "word word" not in json.dumps(error_numbers(judged))


def test_missing_values_are_not_drawn(tmp_path):
    judged = ScoredPredictions("bare", posts_of([[0], [1]], [[0, 1], [0, 1]]), ["a", "b"])
    assert draw_errors(judged, tmp_path) == [
        "confusion_per_label",
        "confused_labels",
        "ndcg_histogram",
        "errors_by_label",
    ]


def test_score_writes_errors_where_only_rankings_and_truth_are_known(tmp_path: Path):
    (tmp_path / "best.json").write_text(json.dumps({"x": ["cat", "dog"], "y": ["dog", "cat"]}))
    (tmp_path / "truth.json").write_text(json.dumps({"x": ["cat"], "y": ["cat"]}))
    arguments = ["--predictions", tmp_path / "best.json", "--truth", tmp_path / "truth.json"]
    arguments += ["--errors", tmp_path / "errors"]
    result = CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=False)
    assert json.loads(result.stdout)["n"] == 2
    numbers = json.loads((tmp_path / "errors" / "errors.json").read_text())
    assert numbers["most_confused"] == [{"missed": "cat", "given": "dog", "posts": 1.0}]
    assert "| y" in (tmp_path / "errors" / "worst_posts.md").read_text()
