"""The report's Text ResNet: an 18-layer residual network over the words of a text.

Its layers see the real positions of a batch's texts only (`packed.py`), so that a text's logits
do not depend on its batch. Behind the end of a text a convolution sees zeros.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tagfinder.configuration.types import Share
from tagfinder.data.features import Features, require_features
from tagfinder.data.tokens import PADDING, TokenFeatures
from tagfinder.models.embeddings import WordEmbedding
from tagfinder.models.network import RecommenderNetwork
from tagfinder.models.packed import Packing, gathered

STAGES = (64, 128, 256, 512)


class Convolution(nn.Module):
    """A convolution over packed texts, without a bias.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        size: positions in a window.
    """

    def __init__(self, in_channels: int, out_channels: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, size * in_channels))
        # Xavier's rule (Glorot, Bengio 2010) counts as many outputs as there are windows.
        nn.init.xavier_uniform_(self.weight.detach().view(out_channels, size, -1).transpose(1, 2))

    def forward(self, rows: Tensor, windows: Tensor) -> Tensor:
        """Map (N, C) rows to (N', C'); `windows` is (N', size), see `Packing.windows`."""
        return functional.linear(gathered(rows, windows).flatten(1), self.weight)


class RowNorm(nn.BatchNorm1d):
    """Batch normalisation of rows; a single row uses the running statistics."""

    def forward(self, rows: Tensor) -> Tensor:
        """Normalise (N, C) rows."""
        if len(rows) > 1:
            return super().forward(rows)
        seen = self.running_mean, self.running_var
        return functional.batch_norm(rows, *seen, self.weight, self.bias, eps=self.eps)


class ResidualBlock(nn.Module):
    """Two convolutions of width 3 around which the input is carried.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        halves: whether the first convolution is of stride 2.
    """

    def __init__(self, in_channels: int, out_channels: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.conv1 = Convolution(in_channels, out_channels, 3)
        self.norm1 = RowNorm(out_channels)
        self.conv2 = Convolution(out_channels, out_channels, 3)
        self.norm2 = RowNorm(out_channels)
        # A block begins as its shortcut alone (Goyal and others, 2017), else the sum of eight
        # blocks drowns the hashtags' frequencies at the start.
        nn.init.zeros_(self.norm2.weight)
        self.shortcut: nn.Module = nn.Identity()
        if halves or in_channels != out_channels:
            self.shortcut = nn.Linear(in_channels, out_channels)

    def forward(self, rows: Tensor, windows: Tensor, windows_after: Tensor) -> Tensor:
        """Map (N, C) rows to (N', C'), with the windows of the first and second convolution."""
        hidden = functional.relu(self.norm1(self.conv1(rows, windows)))
        hidden = self.norm2(self.conv2(hidden, windows_after))
        kept = gathered(rows, windows[:, 1]) if self.halves else rows
        return functional.relu(hidden + self.shortcut(kept))


class TextResNet(RecommenderNetwork):
    """Word vectors, 17 convolutions in residual blocks, the mean over the text, a linear layer.

    Args:
        features: `TokenFeatures`, fitted.
        n_labels: L.
        dropout: probability of dropping a number of the mean.
        word_dropout: probability of dropping a number of a word vector.
        unknown_words: probability that a word is read as an unknown one in training.
    """

    def __init__(
        self,
        features: Features,
        n_labels: int,
        dropout: Share = 0.5,
        word_dropout: Share = 0.0,
        unknown_words: Share = 0.0,
    ) -> None:
        super().__init__()
        tokens = require_features(features, TokenFeatures, type(self).__name__)
        n_words = len(tokens.vocabulary)
        self.embedding = WordEmbedding(tokens.tables, n_words, word_dropout, unknown_words)
        self.conv = Convolution(self.embedding.dimension, STAGES[0], 7)
        self.norm = RowNorm(STAGES[0])
        self.stages = nn.ModuleList(
            nn.ModuleList(
                [
                    ResidualBlock(STAGES[max(i - 1, 0)], channels, halves=i > 0),
                    ResidualBlock(channels, channels, halves=False),
                ]
            )
            for i, channels in enumerate(STAGES)
        )
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(STAGES[-1], n_labels)
        self.apply(start_as_xavier)

    @property
    def output_layer(self) -> nn.Linear:
        """The layer that gives the logits."""
        return self.linear

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (B, T) token numbers, padded at the end, to (B, L) logits."""
        # A text without words is read as one word of zeros.
        lengths = (tokens != PADDING).sum(dim=1).clamp(min=1)
        words = Packing.of(lengths, tokens.shape[1])
        rows = self.embedding(tokens[words.texts, words.positions])
        packing = words.halved()
        rows = functional.relu(self.norm(self.conv(rows, words.windows(7, packing))))
        before, packing = packing, packing.halved()
        # After ReLU zero is the least there is, so what is no position never is the largest.
        rows = gathered(rows, before.windows(3, packing)).amax(dim=1)
        for number, (first, second) in enumerate(cast(list[nn.ModuleList], self.stages)):
            windows = within = packing.windows(3)
            if number > 0:
                before, packing = packing, packing.halved()
                windows, within = before.windows(3, packing), packing.windows(3)
            rows = second(first(rows, windows, within), within, within)
        logits: Tensor = self.linear(self.dropout(packing.means(rows)))
        return logits


def start_as_xavier(layer: nn.Module) -> None:
    """Initialise linear layers by Xavier's uniform rule (Glorot, Bengio 2010)."""
    if isinstance(layer, nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
