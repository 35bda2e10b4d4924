"""The order of labels: by score, equal scores by index, everywhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tagfinder.errors import WorkError
from tagfinder.evaluation.rankings import hits, top_k, true_ranks

FLOATS = st.floats(width=32, allow_nan=False) | st.sampled_from([0.0, -0.0, 0.25, 1.0])
SCORES = arrays.arrays(
    np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=FLOATS
)


@given(SCORES, st.integers(1, 12))
def test_labels_are_ordered_by_score_and_equal_scores_by_index(scores, k):
    labels, best = top_k(torch.from_numpy(scores), k)
    for row, ranked, given_scores in zip(scores, labels.tolist(), best.tolist(), strict=True):
        expected = sorted(range(len(row)), key=lambda label: (-row[label], label))[:k]
        assert ranked == expected
        assert given_scores == [row[label] for label in expected]


@given(SCORES)
def test_a_rows_ranking_does_not_depend_on_the_rows_beside_it(scores):
    together = top_k(torch.from_numpy(scores), 3)[0]
    alone = [top_k(torch.from_numpy(scores[i : i + 1]), 3)[0] for i in range(len(scores))]
    assert torch.equal(together, torch.cat(alone))


@given(SCORES)
def test_true_ranks_are_the_places_in_the_whole_ranking(scores):
    n_labels = scores.shape[1]
    ranking = top_k(torch.from_numpy(scores), n_labels)[0]
    labels = torch.tensor([[0, n_labels - 1, -1]] * len(scores))
    places = ranking.argsort(1) + 1.0
    expected = [sorted([row[0], row[-1], float("inf")]) for row in places.tolist()]
    assert true_ranks(torch.from_numpy(scores), labels).tolist() == expected


def test_a_label_set_without_any_information_is_ranked_by_index():
    assert top_k(torch.zeros(2, 50), 5)[0].tolist() == [[0, 1, 2, 3, 4]] * 2


def test_half_precision_scores_are_ranked_too():
    labels, best = top_k(torch.tensor([[0.5, 0.75, 0.5]], dtype=torch.bfloat16), 3)
    assert labels.tolist() == [[1, 0, 2]]
    assert best.dtype == torch.float32


def test_scores_that_are_not_numbers_say_that_training_diverged():
    scores = torch.tensor([[0.1, 0.2], [float("nan"), 0.3], [0.0, float("nan")]])
    with pytest.raises(WorkError, match="training diverged: 2 of 3 posts"):
        top_k(scores, 1)


def test_padding_is_never_a_hit():
    found = hits(torch.tensor([[3, -1, -1], [0, 1, 2]]), torch.tensor([[3, -1], [-1, -1]]))
    assert found.tolist() == [[True, False, False], [False, False, False]]
