"""Settings of a learner chosen on training posts that were held out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.metrics import ndcg_score

from tagfinder.errors import InputError
from tagfinder.models.linear import Learner
from tagfinder.progress import track

logger = logging.getLogger(__name__)


class GridSearch:
    """Tries every combination of some settings and learns anew with the best, by NDCG@5.

    Only training posts are looked at, so that the validation part can still judge the result.

    Args:
        learner: makes a learner of settings.
        settings: setting -> values to try.
        folds: parts of equal size that the training posts are cut into, at least 2.
        rounds: how many of the parts are held out, one at a time; 1 is a single held-out share,
            `folds` is cross-validation.

    Raises:
        InputError: no settings to try, or `folds` and `rounds` do not fit together.
    """

    def __init__(
        self,
        learner: Callable[..., Learner],
        settings: Mapping[str, Sequence[Any]],
        folds: int = 5,
        rounds: int = 1,
    ) -> None:
        if not 1 <= rounds <= folds or folds < 2:
            raise InputError(
                f"model.learner.rounds={rounds} of model.learner.folds={folds} cannot be held out; "
                "take at least 2 folds and between 1 and as many rounds"
            )
        self.candidates = [dict(zip(settings, values)) for values in product(*settings.values())]  # noqa: B905
        if not settings or not self.candidates:
            raise InputError("model.learner.settings names nothing to try; give it {C: [1, 10]}")
        self.learner = learner
        self.folds = folds
        self.rounds = rounds

    def fit(self, features: csr_matrix, labels: csr_matrix) -> None:
        """Try, choose, and learn from all posts."""
        trials = list(product(range(len(self.candidates)), range(self.rounds)))
        scores = np.zeros((len(self.candidates), self.rounds))
        for candidate, held_out in track(trials, "grid search"):
            scores[candidate, held_out] = self._trial(candidate, held_out, features, labels)
        means = scores.mean(axis=1)
        for settings, mean in zip(self.candidates, means, strict=True):
            logger.info("NDCG@5 %.4f on held-out training posts with %s", mean, settings)
        self.chosen = self.candidates[int(means.argmax())]
        logger.info("chosen: %s", self.chosen)
        self.best = self.learner(**self.chosen)
        self.best.fit(features, labels)

    def _trial(
        self, candidate: int, held_out: int, features: csr_matrix, labels: csr_matrix
    ) -> float:
        rows = np.arange(features.shape[0]) % self.folds == held_out
        learner = self.learner(**self.candidates[candidate])
        learner.fit(features[~rows], labels[~rows])
        return ndcg(learner.scores(features[rows]), labels[rows])

    def scores(self, features: csr_matrix) -> np.ndarray:
        """Return the best learner's (N, L) scores."""
        return self.best.scores(features)

    def learned(self) -> dict[str, Any]:
        """Return the chosen settings and what was learned with them."""
        return {"chosen": self.chosen, "best": self.best.learned()}

    def restore(self, learned: dict[str, Any]) -> None:
        """Take over what `learned` returned."""
        self.chosen = learned["chosen"]
        self.best = self.learner(**self.chosen)
        self.best.restore(learned["best"])


def ndcg(scores: np.ndarray, labels: csr_matrix, k: int = 5) -> float:
    """Return the mean NDCG@k of (N, L) scores over the posts that have labels.

    The evaluator's definition, by scikit-learn: models do not know the evaluator.
    """
    tagged = labels.getnnz(axis=1) > 0
    truth = labels[tagged].toarray()
    return float(ndcg_score(truth, scores[tagged], k=k, ignore_ties=True))
