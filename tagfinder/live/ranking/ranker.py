"""One ranker: boosted trees that are trained for NDCG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np

from tagfinder.configuration.types import (
    NonNegativeInt,
    Only,
    PositiveFloat,
    PositiveInt,
    PositiveShare,
)
from tagfinder.errors import InputError, WorkError
from tagfinder.live.ranking.trees import Trees, node_inputs

# LightGBM's names of LambdaMART (Burges, 2010) and XE-NDCG (Bruch, 2021).
Objective = Literal["lambdarank", "rank_xendcg"]
Leaves = Annotated[int, Only(lambda n: n >= 2, "a whole number from 2")]
# (trees, candidates): after these trees, the following ones score only these candidates.
STAGES = ((40, 64), (150, 24))


@dataclass(frozen=True)
class RankerSettings:
    """How rankers are trained; most names are LightGBM's.

    Attributes:
        num_iterations: number of trees.
        num_leaves: most leaves of a tree.
        learning_rate: weight of a tree.
        min_data_in_leaf: fewest candidates in a leaf.
        feature_fraction: share of the columns that a tree sees.
        bagging_fraction: share of the candidates that a tree sees.
        unknown_author_objectives: objectives of the rankers that help if the author is unknown.
        unknown_author_min_posts: fewest posts of unknown author for such rankers.
    """

    num_iterations: PositiveInt
    num_leaves: Leaves
    learning_rate: PositiveFloat
    min_data_in_leaf: NonNegativeInt
    feature_fraction: PositiveShare
    bagging_fraction: PositiveShare
    unknown_author_objectives: Sequence[Objective]
    unknown_author_min_posts: NonNegativeInt


class Ranker:
    """Scores candidates; only the order within a post is meaningful, higher is better.

    The trees are LightGBM's and are saved as LightGBM's own text, which is plain data.

    Args:
        columns: names of the columns of the feature table.
        boosters: LightGBM's; the score is the mean of theirs.
        trees: the same as arrays, in the place of `boosters` where nothing is trained or saved.
    """

    def __init__(
        self, columns: Sequence[str], boosters: Sequence[Any], trees: Sequence[Trees] = ()
    ) -> None:
        self.columns = list(columns)
        self._boosters = list(boosters)
        if trees:
            self._trees = list(trees)

    @cached_property
    def _trees(self) -> list[Trees]:
        return [Trees.of_booster(booster) for booster in self._boosters]

    @classmethod
    def learn(
        cls,
        columns: Sequence[str],
        features: Sequence[np.ndarray],
        truth: Sequence[np.ndarray],
        settings: RankerSettings,
        *,
        seed: int,
        objective: Objective = "lambdarank",
    ) -> Ranker:
        """Train on posts whose hashtags are known.

        Args:
            columns: names of the F columns.
            features: for each post (C, F) float32.
            truth: for each post (C,) bool, which candidates it has.
            settings: how.
            seed: decides what each tree sees.
            objective: of LightGBM.

        Raises:
            WorkError: there is no post.
        """
        lightgbm = _lightgbm()
        if not len(features):
            raise WorkError(
                "the ranker has nothing to learn from: no post before this part has a hashtag "
                "that was known a day earlier; give more posts"
            )
        data = lightgbm.Dataset(
            np.concatenate(features),
            np.concatenate(truth).astype(np.int8),
            group=[len(of_post) for of_post in features],
            feature_name=list(columns),
            params={"max_bin": 63, "verbose": -1},
        )
        parameters = {
            "objective": objective,
            "lambdarank_truncation_level": 10,
            "num_leaves": settings.num_leaves,
            "learning_rate": settings.learning_rate,
            "min_data_in_leaf": settings.min_data_in_leaf,
            "feature_fraction": settings.feature_fraction,
            "bagging_fraction": settings.bagging_fraction,
            "bagging_freq": 1,
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,
            "verbose": -1,
        }
        return cls(columns, [lightgbm.train(parameters, data, settings.num_iterations)])

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Ranker:
        """Build a ranker from what `state` or `arrays` returned.

        Raises:
            KeyError, ValueError: the state is damaged.
        """
        if "nodes" in state:
            columns = state["columns"]
            return cls(columns, [], [Trees.checked(one, len(columns)) for one in state["nodes"]])
        lightgbm = _lightgbm()
        return cls(state["columns"], [lightgbm.Booster(model_str=text) for text in state["trees"]])

    @classmethod
    def mean_of(cls, rankers: Sequence[Ranker]) -> Ranker:
        """Return a ranker whose score is the mean of several rankers' scores."""
        boosters = [one for each in rankers for one in each._boosters]
        # Reuse the converted trees; converting them is slow.
        return cls(rankers[0].columns, boosters, [one for each in rankers for one in each._trees])

    def state(self) -> dict[str, Any]:
        """Return the ranker as plain data."""
        trees = [booster.model_to_string() for booster in self._boosters]
        return {"columns": self.columns, "trees": trees}

    def arrays(self) -> dict[str, Any]:
        """Return what scoring needs, so that it needs no LightGBM."""
        return {"columns": self.columns, "nodes": [trees.arrays for trees in self._trees]}

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return (C,) float64 scores of candidates from their (C, F) features."""
        return self._scored(node_inputs(features), 0, self._n_trees())

    def _n_trees(self) -> int:
        return max(len(trees) for trees in self._trees)

    def _scored(self, inputs: np.ndarray, first: int, last: int) -> np.ndarray:
        """Return (C,) scores by the trees from `first` to before `last`."""
        scores = np.zeros(len(inputs))
        for trees in self._trees:
            scores += trees.scores(inputs, first, last)
        return scores / len(self._trees)

    def best(self, features: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the best candidates of a post; ties keep their order.

        A cascade (Wang et al., SIGIR 2011): the first trees score all candidates, the following
        ones only the ones that rank high so far. This takes a third of the time.

        Args:
            features: (C, F) of the candidates.
            k: how many are wanted.

        Returns:
            (K,) their positions, best first, and (K,) float64 scores by all trees.
        """
        inputs, n_trees = node_inputs(features), self._n_trees()
        left = np.arange(len(inputs))
        scores = np.zeros(len(inputs))
        first = 0
        for until, most in (*STAGES, (n_trees, k)):
            last = min(until, n_trees)
            if last > first:
                scores = scores + self._scored(inputs[left], first, last)
                first = last
            kept = np.sort(np.argsort(-scores, kind="stable")[: max(most, 2 * k)])
            left, scores = left[kept], scores[kept]
        order = np.argsort(-scores, kind="stable")[:k]
        return left[order], scores[order]

    def gains(self) -> dict[str, float]:
        """Return the total gain of each column's splits, highest first."""
        gains = sum(booster.feature_importance("gain") for booster in self._boosters)
        return dict(sorted(zip(self.columns, gains.tolist(), strict=True), key=lambda x: -x[1]))


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError as error:
        raise InputError(
            "the live recommender needs LightGBM: pip install 'tagfinder[live]'"
        ) from error
    return lightgbm
