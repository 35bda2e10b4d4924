"""A network with a softmax over labels: its inputs and how it is fitted.

Imported only for learning: a classifier is applied without PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import embedding_bag, log_softmax

from tagfinder.live.tokens import WORD_ROWS

BATCH = 512
# Dropout of a text's vector.
DROPPED = 0.1
# Share of the posts whose author is hidden, so that the network also works without authors.
HIDDEN = 0.5
# Standard deviation of initial vectors.
FIRST_SPREAD = 0.1


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


class Initial(NamedTuple):
    """Weights to start from, as `Network` has them.

    Attributes:
        words: (2^16, D) float32; None draws them.
        authors: (A, D) float32.
        projection: (E, D) float32; None, or one of another E, draws it.
        weights: (L, D) float32.
        bias: (L,) float32.
    """

    words: np.ndarray | None
    authors: np.ndarray
    projection: np.ndarray | None
    weights: np.ndarray
    bias: np.ndarray


def fitted(
    examples: Sequence[Encoded],
    vectors: np.ndarray,
    initial: Initial,
    *,
    epochs: int,
    learning_rate: float,
    seed: int,
) -> list[np.ndarray]:
    """Fit a network to posts.

    Args:
        examples: the posts, each with a known label.
        vectors: (P, E) float32 sentence vectors, by `Encoded.vector`; E may be 0.
        initial: weights to start from.
        epochs: passes over the posts.
        learning_rate: of Adam; falls linearly to zero.
        seed: of initial weights, order, dropout and hidden authors.

    Returns:
        Vectors of words and of authors, projection, weights and bias.
    """
    generator = torch.Generator().manual_seed(seed)
    dimension, width = initial.weights.shape[1], vectors.shape[1]
    projection = initial.projection
    if projection is not None and len(projection) != width:
        projection = None
    # Lightning disables gradients while it validates and tests.
    with torch.inference_mode(False), torch.enable_grad():
        network = Network(
            _copied_or_drawn(initial.words, (WORD_ROWS, dimension), generator),
            torch.cat([torch.zeros(1, dimension), torch.from_numpy(initial.authors)]),
            _copied_or_drawn(projection, (width, dimension), generator),
            torch.tensor(initial.weights),
            torch.tensor(initial.bias),
        )
        if examples and epochs:
            _fit(
                network,
                examples,
                vectors,
                epochs=epochs,
                learning_rate=learning_rate,
                generator=generator,
            )
    network = network._replace(authors=network.authors[1:])
    return [tensor.numpy() for tensor in network]


def _copied_or_drawn(
    values: np.ndarray | None, shape: tuple[int, int], generator: torch.Generator
) -> torch.Tensor:
    if values is not None:
        return torch.tensor(values)
    return torch.nn.init.normal_(torch.empty(shape), std=FIRST_SPREAD, generator=generator)


def _fit(
    network: Network,
    examples: Sequence[Encoded],
    vectors: np.ndarray,
    *,
    epochs: int,
    learning_rate: float,
    generator: torch.Generator,
) -> None:
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
