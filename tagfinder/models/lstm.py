"""The report's LSTM: the state after a text's last word decides."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tagfinder.configuration.types import PositiveInt, Share
from tagfinder.data.features import Features, require_features
from tagfinder.data.tokens import PADDING, TokenFeatures
from tagfinder.models.embeddings import WordEmbedding
from tagfinder.models.network import RecommenderNetwork


class LSTMNetwork(RecommenderNetwork):
    """Word vectors, one LSTM layer in one direction, ReLU on its last output, a linear layer.

    The report pads at the beginning so that the last output is the text's. Reading the output
    at each text's own last word is the same, without computing on padding.

    Args:
        features: `TokenFeatures`, fitted.
        n_labels: L.
        hidden_size: numbers in the LSTM's state.
        dropout: probability of dropping a number of a word vector or of the last output.
        unknown_words: probability that a word is read as an unknown one in training.
    """

    def __init__(
        self,
        features: Features,
        n_labels: int,
        hidden_size: PositiveInt = 50,
        dropout: Share = 0.0,
        unknown_words: Share = 0.0,
    ) -> None:
        super().__init__()
        tokens = require_features(features, TokenFeatures, type(self).__name__)
        n_words = len(tokens.vocabulary)
        self.embedding = WordEmbedding(tokens.tables, n_words, dropout, unknown_words)
        self.lstm = nn.LSTM(self.embedding.dimension, hidden_size, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(hidden_size, n_labels)
        remember_at_first(self.lstm)

    @property
    def output_layer(self) -> nn.Linear:
        """The layer that gives the logits."""
        return self.linear

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (B, T) token numbers, padded at the end, to (B, L) logits."""
        outputs, _ = self.lstm(self.embedding(tokens))
        # A text without words is read as one word of zeros, independent of the batch's padding.
        last = (tokens != PADDING).sum(dim=1).clamp(min=1) - 1
        final = outputs[torch.arange(tokens.shape[0], device=tokens.device), last]
        logits: Tensor = self.linear(self.dropout(functional.relu(final)))
        return logits


def remember_at_first(lstm: nn.LSTM) -> None:
    """Open the forget gates, so that a text's first words reach its end from the first step on.

    Jozefowicz and others (ICML 2015): a bias of 1 for the forget gate.
    """
    size = lstm.hidden_size
    with torch.no_grad():
        for bias, value in ((lstm.bias_ih_l0, 1.0), (lstm.bias_hh_l0, 0.0)):
            cast(Tensor, bias)[size : 2 * size] = value
