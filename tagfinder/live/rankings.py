"""The best hashtags of the posts of a part, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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
            setattr(rankings, name, state[name])
        return rankings

    def state(self) -> dict[str, np.ndarray]:
        """Return the rankings as arrays."""
        return {name: getattr(self, name) for name in ARRAYS}

    def put(self, row: int, labels: Sequence[int], scores: np.ndarray) -> None:
        """Write the ranking of one post."""
        self.labels[row, : len(labels)] = labels
        self.scores[row, : len(scores)] = scores
        self.asked[row] = True


@dataclass
class RankedPart:
    """Rankings of a part.

    Attributes:
        rankings: with the author known, if the recommender uses authors.
        without_author: with the author hidden; empty if this was not wanted.
    """

    rankings: Rankings
    without_author: Rankings

    @classmethod
    def empty(cls, n: int, k: int) -> RankedPart:
        """Return empty rankings of `n` posts with `k` hashtags each."""
        return cls(Rankings(n, k), Rankings(n, k))

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> RankedPart:
        """Build a part from what `state` returned; earlier versions kept no hidden authors."""
        known = Rankings.from_state(state)
        hidden = state.get("without_author")
        return cls(known, Rankings(0, 0) if hidden is None else Rankings.from_state(hidden))

    def state(self) -> dict[str, Any]:
        """Return the rankings as arrays."""
        return {**self.rankings.state(), "without_author": self.without_author.state()}
