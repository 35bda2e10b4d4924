"""The posts that rankers are trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tagfinder.live.features.query import Query
from tagfinder.live.post import NO_AUTHOR

Example = tuple[np.ndarray, np.ndarray]
"""Features (C, F) float32 and truth (C,) bool of the candidates of one post."""


class RankingDataset:
    """Training posts of rankers; those of known and of unknown author are separate.

    Args:
        limit: candidates of a post: the true ones and a sample of the others.
        seed: decides the samples, together with the number of each post.

    Attributes:
        known_author: the posts whose author is known.
        unknown_author: the other posts.
    """

    def __init__(self, limit: int, seed: int) -> None:
        self._limit = limit
        self._seed = seed
        self.known_author: list[Example] = []
        self.unknown_author: list[Example] = []

    def empty(self) -> RankingDataset:
        """Return one without posts that keeps the same candidates of each post."""
        return RankingDataset(self._limit, self._seed)

    def __len__(self) -> int:
        return len(self.known_author) + len(self.unknown_author)

    def add(self, number: int, query: Query, features: np.ndarray, truth: np.ndarray) -> None:
        """Add a post, unless all of its candidates are true or none is.

        Args:
            number: of the post, so that its sample does not depend on the posts before.
            query: the post.
            features: (C, F) of its candidates.
            truth: (C,) bool, which of them it has.
        """
        if not truth.any() or truth.all():
            return
        others = np.flatnonzero(~truth)
        wanted = max(self._limit - int(truth.sum()), 0)
        unknown = query.author == NO_AUTHOR
        if len(others) > wanted:
            generator = np.random.default_rng([self._seed, number, unknown])
            others = generator.choice(others, wanted, replace=False)
        kept = np.sort(np.concatenate([np.flatnonzero(truth), others]))
        examples = self.unknown_author if unknown else self.known_author
        examples.append((features[kept], truth[kept]))


def unzipped(examples: Sequence[Example]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the features and the truth of examples."""
    return [features for features, _ in examples], [truth for _, truth in examples]
