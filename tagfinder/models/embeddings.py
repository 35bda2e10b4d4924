"""Word vectors inside a network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tagfinder.data.tokens import PADDING, UNKNOWN
from tagfinder.data.word_vectors import EmbeddingTable


class WordEmbedding(nn.Module):
    """One or more tables of word vectors, side by side.

    Args:
        tables: initial vectors.
        n_words: size of the vocabulary.
        dropout: probability of dropping a number of a word vector in training.
        unknown: probability that a word is replaced by the unknown word in training, so that a
            network does not depend on a single word of a text.

    Attributes:
        dimension: numbers per word, all tables together.
    """

    def __init__(
        self,
        tables: Sequence[EmbeddingTable],
        n_words: int,
        dropout: float = 0.0,
        unknown: float = 0.0,
    ) -> None:
        super().__init__()
        self.unknown = unknown
        self.dropout = nn.Dropout(dropout)
        self.parts = nn.ModuleList(embedding(table, n_words) for table in tables)
        self.dimension = sum(table.dimension for table in tables)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (...) token numbers to (..., dimension) vectors; padding gets zeros."""
        if self.training and self.unknown > 0:
            hidden = torch.rand(tokens.shape, device=tokens.device) < self.unknown
            tokens = tokens.masked_fill(hidden & (tokens != PADDING), UNKNOWN)
        vectors: Tensor = self.dropout(torch.cat([part(tokens) for part in self.parts], dim=-1))
        return vectors


def embedding(table: EmbeddingTable, n_words: int) -> nn.Embedding:
    """Return one table as a layer; a constant one stays out of the optimiser."""
    if table.values is None:
        layer = nn.Embedding(n_words, table.dimension, padding_idx=PADDING)
        return layer.requires_grad_(table.trainable)
    return nn.Embedding.from_pretrained(
        torch.from_numpy(table.values), freeze=not table.trainable, padding_idx=PADDING
    )
