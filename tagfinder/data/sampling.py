"""Drawing training posts against imbalance, the two ways that the report tried (2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch.utils.data import Dataset

from tagfinder.configuration.types import NonNegativeInt, PositiveInt, Seed
from tagfinder.data.batches import Batch, PartDataset
from tagfinder.data.ragged import Ragged


class Sampling(Protocol):
    """Chooses the rows of the training part that are trained on."""

    def rows(self, labels: Ragged, train_counts: Sequence[int]) -> np.ndarray:
        """Return row numbers, int64, ascending; a row may be missing or be there repeatedly.

        Args:
            labels: the label indices of each training post.
            train_counts: label index -> training posts with it.
        """


class NoSampling:
    """Each training post once."""

    def rows(self, labels: Ragged, train_counts: Sequence[int]) -> np.ndarray:
        """Return all rows."""
        return np.arange(len(labels))


@dataclass(frozen=True)
class DownSampling:
    """Leaves out posts whose hashtags are all frequent.

    Posts leave in an order of chance, each only while all its hashtags have more than `floor`
    posts, so that no hashtag falls below.

    Attributes:
        floor: training posts that a hashtag keeps.
        seed: decides which posts leave.
    """

    floor: NonNegativeInt = 3000
    seed: Seed = 1

    def rows(self, labels: Ragged, train_counts: Sequence[int]) -> np.ndarray:
        """Return the rows that stay."""
        counts = np.array(train_counts, dtype=np.int64)
        stays = np.ones(len(labels), dtype=bool)
        for row in np.random.default_rng(self.seed).permutation(len(labels)):
            own = labels.values[labels.offsets[row] : labels.offsets[row + 1]]
            if len(own) and (counts[own] > self.floor).all():
                counts[own] -= 1
                stays[row] = False
        return np.flatnonzero(stays)


@dataclass(frozen=True)
class OverSampling:
    """Repeats posts with a rare hashtag.

    A post is there `target / posts with its rarest hashtag` times, rounded, at least once and at
    most `most` times.

    Attributes:
        target: training posts below which a hashtag is rare.
        most: largest number of times that a post is there.
    """

    target: PositiveInt = 3000
    most: PositiveInt = 5

    def rows(self, labels: Ragged, train_counts: Sequence[int]) -> np.ndarray:
        """Return row numbers; each row as often as training uses it."""
        counts = np.maximum(np.array(train_counts, dtype=np.float64), 1)
        rarest = np.full(len(labels), float(self.target))
        owner = np.repeat(np.arange(len(labels)), labels.lengths)
        np.minimum.at(rarest, owner, counts[labels.values])
        times = np.clip(np.rint(self.target / rarest), 1, self.most).astype(np.int64)
        return np.repeat(np.arange(len(labels)), times)


class ChosenRows(Dataset[Batch]):
    """Some rows of a part, as if they were the part.

    Args:
        part: the part.
        rows: its row numbers to show, repeats allowed.

    Attributes:
        lengths: (N,) lengths of the texts at `rows`.
    """

    def __init__(self, part: PartDataset, rows: np.ndarray) -> None:
        self.part = part
        self.rows = rows
        self.lengths = part.texts.lengths[rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: np.ndarray) -> Batch:
        """Return the batch of the posts at `rows`, (B,) int64."""
        return self.part[self.rows[rows]]


def sampling_counts(
    chosen: np.ndarray, labels: Ragged, train_counts: Sequence[int]
) -> dict[str, int]:
    """Return how many posts, and posts of the rarest and the most frequent hashtag, are left."""
    owner = np.repeat(np.arange(len(labels)), labels.lengths)
    times = np.bincount(chosen, minlength=len(labels))
    after = np.bincount(labels.values, weights=times[owner], minlength=len(train_counts))
    return {
        "posts_before": len(labels),
        "posts_after": len(chosen),
        "posts_left_out": int((times == 0).sum()),
        "posts_repeated": int((times > 1).sum()),
        "rarest_before": int(min(train_counts, default=0)),
        "rarest_after": int(min(after, default=0)),
        "most_frequent_before": int(max(train_counts, default=0)),
        "most_frequent_after": int(max(after, default=0)),
    }
