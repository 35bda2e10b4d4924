"""The rankers of a recommender, chosen by whether the author of a post is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy.special import expit

from tagfinder.live.features.query import Query
from tagfinder.live.features.table import Candidates
from tagfinder.live.post import NO_AUTHOR
from tagfinder.live.ranking.dataset import RankingDataset, unzipped
from tagfinder.live.ranking.ranker import Ranker, RankerSettings

Remember = Callable[[str, Callable[[], Ranker]], Ranker]


def _train_each(name: str, train: Callable[[], Ranker]) -> Ranker:
    return train()


@dataclass(frozen=True)
class RankerEnsemble:
    """A ranker for all posts, and others that help it if the author is unknown.

    Training on posts with hidden authors also helps posts of known author, but not vice versa.

    Attributes:
        known_author: trained on all posts; ranks alone if the author is known.
        unknown_author: trained on posts of unknown author only; empty if there are few of them, or
            no others.
    """

    known_author: Ranker
    unknown_author: tuple[Ranker, ...] = ()

    @classmethod
    def learn(
        cls,
        columns: list[str],
        dataset: RankingDataset,
        settings: RankerSettings,
        seed: int,
        remember: Remember = _train_each,
    ) -> RankerEnsemble:
        """Train on posts whose hashtags are known, see `Ranker.learn`.

        Args:
            columns: names of the columns.
            dataset: the posts.
            settings: how.
            seed: decides what each tree sees.
            remember: returns a ranker by its name, trained before or now.
        """
        every = dataset.known_author + dataset.unknown_author
        known = remember(
            "all", lambda: Ranker.learn(columns, *unzipped(every), settings, seed=seed)
        )
        n_unknown = len(dataset.unknown_author)
        if not settings.unknown_author_min_posts <= n_unknown < len(every):
            return cls(known)
        unknown = unzipped(dataset.unknown_author)
        rankers = [
            remember(
                f"unknown-{number}",
                partial(
                    Ranker.learn,
                    columns,
                    *unknown,
                    settings,
                    seed=seed + number,
                    objective=objective,
                ),
            )
            for number, objective in enumerate(settings.unknown_author_objectives)
        ]
        return cls(known, tuple(rankers))

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> RankerEnsemble:
        """Build rankers from what `state` or `arrays` returned."""
        unknown = (Ranker.from_state(of_one) for of_one in state["apart"])
        return cls(Ranker.from_state(state["known"]), tuple(unknown))

    def state(self) -> dict[str, Any]:
        """Return the rankers as plain data, by the names that saved runs use."""
        unknown = [ranker.state() for ranker in self.unknown_author]
        return {"known": self.known_author.state(), "apart": unknown}

    def arrays(self) -> dict[str, Any]:
        """Return what ranking needs, see `Ranker.arrays`."""
        unknown = [ranker.arrays() for ranker in self.unknown_author]
        return {"known": self.known_author.arrays(), "apart": unknown}

    @property
    def columns(self) -> list[str]:
        """Names of the columns that they read."""
        return self.known_author.columns

    @cached_property
    def mean(self) -> Ranker:
        """The ranker for posts of unknown author: the mean of all."""
        return Ranker.mean_of([self.known_author, *self.unknown_author])

    def for_query(self, query: Query) -> Ranker:
        """Return the ranker for a post."""
        return self.mean if query.author == NO_AUTHOR else self.known_author

    def best(self, query: Query, candidates: Candidates, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the best candidates of a post; ties are in order of first appearance.

        Returns:
            (K,) hashtag numbers, best first, and (K,) float32 scores in (0, 1).
        """
        positions, scores = self.for_query(query).best(candidates.features, k)
        return candidates.hashtags[positions], expit(scores).astype(np.float32)
