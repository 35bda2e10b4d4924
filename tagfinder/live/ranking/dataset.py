"""The posts that rankers are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tagfinder.live.features.query import Query
from tagfinder.live.post import NO_AUTHOR

Example = tuple[np.ndarray, np.ndarray]
"""Features (C, F) float32 and truth (C,) bool of the candidates of one post."""


class RankingDataset:
    """Training posts of rankers; those of known and of unknown author are separate.

    Args:
        limit: candidates of a post: the true ones and a sample of the others.
        seed: decides the sample.

    Attributes:
        known_author: the posts whose author is known.
        unknown_author: the other posts.
    """

    def __init__(self, limit: int, seed: int) -> None:
        self._limit = limit
        self._generator = np.random.default_rng(seed)
        self.known_author: list[Example] = []
        self.unknown_author: list[Example] = []

    @property
    def random_state(self) -> dict[str, Any]:
        """State of the generator that samples candidates."""
        return dict(self._generator.bit_generator.state)

    @random_state.setter
    def random_state(self, state: dict[str, Any]) -> None:
        self._generator.bit_generator.state = state

    def __len__(self) -> int:
        return len(self.known_author) + len(self.unknown_author)

    def add(self, query: Query, features: np.ndarray, truth: np.ndarray) -> None:
        """Add a post, unless all of its candidates are true or none is.

        Args:
            query: the post.
            features: (C, F) of its candidates.
            truth: (C,) bool, which of them it has.
        """
        if not truth.any() or truth.all():
            return
        others = np.flatnonzero(~truth)
        wanted = max(self._limit - int(truth.sum()), 0)
        if len(others) > wanted:
            others = self._generator.choice(others, wanted, replace=False)
        kept = np.sort(np.concatenate([np.flatnonzero(truth), others]))
        examples = self.unknown_author if query.author == NO_AUTHOR else self.known_author
        examples.append((features[kept], truth[kept]))


def unzipped(examples: Sequence[Example]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the features and the truth of examples."""
    return [features for features, _ in examples], [truth for _, truth in examples]
