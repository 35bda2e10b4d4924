"""Linear classifiers over sparse features, as arrays: fitted by scikit-learn, applied by us."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from tagfinder.progress import track


class LinearLearner(ABC):
    """Weights (F, C) and intercepts (C,) over F features and C classes."""

    weights: np.ndarray
    intercepts: np.ndarray

    @abstractmethod
    def fit(self, features: csr_matrix, labels: csr_matrix) -> None:
        """Learn from (N, F) features and (N, L) bool labels."""

    @abstractmethod
    def scores(self, features: csr_matrix) -> np.ndarray:
        """Return (N, L) scores in [0, 1]."""

    def margins(self, features: csr_matrix) -> np.ndarray:
        """Return (N, C) float32 distances from the separating planes."""
        margins: np.ndarray = features @ self.weights + self.intercepts
        return margins

    def learned(self) -> dict[str, Any]:
        """Return weights and intercepts as tensors."""
        return {
            "weights": torch.from_numpy(self.weights),
            "intercepts": torch.from_numpy(self.intercepts),
        }

    def restore(self, learned: dict[str, Any]) -> None:
        """Take over what `learned` returned."""
        self.weights = learned["weights"].numpy()
        self.intercepts = learned["intercepts"].numpy()


class LabelPowerset(LinearLearner):
    """One class for each set of hashtags seen together, by multinomial logistic regression.

    A hashtag's score is the probability of all the sets that hold it (report 3.2.1).

    Args:
        C: inverse strength of the l2 penalty.
        max_iterations: most iterations of the solver.
        min_posts: fewest training posts of a set; the posts of rarer sets stand in the classes
            of their single hashtags instead, so that the number of classes stays moderate.
    """

    def __init__(self, C: float = 10.0, max_iterations: int = 100, min_posts: int = 1) -> None:  # noqa: N803
        self.C = C
        self.max_iterations = max_iterations
        self.min_posts = min_posts

    def fit(self, features: csr_matrix, labels: csr_matrix) -> None:
        """Learn the classes and their weights."""
        rows, classes, members = powerset_classes(labels, self.min_posts)
        self.members = members
        if len(members) == 1:
            self.weights = np.zeros((features.shape[1], 1), np.float32)
            self.intercepts = np.zeros(1, np.float32)
            return
        model = LogisticRegression(C=self.C, max_iter=self.max_iterations)
        with warnings.catch_warnings():
            # The report stops at 100 iterations whether or not the solver has converged.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features[rows], classes)
        self.weights, self.intercepts = _as_matrices(model.coef_, model.intercept_)

    def scores(self, features: csr_matrix) -> np.ndarray:
        """Return (N, L) probabilities."""
        probabilities: np.ndarray = softmax(self.margins(features), axis=1) @ self.members
        return probabilities

    def learned(self) -> dict[str, Any]:
        """Return weights, intercepts and the hashtags of each class."""
        return {**super().learned(), "members": torch.from_numpy(self.members)}

    def restore(self, learned: dict[str, Any]) -> None:
        """Take over what `learned` returned."""
        super().restore(learned)
        self.members = learned["members"].numpy()


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

    Args:
        loss: `logistic` (probabilities) or `squared_hinge` (a linear support vector machine, whose
            margins are put through a sigmoid: right in order, not calibrated).
        C: inverse strength of the l2 penalty.
        max_iterations: most iterations of the solver for one hashtag.
        margin_scale: steepness of the sigmoid over the margins; 1 for `logistic`.
    """

    def __init__(
        self,
        loss: str = "logistic",
        C: float = 10.0,  # noqa: N803
        max_iterations: int = 100,
        margin_scale: float = 1.0,
    ) -> None:
        self.loss = loss
        self.C = C
        self.max_iterations = max_iterations
        self.margin_scale = margin_scale

    def fit(self, features: csr_matrix, labels: csr_matrix) -> None:
        """Learn one column of weights for each label."""
        by_label = labels.tocsc()
        n_labels = labels.shape[1]
        self.weights = np.zeros((features.shape[1], n_labels), dtype=np.float32)
        # A hashtag without a training post is never suggested.
        self.intercepts = np.full(n_labels, -np.inf, dtype=np.float32)
        for label in track(range(n_labels), "one-vs-rest"):
            positive = np.zeros(labels.shape[0], dtype=bool)
            positive[by_label.indices[by_label.indptr[label] : by_label.indptr[label + 1]]] = True
            if positive.all():
                self.intercepts[label] = np.inf
            elif positive.any():
                model = self._classifier().fit(features, positive)
                self.weights[:, label] = model.coef_[0]
                self.intercepts[label] = model.intercept_[0]

    def _classifier(self) -> LogisticRegression | LinearSVC:
        if self.loss == "squared_hinge":
            return LinearSVC(C=self.C, max_iter=self.max_iterations)
        return LogisticRegression(C=self.C, max_iter=self.max_iterations)

    def scores(self, features: csr_matrix) -> np.ndarray:
        """Return (N, L) probabilities, or margins on a scale from 0 to 1."""
        scores: np.ndarray = expit(self.margin_scale * self.margins(features))
        return scores


def _as_matrices(coefficients: np.ndarray, intercepts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(coefficients) == 1:  # scikit-learn keeps one row for two classes
        coefficients = np.vstack([-coefficients[0], coefficients[0]]) / 2
        intercepts = np.array([-intercepts[0], intercepts[0]]) / 2
    weights = np.ascontiguousarray(coefficients.T, dtype=np.float32)
    return weights, intercepts.astype(np.float32)
