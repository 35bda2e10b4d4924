"""Random: the order of the frequencies for any post."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from fitted_baselines import reloaded, scores, train
from scipy.sparse import csr_matrix

from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.features import PlainTexts
from tagfinder.errors import InputError
from tagfinder.evaluation import metrics
from tagfinder.evaluation.rankings import hits, top_k
from tagfinder.models.random import RandomRecommender


def label_set(n: int) -> LabelSet:
    names = [f"tag{i}" for i in range(n)]
    return LabelSet(names, names, [0] * n, [0] * n, n_train=0)


def test_a_score_is_the_share_of_training_posts_with_the_hashtag() -> None:
    model = RandomRecommender(label_set(3), PlainTexts())
    model.learn(["a", "b", "c", "d"], csr_matrix([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0]]) > 0)
    assert scores(model, ["whatever", ""]).tolist() == [[0.75, 0.25, 0.0]] * 2


def test_a_reloaded_checkpoint_scores_alike(tmp_path: Path) -> None:
    model, results, checkpoint = train(RandomRecommender, tmp_path)
    assert 0.2 < results["ndcg@3"] < 0.7
    twin = reloaded(RandomRecommender, model, checkpoint)
    assert np.array_equal(scores(twin), scores(model))


def test_a_recommender_that_needs_all_posts_at_once_refuses_batches(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="batch_size=16: RandomRecommender learns from all"):
        train(RandomRecommender, tmp_path, batch_size=16)


def test_it_gives_the_reports_random_row_on_the_reports_truth(shared: Path) -> None:
    tables = json.loads((shared / "report" / "tables.json").read_text())
    with gzip.open(shared / "report" / "truth.json.gz", "rt") as stream:
        truth = list(json.load(stream).values())
    frequencies = tables["table3_label_frequency"]
    model = RandomRecommender(label_set(len(frequencies)), PlainTexts())
    model.restore({"frequencies": np.array([frequencies[str(i)] for i in range(50)], np.float32)})
    rows = [torch.tensor(row) for row in truth]
    labels = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)
    ranked, _ = top_k(torch.from_numpy(model.score([""] * len(truth))), 10)
    found = hits(ranked, labels)
    for k in (3, 5, 10):
        published = tables["table5_test"]["random"]
        ndcg = float(metrics.report_ndcg(found, found.sum(1), k).mean())
        average_precision = float(
            metrics.report_average_precision(found, found.sum(1), k).nanmean()
        )
        assert round(ndcg, 4) == pytest.approx(published[f"ndcg@{k}"])
        assert round(average_precision, 4) == pytest.approx(published[f"map@{k}"])
