"""Batches of posts, and their order in training and scoring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from tagfinder.data.features import EncodedTexts
from tagfinder.data.ragged import Ragged, batches_by_length


@dataclass
class Batch:
    """Some posts of one part.

    Attributes:
        inputs: the B texts, encoded by the recommender's features.
        labels: (B, M) int64 label indices, ascending, padded with -1.
        n_hashtags: (B,) int64 distinct hashtags that the post has, in the label set or not.
        rows: (B,) int64 positions of the posts in their part.
    """

    inputs: Any
    labels: Tensor
    n_hashtags: Tensor
    rows: Tensor


class PartDataset(Dataset[Batch]):
    """One part of a corpus; indexed by many rows at once it gives a batch."""

    def __init__(self, texts: EncodedTexts, labels: Ragged, n_hashtags: np.ndarray) -> None:
        self.texts = texts
        self.labels = labels
        self.n_hashtags = n_hashtags

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: np.ndarray) -> Batch:
        """Return the batch of the posts at `rows`, (B,) int64."""
        return Batch(
            inputs=self.texts.take(rows),
            labels=torch.from_numpy(self.labels.padded(rows, fill=-1)),
            n_hashtags=torch.from_numpy(self.n_hashtags[rows].astype(np.int64)),
            rows=torch.from_numpy(np.asarray(rows, dtype=np.int64)),
        )


class OrderedBatches(Sampler[np.ndarray]):
    """Each post once, posts of like length together, the longest first; for scoring.

    Under several processes each takes every `world_size`-th batch: no post is scored twice.

    Args:
        lengths: (N,) lengths of the encoded texts.
        batch_size: posts in a batch.
        rank: number of this process.
        world_size: number of processes.
        rows: the posts to score; None takes all.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        batch_size: int,
        rank: int = 0,
        world_size: int = 1,
        rows: np.ndarray | None = None,
    ) -> None:
        n = len(lengths) if rows is None else len(rows)
        # Lightning refuses a process that is given no batch at all.
        batch_size = min(batch_size, max(n // world_size, 1))
        self.batches = batches_by_length(lengths, batch_size, rows)[rank::world_size]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.batches)


class ShuffledBatches(Sampler[np.ndarray]):
    """Each post at most once an epoch, in an order that seed and epoch decide; for training.

    Posts are shuffled, then sorted by length within pools of `pool` batches, so that a batch has
    little padding, but its composition still changes from epoch to epoch.

    Args:
        lengths: (N,) lengths of the encoded texts.
        batch_size: posts in a batch.
        seed: decides the order, together with the epoch.
        pool: batches that are sorted by length together; 1 shuffles only.
        drop_last: leave out the last short batch, as the report does.
        rank: number of this process.
        world_size: number of processes; all get the same number of batches.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        batch_size: int,
        seed: int,
        *,
        pool: int = 50,
        drop_last: bool = True,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.pool = pool
        # A corpus smaller than a batch would otherwise train on nothing.
        self.drop_last = drop_last and len(lengths) >= batch_size
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next; Lightning calls this, also when it resumes."""
        self.epoch = epoch

    def __len__(self) -> int:
        full, rest = divmod(len(self.lengths), self.batch_size)
        batches = full + (1 if rest and not self.drop_last else 0)
        return batches // self.world_size if batches >= self.world_size else batches

    def __iter__(self) -> Iterator[np.ndarray]:
        # A generator, so that the order is drawn at the first batch: a trainer that resumes asks
        # for the iterator before it tells the epoch.
        generator = np.random.default_rng([self.seed, self.epoch])
        order = generator.permutation(len(self.lengths))
        if self.drop_last:
            order = order[: len(order) // self.batch_size * self.batch_size]
        batches = self._cut(order)
        generator.shuffle(batches)
        usable = len(self) * self.world_size
        yield from batches[self.rank : usable : self.world_size]

    def _cut(self, order: np.ndarray) -> list[np.ndarray]:
        batches = []
        for start in range(0, len(order), self.pool * self.batch_size):
            pool = order[start : start + self.pool * self.batch_size]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            batches += [pool[i : i + self.batch_size] for i in range(0, len(pool), self.batch_size)]
        return batches


def identity(batch: Any) -> Any:
    """Return the batch unchanged: the dataset already gives complete batches."""
    return batch
