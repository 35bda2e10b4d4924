"""A network with a softmax over labels: what it reads of posts, and how it is fitted."""

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
# Share of the numbers of a text's vector that are dropped in learning.
DROPPED = 0.1
# Share of the posts that are read as if nobody had written them, so that it does without authors.
HIDDEN = 0.5


@dataclass(frozen=True)
class Encoded:
    """An example as the network reads it.

    Attributes:
        places: (W,) int64 rows of its words.
        columns: of its labels.
        share: what it counts.
        author: row of its author; 0 is nobody.
        vector: row among the sentence vectors.
    """

    places: np.ndarray
    columns: list[int]
    share: float
    author: int
    vector: int


class Network(NamedTuple):
    """What is fitted: the mean of a text's words, its author and its sentence vector, then softmax.

    Attributes:
        words: (2^16, D) float32 vectors of words, by a hash of them.
        authors: (1 + A, D) float32; the first row is nobody's and stays zero.
        projection: (E, D) float32, by which sentence vectors are read.
        weights: (L, D) float32.
        bias: (L,) float32.
    """

    words: torch.Tensor
    authors: torch.Tensor
    projection: torch.Tensor
    weights: torch.Tensor
    bias: torch.Tensor


def places_of(words: Sequence[str]) -> np.ndarray:
    """Return (W,) int64 rows of words; a text without any has the empty word's."""
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
        examples: the posts, each with a hashtag that is known.
        vectors: (P, E) float32 sentence vectors, by `Encoded.vector`; E may be 0.
        epochs: how often each post is seen.
        learning_rate: of Adam, falling to nothing.
        generator: draws the order, what is dropped and whose author is hidden.
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
            texts = _read(network, batch, vectors, generator)
            kept = torch.rand(texts.shape, generator=generator) >= DROPPED
            texts = texts * kept / (1 - DROPPED)
            logs = log_softmax(torch.addmm(network.bias, texts, network.weights.T), dim=1)
            # A post with several hashtags counts as one, shared between them.
            counts = np.array([len(one.columns) for one in batch])
            rows = np.repeat(np.arange(len(batch)), counts)
            columns = np.concatenate([one.columns for one in batch])
            shares = np.array([one.share for one in batch]) / counts
            weight = torch.from_numpy(np.repeat(shares, counts)).float()
            loss = -(logs[rows, columns] * weight).sum() / len(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    for tensor in network:
        tensor.requires_grad_(False)


def _read(
    network: Network, batch: Sequence[Encoded], vectors: np.ndarray, generator: torch.Generator
) -> torch.Tensor:
    """Return (B, D) what a network reads of posts, some of them as if nobody had written them."""
    places = [one.places for one in batch]
    lengths = np.array([len(of_post) for of_post in places])
    starts = torch.from_numpy(np.cumsum(lengths) - lengths)
    texts = embedding_bag(torch.from_numpy(np.concatenate(places)), network.words, starts)
    authors = torch.tensor([one.author for one in batch])
    known = (authors > 0) & (torch.rand(len(batch), generator=generator) >= HIDDEN)
    texts = texts + network.authors[authors] * known[:, None]
    if len(network.projection):
        sentences = torch.from_numpy(vectors[[one.vector for one in batch]])
        texts = texts + sentences @ network.projection
    return texts
