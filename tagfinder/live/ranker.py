"""The small rankers that put candidates in order: boosted trees on NDCG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tagfinder.errors import InputError, WorkError
from tagfinder.live.asking import Question
from tagfinder.live.memory import NOBODY
from tagfinder.live.trees import Trees, table_of

# LightGBM's names of LambdaMART (Burges, 2010) and XE-NDCG (Bruch, 2021).
LAMBDA_MART, XE_NDCG = "lambdarank", "rank_xendcg"
# After so many trees only so many candidates go on to the next ones.
STAGES = ((40, 64), (150, 24))


@dataclass(frozen=True)
class RankerSettings:
    """How a ranker learns.

    Attributes:
        trees: number of trees.
        leaves: most leaves of a tree.
        learning_rate: weight of a tree.
        least_in_leaf: fewest candidates in a leaf.
        share_of_columns: share of the columns that a tree sees.
        share_of_rows: share of the candidates that a tree sees.
        apart: objectives of the rankers that help where no author is known.
        apart_from: posts without a known author from which there are such.

    Raises:
        InputError: an unknown objective.
    """

    trees: int
    leaves: int
    learning_rate: float
    least_in_leaf: int
    share_of_columns: float
    share_of_rows: float
    apart: Sequence[str]
    apart_from: int

    def __post_init__(self) -> None:
        for objective in self.apart:
            if objective not in (LAMBDA_MART, XE_NDCG):
                raise InputError(
                    f"model.ranker.apart has '{objective}'; choose from {LAMBDA_MART}, {XE_NDCG}"
                )


class Ranker:
    """Scores candidates; higher is better, and only the order within a post means something.

    Boosted trees as LightGBM has them; kept as LightGBM's own text, which is plain data.

    Args:
        columns: names of the columns that it reads.
        boosters: LightGBM's; the mean of their scores counts.
    """

    def __init__(self, columns: Sequence[str], boosters: Sequence[Any]) -> None:
        self.columns = list(columns)
        self._boosters = list(boosters)

    @cached_property
    def _trees(self) -> list[Trees]:
        return [Trees(booster) for booster in self._boosters]

    @classmethod
    def learn(
        cls,
        columns: Sequence[str],
        rows: Sequence[np.ndarray],
        truth: Sequence[np.ndarray],
        settings: RankerSettings,
        *,
        seed: int,
        objective: str = LAMBDA_MART,
    ) -> Ranker:
        """Learn from posts whose hashtags are known.

        Args:
            columns: names of the columns, F.
            rows: for each post (C, F) float32 evidence.
            truth: for each post (C,) bool, true and false ones.
            settings: how.
            seed: decides what each tree sees.
            objective: what the trees are to lower.

        Raises:
            WorkError: there is no post.
        """
        lightgbm = _lightgbm()
        if not len(rows):
            raise WorkError(
                "the ranker has nothing to learn from: no post before this part has a hashtag "
                "that was known a day earlier; give more posts"
            )
        data = lightgbm.Dataset(
            np.concatenate(rows),
            np.concatenate(truth).astype(np.int8),
            group=[len(evidence) for evidence in rows],
            feature_name=list(columns),
            params={"max_bin": 63, "verbose": -1},
        )
        parameters = {
            "objective": objective,
            "lambdarank_truncation_level": 10,
            "num_leaves": settings.leaves,
            "learning_rate": settings.learning_rate,
            "min_data_in_leaf": settings.least_in_leaf,
            "feature_fraction": settings.share_of_columns,
            "bagging_fraction": settings.share_of_rows,
            "bagging_freq": 1,
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,
            "verbose": -1,
        }
        return cls(columns, [lightgbm.train(parameters, data, settings.trees)])

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Ranker:
        """Build a ranker from what `state` returned."""
        lightgbm = _lightgbm()
        return cls(state["columns"], [lightgbm.Booster(model_str=text) for text in state["trees"]])

    @classmethod
    def together(cls, rankers: Sequence[Ranker]) -> Ranker:
        """Return a ranker by the mean of several rankers' scores."""
        ranker = cls(rankers[0].columns, [one for each in rankers for one in each._boosters])
        # The same ones, because each takes a while to be put down.
        ranker._trees = [trees for each in rankers for trees in each._trees]
        return ranker

    def state(self) -> dict[str, Any]:
        """Return the ranker as plain data."""
        trees = [booster.model_to_string() for booster in self._boosters]
        return {"columns": self.columns, "trees": trees}

    def scores(self, evidence: np.ndarray) -> np.ndarray:
        """Return (C,) float64 scores of candidates from their (C, F) evidence."""
        return self._scored(table_of(evidence), 0, self._most_trees())

    def _most_trees(self) -> int:
        return max(len(trees) for trees in self._trees)

    def _scored(self, table: np.ndarray, first: int, last: int) -> np.ndarray:
        """Return (C,) scores by the trees from `first` to before `last`."""
        scores = np.zeros(len(table))
        for trees in self._trees:
            scores += trees.scores(table, first, last)
        return scores / len(self._trees)

    def best(self, evidence: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the best candidates of a post, equal ones in their order.

        The first trees score all candidates, and only those that stand high then go through more
        (a cascade: Wang et al., SIGIR 2011), which takes a third of the time.

        Args:
            evidence: (C, F) of the candidates.
            k: how many are wanted.

        Returns:
            (K,) their places, best first, and (K,) float64 scores by all trees.
        """
        table, n_trees = table_of(evidence), self._most_trees()
        left = np.arange(len(table))
        scores = np.zeros(len(table))
        first = 0
        for until, most in (*STAGES, (n_trees, k)):
            last = min(until, n_trees)
            if last > first:
                scores = scores + self._scored(table[left], first, last)
                first = last
            stay = np.sort(np.argsort(-scores, kind="stable")[: max(most, 2 * k)])
            left, scores = left[stay], scores[stay]
        order = np.argsort(-scores, kind="stable")[:k]
        return left[order], scores[order]

    def gains(self) -> dict[str, float]:
        """Return how much each column improved the splits that use it, the most useful first."""
        gains = sum(booster.feature_importance("gain") for booster in self._boosters)
        return dict(sorted(zip(self.columns, gains.tolist(), strict=True), key=lambda x: -x[1]))


class Lessons:
    """What rankers learn from, posts whose author is known and others apart.

    Args:
        most: candidates of a post: the true ones and some of the others.
        seed: decides which.

    Attributes:
        known: evidence (C, F) float32 and truth (C,) bool of each post with a known author.
        hidden: the same of each without.
    """

    def __init__(self, most: int, seed: int) -> None:
        self._most = most
        self._generator = np.random.default_rng(seed)
        self.known: list[tuple[np.ndarray, np.ndarray]] = []
        self.hidden: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, question: Question, evidence: np.ndarray, truth: np.ndarray) -> None:
        """Add a post; one without a true candidate, or without any other, teaches no order.

        Args:
            question: the post.
            evidence: (C, F) of its candidates.
            truth: (C,) bool, which of them it has.
        """
        if not truth.any() or truth.all():
            return
        others = np.flatnonzero(~truth)
        wanted = max(self._most - int(truth.sum()), 0)
        if len(others) > wanted:
            others = self._generator.choice(others, wanted, replace=False)
        kept = np.sort(np.concatenate([np.flatnonzero(truth), others]))
        kind = self.hidden if question.author == NOBODY else self.known
        kind.append((evidence[kept], truth[kept]))


@dataclass(frozen=True)
class Rankers:
    """A ranker for all posts, and others that help it where no author is known.

    What is learned where the author is hidden helps where it is known, hardly the other way round.

    Attributes:
        known: learned from all posts; ranks those whose author is known.
        apart: learned from those without a known author; empty where they are too few, or all.
    """

    known: Ranker
    apart: tuple[Ranker, ...] = ()

    @classmethod
    def learn(
        cls, columns: Sequence[str], lessons: Lessons, settings: RankerSettings, seed: int
    ) -> Rankers:
        """Learn from posts whose hashtags are known, see `Ranker.learn`."""
        n_hidden, n_all = len(lessons.hidden), len(lessons.known) + len(lessons.hidden)
        known = Ranker.learn(
            columns, *_unzipped(lessons.known + lessons.hidden), settings, seed=seed
        )
        if not settings.apart_from <= n_hidden < n_all:
            return cls(known)
        hidden = _unzipped(lessons.hidden)
        apart = (
            Ranker.learn(columns, *hidden, settings, seed=seed + place, objective=objective)
            for place, objective in enumerate(settings.apart)
        )
        return cls(known, tuple(apart))

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Rankers:
        """Build rankers from what `state` returned."""
        apart = (Ranker.from_state(of_one) for of_one in state["apart"])
        return cls(Ranker.from_state(state["known"]), tuple(apart))

    def state(self) -> dict[str, Any]:
        """Return the rankers as plain data."""
        return {"known": self.known.state(), "apart": [ranker.state() for ranker in self.apart]}

    @property
    def columns(self) -> list[str]:
        """Names of the columns that they read."""
        return self.known.columns

    @cached_property
    def hidden(self) -> Ranker:
        """The ranker for posts without a known author: all together."""
        return Ranker.together([self.known, *self.apart])

    def of(self, question: Question) -> Ranker:
        """Return the ranker for a post."""
        return self.hidden if question.author == NOBODY else self.known


def _unzipped(
    lessons: Sequence[tuple[np.ndarray, np.ndarray]],
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return [evidence for evidence, _ in lessons], [truth for _, truth in lessons]


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError as error:
        raise InputError(
            "the live recommender needs LightGBM: pip install 'tagfinder[live]'"
        ) from error
    return lightgbm
