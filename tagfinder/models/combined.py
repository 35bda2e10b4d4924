"""Several recommenders as one: a weighted sum of their log-odds of a hashtag."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.combined import CombinedFeatures
from tagfinder.errors import InputError
from tagfinder.models.activations import sigmoid
from tagfinder.models.base import ClosedRecommender, WholePartRecommender, as_scores

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Scores closer than this to 0 or 1 count as that close: one member alone must not decide.
CLOSEST = 1e-5


class CombinedRecommender(WholePartRecommender):
    """A weighted sum of members' log-odds, with weights for each hashtag.

    Args:
        label_set: the hashtags, those of every member.
        features: the members' features.
        members: called with `label_set` and `features`, returns a member.

    Attributes:
        weights: (M + 1, L) float32 weight of each member, then a shift, for each hashtag.
    """

    def __init__(
        self,
        label_set: LabelSet,
        features: CombinedFeatures,
        *,
        members: Sequence[Callable[..., ClosedRecommender]],
    ) -> None:
        super().__init__(label_set, features)
        self.members = [
            make(label_set=label_set, features=of_member)
            for make, of_member in zip(members, features.members, strict=True)
        ]
        self._columns = features.columns
        n_labels = len(label_set)
        of_members = np.full((len(members), n_labels), 1 / len(members), np.float32)
        self.weights = np.concatenate([of_members, np.zeros((1, n_labels), np.float32)])
        self.states: dict[str, Mapping[str, Any]] = {}

    def learn(self, inputs: Any, labels: csr_matrix) -> None:
        """Refuse: the weights are learned on posts that no member has seen.

        Raises:
            InputError: always.
        """
        raise InputError("a combination is made of finished runs: tagfinder combine RUN RUN --out")

    def log_odds(self, inputs: Sequence[Any]) -> np.ndarray:
        """Return (B, M, L) float32 log-odds of each member."""
        members = zip(self.members, inputs, strict=True)
        scores = np.stack([member.score(of_member) for member, of_member in members], axis=1)
        within = np.clip(scores, CLOSEST, 1 - CLOSEST)
        odds: np.ndarray = np.log(within) - np.log1p(-within)
        return odds

    def score(self, inputs: Sequence[Any]) -> np.ndarray:
        """Return (B, L) float32 scores in [0, 1]."""
        return as_scores(sigmoid(combined(self.log_odds(inputs), self.weights)))

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether any member knows something of a text."""
        read = zip(self.members, self._columns(texts), strict=True)
        known: np.ndarray = np.any([member.knows(column) for member, column in read], axis=0)
        return known

    def learned(self) -> dict[str, Any]:
        """Return the weights and the state of each member."""
        return {"weights": self.weights, "members": self.states}

    def restore(self, learned: dict[str, Any]) -> None:
        """Take over what `learned` returned."""
        self.weights = learned["weights"]
        self.states = learned["members"]
        for number, member in enumerate(self.members):
            member.restore_state(self.states[str(number)])


def combined(log_odds: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (B, L) weighted sums of (B, M, L) log-odds by (M + 1, L) weights."""
    sums: np.ndarray = np.einsum("bml,ml->bl", log_odds, weights[:-1]) + weights[-1]
    return sums
