"""The report's Text ResNet: an 18-layer residual network over the words of a text.

Every layer leaves padding out, so that a text's logits do not depend on its batch: what lies
behind a text's end is set to zero, which is what a convolution sees behind the end of a text
that is not padded, and neither means nor normalisation count it.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tagfinder.data.features import Features
from tagfinder.data.tokens import PADDING, TokenFeatures
from tagfinder.models.embeddings import WordEmbedding

STAGES = (64, 128, 256, 512)


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation over the real positions only, in training as well."""

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """Normalise (B, C, T) inputs whose padding is zero.

        Args:
            inputs: (B, C, T), zero where `mask` is.
            mask: (B, 1, T) of 0 and 1.

        Returns:
            (B, C, T), zero where `mask` is.
        """
        mean, variance = self._statistics(inputs, mask)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        return torch.addcmul(shift[:, None], inputs, scale[:, None]) * mask

    def _statistics(self, inputs: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        running_mean, running_var = cast(Tensor, self.running_mean), cast(Tensor, self.running_var)
        if not self.training:
            return running_mean, running_var
        n = mask.sum()
        # Padding adds nothing to sums: moments over all positions only need another divisor.
        ratio = inputs.shape[0] * inputs.shape[2] / n
        padded_variance, padded_mean = torch.var_mean(inputs, dim=(0, 2), correction=0)
        mean = padded_mean * ratio
        squares = (padded_variance + padded_mean**2) * ratio
        variance = (squares - mean**2).clamp(min=0)
        with torch.no_grad():
            momentum = cast(float, self.momentum)
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            unbiased = variance * n / (n - 1).clamp(min=1)
            running_var.lerp_(unbiased.to(running_var.dtype), momentum)
        return mean, variance


class ResidualBlock(nn.Module):
    """Two convolutions of width 3 around which the input is carried.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: step of the first convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.norm1 = MaskedBatchNorm(out_channels)
        self.conv2 = nn.Conv1d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = MaskedBatchNorm(out_channels)
        # A block begins as its shortcut alone (Goyal and others, 2017), else the sum of eight
        # blocks drowns the hashtags' frequencies at the start.
        nn.init.zeros_(self.norm2.weight)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Conv1d(in_channels, out_channels, 1, stride)

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Map (B, C, T) to (B, C', T'); `mask` is (B, 1, T') of the output."""
        hidden = functional.relu(self.norm1(self.conv1(inputs) * mask, mask))
        hidden = self.norm2(self.conv2(hidden) * mask, mask)
        return functional.relu(hidden + self.shortcut(inputs) * mask)


class TextResNet(nn.Module):
    """Word vectors, 17 convolutions in residual blocks, the mean over the text, a linear layer.

    Args:
        features: `TokenFeatures`, fitted.
        n_labels: L.
        dropout: probability of dropping a number of the mean.
    """

    def __init__(self, features: Features, n_labels: int, dropout: float = 0.5) -> None:
        super().__init__()
        tokens = cast(TokenFeatures, features)
        self.embedding = WordEmbedding(tokens.tables, len(tokens.vocabulary))
        self.conv = nn.Conv1d(self.embedding.dimension, STAGES[0], 7, 2, padding=3, bias=False)
        self.norm = MaskedBatchNorm(STAGES[0])
        self.stages = nn.ModuleList(
            nn.ModuleList(
                [
                    ResidualBlock(STAGES[max(i - 1, 0)], channels, stride=1 if i == 0 else 2),
                    ResidualBlock(channels, channels, stride=1),
                ]
            )
            for i, channels in enumerate(STAGES)
        )
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(STAGES[-1], n_labels)
        self.apply(start_as_xavier)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (B, T) token numbers, padded at the end, to (B, L) logits."""
        vectors = self.embedding(tokens).transpose(1, 2)
        # A text without words is read as one word of zeros.
        lengths = halved((tokens != PADDING).sum(dim=1).clamp(min=1))
        hidden = self.conv(vectors)
        mask = real_positions(lengths, hidden)
        hidden = functional.relu(self.norm(hidden * mask, mask))
        # After ReLU zero is the least there is, so padding never is the largest of a window.
        hidden = functional.max_pool1d(hidden, 3, 2, padding=1)
        lengths = halved(lengths)
        mask = real_positions(lengths, hidden)
        hidden = hidden * mask
        for number, (first, second) in enumerate(cast(list[nn.ModuleList], self.stages)):
            if number > 0:
                lengths = halved(lengths)
                mask = real_positions(lengths, mask[:, :, ::2])
            hidden = second(first(hidden, mask), mask)
        mean = hidden.sum(dim=2) / lengths[:, None].to(hidden.dtype)
        logits: Tensor = self.linear(self.dropout(mean))
        return logits


def halved(lengths: Tensor) -> Tensor:
    """Return (B,) real positions after a layer of stride 2 from those before it."""
    return (lengths + 1) // 2


def real_positions(lengths: Tensor, like: Tensor) -> Tensor:
    """Return a (B, 1, T) mask of 0 and 1, T and dtype taken from the last axis of `like`."""
    positions = torch.arange(like.shape[-1], device=lengths.device)
    return (positions < lengths[:, None])[:, None].to(like.dtype)


def start_as_xavier(layer: nn.Module) -> None:
    """Initialise convolutions and linear layers by Xavier's uniform rule (Glorot, Bengio 2010)."""
    if isinstance(layer, nn.Conv1d | nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
