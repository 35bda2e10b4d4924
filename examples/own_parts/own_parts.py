"""A network, a metric and a source of posts that are not part of TagFinder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch import Tensor, nn

from tagfinder.corpus.rejects import Rejects
from tagfinder.data.features import Features, require_features
from tagfinder.data.tokens import TokenFeatures
from tagfinder.evaluation.metrics import RankingMetric
from tagfinder.files import sha256_of
from tagfinder.models.embeddings import WordEmbedding
from tagfinder.models.network import RecommenderNetwork


class CNN(RecommenderNetwork):
    """The maximum over the text of convolutions of width 3, and a linear layer."""

    def __init__(self, features: Features, n_labels: int, channels: int) -> None:
        super().__init__()
        tokens = require_features(features, TokenFeatures, "CNN")
        self.words = WordEmbedding(tokens.tables, len(tokens.vocabulary))
        self.convolution = nn.Conv1d(self.words.dimension, channels, kernel_size=3, padding=1)
        self.linear = nn.Linear(channels, n_labels)

    @property
    def output_layer(self) -> nn.Linear:
        """The layer that gives the logits; its bias starts at the hashtags' frequencies."""
        return self.linear

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (B, T) token numbers, padded with 0 at the end, to (B, L) logits."""
        hidden = torch.relu(self.convolution(self.words(tokens).transpose(1, 2)))
        is_word = (tokens != 0).unsqueeze(1)
        logits: Tensor = self.linear((hidden * is_word).amax(dim=2))
        return logits


def f1_at_k(hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
    """Harmonic mean of precision@k and recall@k of each ranking, (N,) float64."""
    return 2 * hits[:, :k].sum(1).double() / (k + n_relevant)


F1 = RankingMetric(f1_at_k)


class Notes:
    """A text file with a post in each line; its hashtags are taken from the text.

    Args:
        path: the file.
        name: what tables call the corpus.
    """

    def __init__(self, path: str, name: str = "notes") -> None:
        self.path = Path(path)
        self.name = name

    def fingerprint(self) -> dict[str, Any]:
        """Return what the posts depend on."""
        return {"sha256": sha256_of(self.path)}

    def batches(self, rejects: Rejects) -> Iterator[pl.DataFrame]:
        """Yield the posts; columns of the raw schema that are left out are null."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        yield pl.DataFrame({"id": [str(number) for number in range(len(lines))], "text": lines})
