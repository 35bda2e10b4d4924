"""Scores of rows against scikit-learn, against a slow twin in plain Python, and as published."""

from __future__ import annotations

import gzip
import json
from math import isnan, log2, nan

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score

from tagfinder.evaluation import metrics
from tagfinder.evaluation.rankings import hits, top_k, true_ranks


def twin(found: list[bool], n_relevant: int, k: int) -> dict[str, float]:
    """All scores of one row, by the definitions and nothing else."""
    found = (found + [False] * k)[:k]
    ranks = [rank for rank, hit in enumerate(found, start=1) if hit]
    gain = sum(1 / log2(rank + 1) for rank in ranks)
    precisions = sum((place + 1) / rank for place, rank in enumerate(ranks))

    def ideal(n: int) -> float:
        return sum(1 / log2(rank + 1) for rank in range(1, n + 1))

    if n_relevant == 0:
        return dict.fromkeys(
            ("ndcg", "map", "precision", "recall", "hit_rate", "mrr", "report_ndcg", "report_map"),
            nan,
        )
    return {
        "ndcg": gain / ideal(min(k, n_relevant)),
        "map": precisions / min(k, n_relevant),
        "precision": len(ranks) / k,
        "recall": len(ranks) / n_relevant,
        "hit_rate": float(bool(ranks)),
        "mrr": 1 / ranks[0] if ranks else 0.0,
        "report_ndcg": gain / ideal(len(ranks)) if ranks else 0.0,
        "report_map": precisions / len(ranks) if ranks else nan,
    }


@st.composite
def judged_rows(draw):
    """Hits of rows of one depth, and how many labels there are to find in each."""
    depth = draw(st.integers(1, 12))
    row = st.lists(st.booleans(), min_size=depth, max_size=depth)
    rows = draw(st.lists(row, min_size=1, max_size=6))
    more = draw(st.lists(st.integers(0, 15), min_size=len(rows), max_size=len(rows)))
    return rows, [sum(row) + missed for row, missed in zip(rows, more, strict=True)]


@given(judged_rows(), st.sets(st.integers(1, 15), min_size=1, max_size=4))
def test_every_score_is_the_plain_definition(judged, ks):
    rows, n_relevant = judged
    found, relevant = torch.tensor(rows), torch.tensor(n_relevant)
    scores = metrics.ranking_scores(found, relevant, sorted(ks))
    scores |= metrics.report_scores(found, relevant, sorted(ks))
    families = {*metrics.STANDARD_METRICS, *metrics.REPORT_METRICS}
    assert {name.partition("@")[0] for name in scores} >= families == set(twin([], 1, 1))
    for k in ks:
        for i, row in enumerate(rows):
            for family, expected in twin(row, n_relevant[i], k).items():
                value = scores[f"{family}@{k}"]
                assert value.dtype == torch.float64
                assert value[i].item() == pytest.approx(expected, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("k", [1, 3, 5, 10, 70])
def test_ndcg_is_scikit_learns_where_no_scores_tie(k):
    scores, truth = distinct_scores()
    found = hits(top_k(scores, k)[0], padded(truth))
    values = metrics.ndcg(found, truth.sum(1), k)
    expected = [ndcg_score(truth[i : i + 1], scores[i : i + 1], k=k) for i in range(len(scores))]
    assert values.numpy() == pytest.approx(np.array(expected), abs=1e-9)


def test_label_ranking_average_precision_is_scikit_learns_where_no_scores_tie():
    scores, truth = distinct_scores()
    values = metrics.label_ranking_average_precision(true_ranks(scores, padded(truth)))
    expected = label_ranking_average_precision_score(truth, scores)
    assert values.mean().item() == pytest.approx(expected, abs=1e-12)


@given(st.integers(1, 60), st.integers(1, 60))
def test_a_perfect_ranking_scores_exactly_one(n_relevant, k):
    found = torch.arange(60)[None] < n_relevant
    relevant = torch.tensor([n_relevant])
    assert metrics.ndcg(found, relevant, k).item() == 1.0
    assert metrics.average_precision(found, relevant, k).item() == 1.0
    assert metrics.report_ndcg(found, relevant, k).item() == 1.0
    assert metrics.label_ranking_average_precision(
        torch.arange(1.0, n_relevant + 1).double()[None]
    ).item() == pytest.approx(1.0)


def test_a_hashtag_outside_the_label_set_is_a_miss_in_open_scoring():
    found = torch.tensor([[True, False], [False, False], [False, False]])
    scores = metrics.open_scores(
        found, n_labels=torch.tensor([1, 0, 0]), n_hashtags=torch.tensor([2, 3, 0]), ks=[2]
    )
    assert scores["open_recall@2"].tolist()[:2] == [0.5, 0.0]
    assert scores["open_ndcg@2"][0].item() == pytest.approx(1 / (1 + 1 / log2(3)))
    assert scores["coverage"].tolist()[:2] == [1.0, 0.0]
    assert all(isnan(values[2]) for values in scores.values())  # no hashtags: takes no part


def test_the_reports_random_row_comes_out_of_its_label_frequencies(shared):
    tables = json.loads((shared / "report/tables.json").read_text())
    frequencies = torch.tensor(list(tables["table3_label_frequency"].values()))
    truth = json.loads(gzip.decompress((shared / "report/truth.json.gz").read_bytes()))
    labels = torch.full((len(truth), 50), -1)
    for row, true in enumerate(truth.values()):
        labels[row, : len(true)] = torch.tensor(true)
    ranking = top_k(frequencies[None], 10)[0].expand(len(truth), -1)
    scores = metrics.report_scores(hits(ranking, labels), (labels >= 0).sum(1), [3, 5, 10])
    for name, published in tables["table5_test"]["random"].items():
        assert round(scores[f"report_{name}"].nanmean().item(), 4) == published


def distinct_scores() -> tuple[torch.Tensor, torch.Tensor]:
    """(300, 60) scores without ties in a row, and true labels, at least one in each row."""
    generator = torch.Generator().manual_seed(7)
    order = torch.rand(300, 60, generator=generator).argsort(1)
    truth = torch.rand(300, 60, generator=generator) < 0.1
    truth[torch.arange(300), torch.randint(60, (300,), generator=generator)] = True
    return (order.float() + 0.5) / 61, truth


def padded(truth: torch.Tensor) -> torch.Tensor:
    """(N, L) bool as label indices (N, M) padded with -1."""
    labels = torch.full((len(truth), int(truth.sum(1).max())), -1)
    rows, columns = truth.nonzero(as_tuple=True)
    labels[rows, truth.cumsum(1)[rows, columns] - 1] = columns
    return labels
