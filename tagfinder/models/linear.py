"""Linear classifiers over sparse features, as arrays: fitted by scikit-learn, applied by us.

scikit-learn is imported where something is fitted: recommending starts without it.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, Union

import numpy as np

from tagfinder.configuration.types import NonNegativeInt, PositiveFloat, PositiveInt, Seed
from tagfinder.errors import InputError
from tagfinder.models.activations import sigmoid, softmax
from tagfinder.models.platt import PlattScaling
from tagfinder.models.sparse_rows import SparseRows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Features: TypeAlias = Union["csr_matrix", SparseRows]
"""(N, F) float32 features, for learning and for scoring."""

# Twice as much is needed while they are learned.
MOST_WEIGHT_BYTES = 4_000_000_000
Loss = Literal["logistic", "squared_hinge"]
Solver = Literal["saga", "lbfgs"]


class Learner(Protocol):
    """Turns sparse features into scores."""

    def fit(self, features: csr_matrix, labels: csr_matrix) -> None:
        """Learn from (N, F) features and (N, L) bool labels."""

    def scores(self, features: Features) -> np.ndarray:
        """Return (N, L) scores in [0, 1]."""

    def learned(self) -> dict[str, Any]:
        """Return the fitted state: strings, numbers, lists, dicts and arrays."""

    def restore(self, learned: dict[str, Any]) -> None:
        """Take over what `learned` returned."""


class LinearLearner(ABC):
    """Weights (F, C) and intercepts (C,), float32, over F features and C classes."""

    weights: np.ndarray
    intercepts: np.ndarray

    @abstractmethod
    def fit(self, features: csr_matrix, labels: csr_matrix) -> None:
        """Learn from (N, F) features and (N, L) bool labels."""

    @abstractmethod
    def scores(self, features: Features) -> np.ndarray:
        """Return (N, L) scores in [0, 1]."""

    def margins(self, features: Features) -> np.ndarray:
        """Return (N, C) float32 distances from the separating planes."""
        margins: np.ndarray = features @ self.weights + self.intercepts
        return margins

    def learned(self) -> dict[str, Any]:
        """Return weights and intercepts."""
        return {"weights": self.weights, "intercepts": self.intercepts}

    def restore(self, learned: dict[str, Any]) -> None:
        """Take over what `learned` returned."""
        self.weights = learned["weights"]
        self.intercepts = learned["intercepts"]


class LabelPowerset(LinearLearner):
    """One class for each set of hashtags seen together, by multinomial logistic regression.

    A hashtag's score is the probability of all the sets that hold it (report 3.2.1).

    Args:
        C: inverse strength of the l2 penalty.
        max_iterations: most iterations of the solver.
        min_posts: fewest training posts of a set; the posts of rarer sets are added to the classes
            of their single hashtags instead, so that the number of classes stays moderate.
        solver: `saga` (stochastic; an iteration is a pass over the posts, and a dozen are enough)
            or `lbfgs` (the report's; needs about ten times as long for the same score).
        tolerance: at which the solver stops.
        seed: decides the order in which `saga` reads the posts.
    """

    def __init__(
        self,
        *,
        C: PositiveFloat = 10.0,  # noqa: N803
        max_iterations: PositiveInt = 15,
        min_posts: NonNegativeInt = 1,
        solver: Solver = "saga",
        tolerance: PositiveFloat = 1e-3,
        seed: Seed = 1,
    ) -> None:
        self.min_posts = min_posts
        self.settings = {
            "C": C,
            "max_iter": max_iterations,
            "solver": solver,
            "tol": tolerance,
            "random_state": seed,
        }

    def fit(self, features: csr_matrix, labels: csr_matrix) -> None:
        """Learn the classes and their weights."""
        rows, classes, members = powerset_classes(labels, self.min_posts)
        self.members = members
        if len(members) == 1:
            self.weights = np.zeros((features.shape[1], 1), np.float32)
            self.intercepts = np.zeros(1, np.float32)
            return
        from sklearn.linear_model import LogisticRegression

        model = _fitted(LogisticRegression(**self.settings), features[rows], classes)
        self.weights, self.intercepts = _as_matrices(model.coef_, model.intercept_)

    def scores(self, features: Features) -> np.ndarray:
        """Return (N, L) probabilities."""
        probabilities: np.ndarray = softmax(self.margins(features)) @ self.members
        return probabilities

    def learned(self) -> dict[str, Any]:
        """Return weights, intercepts and the hashtags of each class."""
        return {**super().learned(), "members": self.members}

    def restore(self, learned: dict[str, Any]) -> None:
        """Take over what `learned` returned."""
        super().restore(learned)
        self.members = learned["members"]


def powerset_classes(
    labels: csr_matrix, min_posts: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make one class of each set of labels that `min_posts` posts have.

    Args:
        labels: (N, L) bool.
        min_posts: fewest posts of a set with several labels.

    Returns:
        (M,) rows of posts, (M,) their classes, and (C, L) float32 labels of each class. A post with
        a rare set comes once for each of its labels.
    """
    sets = [
        tuple(labels.indices[a:b]) for a, b in zip(labels.indptr, labels.indptr[1:], strict=False)
    ]
    counts: dict[tuple[int, ...], int] = {}
    for labels_of_post in sets:
        counts[labels_of_post] = counts.get(labels_of_post, 0) + 1
    rows, chosen = [], []
    for row, labels_of_post in enumerate(sets):
        common = len(labels_of_post) <= 1 or counts[labels_of_post] >= min_posts
        for one in [labels_of_post] if common else [(label,) for label in labels_of_post]:
            if one:
                rows.append(row)
                chosen.append(one)
    number = {labels_of_class: i for i, labels_of_class in enumerate(sorted(set(chosen)))}
    members = np.zeros((len(number), labels.shape[1]), dtype=np.float32)
    for labels_of_class, i in number.items():
        members[i, list(labels_of_class)] = 1.0
    return np.array(rows), np.array([number[one] for one in chosen]), members


class OneVsRest(LinearLearner):
    """One binary classifier for each hashtag.

    Hashtags are learned one after the other. liblinear, which fits the support vector machine, has
    one random generator for the process, so threads would make runs unrepeatable.

    Args:
        loss: `logistic` or `squared_hinge` (a linear support vector machine, whose margins are
            turned into probabilities by one Platt scaling for all hashtags).
        C: inverse strength of the l2 penalty.
        max_iterations: most iterations of the solver for one hashtag.
        tolerance: at which the solver stops.
        intercept: also learn an intercept. Margins of a support vector machine hardly gain from
            it on sparse features, while liblinear's dual solver takes twice as long or more.
        calibration_labels: hashtags, from the most frequent to the rarest, on which the Platt
            scaling is fitted.
        seed: decides the order in which the solver reads the posts.
    """

    def __init__(
        self,
        *,
        loss: Loss = "logistic",
        C: PositiveFloat = 10.0,  # noqa: N803
        max_iterations: PositiveInt = 15,
        tolerance: PositiveFloat = 1e-3,
        intercept: bool = True,
        calibration_labels: PositiveInt = 10,
        seed: Seed = 1,
    ) -> None:
        self.loss = loss
        self.calibration_labels = calibration_labels
        self.settings = {
            "C": C,
            "max_iter": max_iterations,
            "tol": tolerance,
            "fit_intercept": intercept,
            "random_state": seed,
        }
        self.scaling = PlattScaling()

    def fit(self, features: csr_matrix, labels: csr_matrix) -> None:
        """Learn one column of weights for each label, and the scale of the margins."""
        if self.loss == "squared_hinge":
            features = features.astype(np.float64)  # once; liblinear would convert at each label
            self._fit_scaling(features, labels)
        self._fit_labels(features, labels, "one-vs-rest")

    def _fit_labels(self, features: csr_matrix, labels: csr_matrix, description: str) -> None:
        from tagfinder.progress import track

        _refuse_large_weights(labels.shape[1], features.shape[1])
        weights = np.zeros((labels.shape[1], features.shape[1]), dtype=np.float32)
        # A hashtag without a training post is never suggested.
        self.intercepts = np.full(labels.shape[1], -np.inf, dtype=np.float32)
        columns = labels.tocsc()
        for label in track(range(labels.shape[1]), description):
            positive = columns[:, [label]].toarray().ravel()
            if positive.all():
                self.intercepts[label] = np.inf
            elif positive.any():
                model = self._fit_one(features, positive)
                weights[label] = model.coef_[0]
                self.intercepts[label] = np.ravel(model.intercept_)[0]
        self.weights = np.ascontiguousarray(weights.T)

    def _fit_one(self, features: csr_matrix, positive: np.ndarray) -> Any:
        from sklearn.linear_model import LogisticRegression
        from sklearn.svm import LinearSVC

        model = (
            LinearSVC(**self.settings)
            if self.loss == "squared_hinge"
            else LogisticRegression(solver="saga", **self.settings)
        )
        return _fitted(model, features, positive)

    def _fit_scaling(self, features: csr_matrix, labels: csr_matrix) -> None:
        """Fit the scale on posts that were held out: margins of learned posts are too large."""
        held_out = np.arange(features.shape[0]) % 5 == 0
        counts = labels[~held_out].getnnz(axis=0)
        by_frequency = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        n_chosen = min(self.calibration_labels, len(by_frequency))
        spread = np.linspace(0, len(by_frequency) - 1, n_chosen).astype(int)
        labels = labels[:, by_frequency[spread]]
        self._fit_labels(features[~held_out], labels[~held_out], "calibration")
        margins = self.margins(features[held_out])
        self.scaling = PlattScaling.fitted(margins, labels[held_out].toarray())

    def scores(self, features: Features) -> np.ndarray:
        """Return (N, L) probabilities."""
        scores: np.ndarray = sigmoid(self.scaling.apply(self.margins(features)))
        return scores

    def learned(self) -> dict[str, Any]:
        """Return weights, intercepts and the scale of the margins."""
        return {**super().learned(), "slope": self.scaling.slope, "offset": self.scaling.offset}

    def restore(self, learned: dict[str, Any]) -> None:
        """Take over what `learned` returned."""
        super().restore(learned)
        self.scaling = PlattScaling(learned["slope"], learned["offset"])


def _refuse_large_weights(n_labels: int, n_features: int) -> None:
    size = n_labels * n_features * np.dtype(np.float32).itemsize
    if size > MOST_WEIGHT_BYTES:
        raise InputError(
            f"weights of {n_labels:,} hashtags by {n_features:,} n-grams would take "
            f"{size / 1e9:.1f} GB of memory, more than {MOST_WEIGHT_BYTES / 1e9:.0f} GB; choose "
            "fewer (selection.top_n, model.max_features) or model=omikuji"
        )


def _fitted(model: Any, features: csr_matrix, classes: np.ndarray) -> Any:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # The number of iterations is a setting; the solver need not converge.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, classes)


def _as_matrices(coefficients: np.ndarray, intercepts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(coefficients) == 1:  # scikit-learn keeps one row for two classes
        coefficients = np.vstack([-coefficients[0], coefficients[0]]) / 2
        intercepts = np.array([-intercepts[0], intercepts[0]]) / 2
    weights = np.ascontiguousarray(coefficients.T, dtype=np.float32)
    return weights, intercepts.astype(np.float32)
