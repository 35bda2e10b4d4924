"""The report's BERT: a pre-trained encoder's vector of the text, and a linear layer."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from tagfinder.configuration.types import Share
from tagfinder.data.encoder import pooled, train_only
from tagfinder.data.features import Features, require_features
from tagfinder.data.frozen_encoder import FrozenEncoder
from tagfinder.data.wordpieces import WordPieces
from tagfinder.models.network import RecommenderNetwork


def bert_network(features: Features, n_labels: int, dropout: Share = 0.0) -> nn.Module:
    """Return the network for a frozen encoder's vectors, or for word pieces to train on.

    Args:
        features: `FrozenEncoder` or `WordPieces`.
        n_labels: L.
        dropout: probability of dropping a number of a text's vector.
    """
    if isinstance(features, FrozenEncoder):
        return FrozenBert(features.dimension, n_labels, dropout)
    pieces = require_features(features, WordPieces, "bert_network")
    return TrainableBert(pieces, n_labels, dropout)


class FrozenBert(nn.Sequential, RecommenderNetwork):
    """A linear layer on the vectors of a frozen encoder.

    Args:
        dimension: numbers of a text's vector.
        n_labels: L.
        dropout: probability of dropping a number of a text's vector.
    """

    def __init__(self, dimension: int, n_labels: int, dropout: float) -> None:
        super().__init__(nn.Dropout(dropout), nn.Linear(dimension, n_labels))

    @property
    def output_layer(self) -> nn.Linear:
        """The layer that gives the logits."""
        return cast(nn.Linear, self[1])


class TrainableBert(RecommenderNetwork):
    """An encoder that is trained further, all of it or its last layers, and a linear layer.

    Args:
        features: how texts are cut, and which encoder starts.
        n_labels: L.
        dropout: probability of dropping a number of a text's vector.
    """

    def __init__(self, features: WordPieces, n_labels: int, dropout: float) -> None:
        super().__init__()
        self.pooling = features.encoder.pooling
        self.padding = features.padding
        self.encoder = features.starting_encoder()
        train_only(self.encoder, features.encoder.trainable, features.encoder.trainable_layers)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(self.encoder.config.hidden_size, n_labels)

    @property
    def output_layer(self) -> nn.Linear:
        """The layer that gives the logits."""
        return self.linear

    @property
    def pretrained_encoder(self) -> nn.Module:
        """The encoder that is trained further."""
        return self.encoder

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (B, T) word pieces, padded at the end, to (B, L) logits."""
        mask = (tokens != self.padding).long()
        hidden = self.encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        logits: Tensor = self.linear(self.dropout(pooled(hidden, mask, self.pooling)))
        return logits
