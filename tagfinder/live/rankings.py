"""The best hashtags of the posts of a part, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

ARRAYS = ("labels", "scores", "asked")


class Rankings:
    """The best hashtags of each post of a part.

    Args:
        n: P, posts of the part.
        k: K, hashtags of a post.

    Attributes:
        labels: (P, K) int64 label indices, best first, -1 if there are fewer.
        scores: (P, K) float32 in [0, 1].
        asked: (P,) bool, which posts were ranked.
    """

    def __init__(self, n: int, k: int) -> None:
        self.labels = np.full((n, k), -1, dtype=np.int64)
        self.scores = np.zeros((n, k), dtype=np.float32)
        self.asked = np.zeros(n, dtype=bool)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Rankings:
        """Build rankings from what `state` returned."""
        rankings = cls(*state["labels"].shape)
        for name in ARRAYS:
            setattr(rankings, name, state[name].numpy())
        return rankings

    def state(self) -> dict[str, Tensor]:
        """Return the rankings as plain data."""
        return {name: torch.from_numpy(getattr(self, name)) for name in ARRAYS}

    def put(self, row: int, labels: Sequence[int], scores: np.ndarray) -> None:
        """Write the ranking of one post."""
        self.labels[row, : len(labels)] = labels
        self.scores[row, : len(scores)] = scores
        self.asked[row] = True


@dataclass
class RankedPart:
    """Rankings of a part, and what calibration reads of them.

    Attributes:
        rankings: with the author known, if the recommender uses authors.
        without_author: with the author hidden; empty if this was not wanted.
        pairs: scores and truth of the ranked hashtags of each post.
    """

    rankings: Rankings
    without_author: Rankings
    pairs: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    @classmethod
    def empty(cls, n: int, k: int) -> RankedPart:
        """Return empty rankings of `n` posts with `k` hashtags each."""
        return cls(Rankings(n, k), Rankings(n, k))

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> RankedPart:
        """Build a part from what `state` returned, without the rankings of hidden authors."""
        rankings = Rankings.from_state(state)
        scores, truth = (tensor.numpy() for tensor in state["pairs"])
        return cls(rankings, Rankings(0, 0), [(scores, truth)])

    def state(self) -> dict[str, Any]:
        """Return rankings and pairs as plain data."""
        pairs = tuple(map(torch.from_numpy, self.score_pairs()))
        return {**self.rankings.state(), "pairs": pairs}

    def score_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (N,) float32 scores and (N,) bool truth of all ranked hashtags."""
        if not self.pairs:
            return np.empty(0, np.float32), np.empty(0, bool)
        scores, truth = zip(*self.pairs, strict=True)
        return np.concatenate(scores), np.concatenate(truth)
