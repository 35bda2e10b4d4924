"""Losses on logits for posts with several hashtags, made for label sets out of balance.

Each loss is built with the label set, whose training counts it may use, and then called with
(B, L) logits and (B, L) float targets in {0, 1}; it returns the mean over all B x L entries.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional

from tagfinder.configuration.types import NonNegativeFloat, Only
from tagfinder.corpus.prepared import LabelSet

Cap = Annotated[float, Only(lambda x: 1 <= x < math.inf, "a number from 1")]
Clip = Annotated[float, Only(lambda x: 0 <= x < 1, "a number from 0, below 1")]


def idf_weights(label_set: LabelSet) -> Tensor:
    """Return (L,) float32 `log(total / count_j)` over its maximum; all 1 if that is 0.

    The report's weights against imbalance (section 3.2), from counts of the training part. A
    hashtag that the training part lacks counts as if it was there once.
    """
    counts = torch.tensor(label_set.train_counts, dtype=torch.float64).clamp(min=1)
    rarity = torch.log(max(label_set.n_train, 1) / counts).clamp(min=0)
    highest = rarity.max()
    weights = rarity / highest if highest > 0 else torch.ones_like(rarity)
    return weights.float()


class BCE(nn.Module):
    """Binary cross entropy, every hashtag with the same weight."""

    def __init__(self, label_set: LabelSet) -> None:
        super().__init__()

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss."""
        return functional.binary_cross_entropy_with_logits(logits, targets)


class IdfBCE(nn.Module):
    """Binary cross entropy, rare hashtags weighing more (`idf_weights`); the report's loss."""

    weights: Tensor

    def __init__(self, label_set: LabelSet) -> None:
        super().__init__()
        self.register_buffer("weights", idf_weights(label_set), persistent=False)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the weighted mean loss."""
        return functional.binary_cross_entropy_with_logits(logits, targets, weight=self.weights)


class PosWeightBCE(nn.Module):
    """Binary cross entropy in which the posts with a hashtag weigh as much as those without it.

    Args:
        label_set: the hashtags and their training counts.
        cap: largest weight; without one the rarest hashtags drown the others.
    """

    weights: Tensor

    def __init__(self, label_set: LabelSet, cap: Cap = 10.0) -> None:
        super().__init__()
        counts = torch.tensor(label_set.train_counts, dtype=torch.float32).clamp(min=1)
        weights = ((label_set.n_train - counts) / counts).clamp(min=1.0, max=cap)
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss."""
        return functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=self.weights)


class AsymmetricLoss(nn.Module):
    """Asymmetric loss (Ridnik and others, ICCV 2021): easy negatives count for little or nothing.

    Args:
        label_set: the hashtags.
        gamma_positive: focusing exponent of present hashtags.
        gamma_negative: focusing exponent of absent hashtags.
        clip: probability up to which a negative is ignored altogether.
    """

    def __init__(
        self,
        label_set: LabelSet,
        gamma_positive: NonNegativeFloat = 0.0,
        gamma_negative: NonNegativeFloat = 4.0,
        clip: Clip = 0.05,
    ) -> None:
        super().__init__()
        self.gamma_positive = gamma_positive
        self.gamma_negative = gamma_negative
        self.clip = clip

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss."""
        probabilities = torch.sigmoid(logits)
        shifted = (probabilities - self.clip).clamp(min=0)
        positive = (1 - probabilities) ** self.gamma_positive * functional.logsigmoid(logits)
        negative = shifted**self.gamma_negative * torch.log1p(-shifted)
        return -(targets * positive + (1 - targets) * negative).mean()
