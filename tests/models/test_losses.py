"""Losses: known values, and their effect on rare hashtags."""

from __future__ import annotations

import math

import pytest
import torch

from tagfinder.corpus.prepared import LabelSet
from tagfinder.models.losses import BCE, AsymmetricLoss, IdfBCE, PosWeightBCE, idf_weights
from tagfinder.models.neural import multi_hot


def label_set(counts: list[int], n_train: int) -> LabelSet:
    names = [f"tag{i}" for i in range(len(counts))]
    return LabelSet(names, names, counts, counts, n_train)


def test_idf_weights_are_the_log_of_total_over_count_over_its_maximum() -> None:
    weights = idf_weights(label_set([50, 10, 1], n_train=100))
    expected = [math.log(2) / math.log(100), math.log(10) / math.log(100), 1.0]
    assert weights.tolist() == pytest.approx(expected)


def test_idf_weights_hold_where_a_hashtag_is_on_every_post_or_on_none() -> None:
    assert idf_weights(label_set([4, 0], n_train=4)).tolist() == [0.0, 1.0]
    assert idf_weights(label_set([4], n_train=4)).tolist() == [1.0]


def test_idf_bce_is_the_weighted_mean_over_posts_and_hashtags() -> None:
    labels = label_set([50, 10, 1], n_train=100)
    logits = torch.tensor([[0.0, 1.0, -2.0], [3.0, 0.5, 0.0]])
    targets = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    scores = torch.sigmoid(logits)
    entries = -(targets * scores.log() + (1 - targets) * (1 - scores).log())
    expected = (entries * idf_weights(labels)).mean()
    assert IdfBCE(labels)(logits, targets) == pytest.approx(expected.item(), rel=1e-5)


def test_positive_weights_are_capped() -> None:
    assert PosWeightBCE(label_set([50, 1], 100), cap=10.0).weights.tolist() == [1.0, 10.0]


def test_the_asymmetric_loss_without_focus_and_clip_is_binary_cross_entropy() -> None:
    labels = label_set([5, 5], n_train=10)
    logits, targets = torch.randn(7, 2), torch.randint(0, 2, (7, 2)).float()
    plain = AsymmetricLoss(labels, gamma_positive=0.0, gamma_negative=0.0, clip=0.0)
    assert plain(logits, targets) == pytest.approx(BCE(labels)(logits, targets).item(), rel=1e-4)


def test_the_asymmetric_loss_ignores_easy_negatives() -> None:
    loss = AsymmetricLoss(label_set([5], n_train=10))
    assert loss(torch.tensor([[-6.0]]), torch.zeros(1, 1)) == 0.0


@pytest.mark.parametrize("loss", [BCE, IdfBCE, PosWeightBCE, AsymmetricLoss])
def test_extreme_logits_give_finite_losses_and_gradients(loss: type) -> None:
    logits = torch.tensor([[200.0, -200.0]], requires_grad=True)
    value = loss(label_set([3, 2], n_train=5))(logits, torch.tensor([[0.0, 1.0]]))
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(logits.grad).all()


def test_losses_add_nothing_to_a_checkpoint() -> None:
    assert IdfBCE(label_set([3, 2], n_train=5)).state_dict() == {}


def test_multi_hot_leaves_padding_out() -> None:
    labels = torch.tensor([[0, 2], [1, -1], [-1, -1]])
    assert multi_hot(labels, 3).tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]
