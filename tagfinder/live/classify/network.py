"""A network with a softmax over labels: its inputs and how it is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

import numpy as np
import torch
from torch.nn.functional import embedding_bag, log_softmax

WORD_BITS = 16
BATCH = 512
# Dropout of a text's vector.
DROPPED = 0.1
# Share of the posts whose author is hidden, so that the network also works without authors.
HIDDEN = 0.5


@dataclass(frozen=True)
class Encoded:
    """An example as input of the network.

    Attributes:
        rows: (W,) int64 rows of its words.
        columns: of its labels.
        weight: of its loss.
        author: row of its author; 0 if unknown.
        vector: row among the sentence vectors.
    """

    rows: np.ndarray
    columns: list[int]
    weight: float
    author: int
    vector: int


class Network(NamedTuple):
    """Weights: a softmax over the sum of mean word vector, author and projected sentence vector.

    Attributes:
        words: (2^16, D) float32 vectors of words, by a hash of them.
        authors: (1 + A, D) float32; the first row is for unknown authors and stays zero.
        projection: (E, D) float32, of sentence vectors.
        weights: (L, D) float32.
        bias: (L,) float32.
    """

    words: torch.Tensor
    authors: torch.Tensor
    projection: torch.Tensor
    weights: torch.Tensor
    bias: torch.Tensor


def word_rows(words: Sequence[str]) -> np.ndarray:
    """Return (W,) int64 rows of words; a text without words gets the row of the empty word."""
    mask = (1 << WORD_BITS) - 1
    return np.array([crc32(word.encode()) & mask for word in words or ("",)], dtype=np.int64)


def fit(
    network: Network,
    examples: Sequence[Encoded],
    vectors: np.ndarray,
    *,
    epochs: int,
    learning_rate: float,
    generator: torch.Generator,
) -> None:
    """Fit a network in place to posts.

    Args:
        network: changed in place.
        examples: the posts, each with a known label.
        vectors: (P, E) float32 sentence vectors, by `Encoded.vector`; E may be 0.
        epochs: passes over the posts.
        learning_rate: of Adam; falls linearly to zero.
        generator: draws the order, dropout and hidden authors.
    """
    for tensor in network:
        tensor.requires_grad_()
    optimizer = torch.optim.Adam(network, lr=learning_rate, fused=True)
    n_steps = epochs * -(-len(examples) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / n_steps)
    for _ in range(epochs):
        order = torch.randperm(len(examples), generator=generator).tolist()
        for start in range(0, len(order), BATCH):
            batch = [examples[row] for row in order[start : start + BATCH]]
            texts = _embed(network, batch, vectors, generator)
            kept = torch.rand(texts.shape, generator=generator) >= DROPPED
            texts = texts * kept / (1 - DROPPED)
            logs = log_softmax(torch.addmm(network.bias, texts, network.weights.T), dim=1)
            # The weight of a post is shared by its labels.
            counts = np.array([len(one.columns) for one in batch])
            rows = np.repeat(np.arange(len(batch)), counts)
            columns = np.concatenate([one.columns for one in batch])
            weights = np.array([one.weight for one in batch]) / counts
            weight = torch.from_numpy(np.repeat(weights, counts)).float()
            loss = -(logs[rows, columns] * weight).sum() / len(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    for tensor in network:
        tensor.requires_grad_(False)


def _embed(
    network: Network, batch: Sequence[Encoded], vectors: np.ndarray, generator: torch.Generator
) -> torch.Tensor:
    """Return (B, D) the embeddings of posts, some of them with their author hidden."""
    rows = [one.rows for one in batch]
    lengths = np.array([len(of_post) for of_post in rows])
    starts = torch.from_numpy(np.cumsum(lengths) - lengths)
    texts = embedding_bag(torch.from_numpy(np.concatenate(rows)), network.words, starts)
    authors = torch.tensor([one.author for one in batch])
    known = (authors > 0) & (torch.rand(len(batch), generator=generator) >= HIDDEN)
    texts = texts + network.authors[authors] * known[:, None]
    if len(network.projection):
        sentences = torch.from_numpy(vectors[[one.vector for one in batch]])
        texts = texts + sentences @ network.projection
    return texts
