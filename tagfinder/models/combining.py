"""Weights under which several recommenders rank best together, learned on held-out posts."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import log_softmax, softmax
from sklearn.metrics import ndcg_score

from tagfinder.models.combined import combined
from tagfinder.models.platt import PlattScaling

logger = logging.getLogger(__name__)

# How firmly a hashtag's own weights are drawn to those of all; None gives it none of its own.
PENALTIES = (None, 1.0, 0.3, 0.1, 0.03, 0.01)
FOLDS = 5
ITERATIONS = 200


@dataclass(frozen=True)
class Combination:
    """The learned weights, and their effect on the scores.

    Attributes:
        weights: (M + 1, L) float32, as `CombinedRecommender.weights`.
        penalty: which of `PENALTIES` was best.
        held_out: NDCG@5 on held-out folds, by what was tried: `mean` and each penalty.
    """

    weights: np.ndarray
    penalty: float | None
    held_out: dict[str, float]


def learn_weights(log_odds: np.ndarray, labels: csr_matrix) -> Combination:
    """Learn weights for the best NDCG@5.

    The loss is the cross entropy of the softmax over a post's hashtags, which bounds NDCG (Bruch
    and others, "An analysis of the softmax cross entropy loss for learning-to-rank", 2019). How
    much a hashtag's weights may differ from those of all is decided by NDCG@5 on folds that were
    held out; of nearly equal penalties the firmest is taken.

    Args:
        log_odds: (N, M, L) of posts that no member has learned from.
        labels: (N, L) bool.
    """
    tagged = labels.getnnz(axis=1) > 0
    log_odds, labels = log_odds[tagged], labels[tagged]
    folds = np.arange(len(log_odds)) % FOLDS
    equal = np.full(log_odds.shape[1:], 1 / log_odds.shape[1], np.float32)
    mean = ndcg(combined(log_odds, _with_shift(equal)), labels)
    held_out = {"mean": mean}
    scores = {}
    for penalty in PENALTIES:
        scores[penalty] = float(np.mean(list(_trials(log_odds, labels, folds, penalty))))
        held_out["one weight a member" if penalty is None else f"penalty {penalty}"] = scores[
            penalty
        ]
    for name, score in held_out.items():
        logger.info("NDCG@5 %.4f on held-out validation posts with %s", score, name)
    best = max(scores.values())
    penalty = next(one for one in PENALTIES if scores[one] >= best - _spread(len(log_odds)))
    weights = _learned(log_odds, labels, penalty)
    # Ranking is settled; one line for all makes the sums log-odds again.
    scaling = PlattScaling.fitted(combined(log_odds, weights), labels.toarray())
    weights *= scaling.slope
    weights[-1] += scaling.offset
    return Combination(weights.astype(np.float32), penalty, held_out)


def _spread(n: int) -> float:
    """Return a difference of mean NDCG that n posts hardly tell from none."""
    return 0.05 / np.sqrt(max(n, 1))


def _trials(
    log_odds: np.ndarray, labels: csr_matrix, folds: np.ndarray, penalty: float | None
) -> Iterator[float]:
    for fold in range(FOLDS):
        held_out = folds == fold
        if held_out.any() and not held_out.all():
            weights = _learned(log_odds[~held_out], labels[~held_out], penalty)
            yield ndcg(combined(log_odds[held_out], weights), labels[held_out])


def _learned(log_odds: np.ndarray, labels: csr_matrix, penalty: float | None) -> np.ndarray:
    """Return (M + 1, L) weights: one row of all hashtags and the deviations of each."""
    n, n_members, n_labels = log_odds.shape
    truth = labels.toarray().astype(np.float64)
    targets = truth / truth.sum(axis=1, keepdims=True)
    n_own = 0 if penalty is None else (n_members + 1) * n_labels

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        shared, own = parameters[:n_members], parameters[n_members:]
        deviations = own.reshape(-1, n_labels) if n_own else np.zeros((n_members + 1, n_labels))
        weights = deviations.copy()
        weights[:-1] += shared[:, None]
        sums = combined(log_odds, weights)
        value = -float((targets * log_softmax(sums, axis=1)).sum()) / n
        residuals = (softmax(sums, axis=1) - targets) / n
        gradient = np.einsum("bml,bl->ml", log_odds, residuals)
        slopes = [gradient.sum(axis=1)]
        if penalty is not None:
            value += penalty / n_labels * float((deviations**2).sum()) / 2
            own_slopes = np.vstack([gradient, residuals.sum(axis=0)])
            slopes.append((own_slopes + penalty / n_labels * deviations).ravel())
        return value, np.concatenate(slopes)

    start = np.concatenate([np.full(n_members, 1 / n_members), np.zeros(n_own)])
    # A member that is right more often when it says less would only be luck.
    bounds = [(0.0, None)] * n_members + [(None, None)] * n_own
    options = {"maxiter": ITERATIONS}
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options=options).x
    own = found[n_members:].reshape(-1, n_labels) if n_own else np.zeros((n_members + 1, n_labels))
    weights = own.copy()
    weights[:-1] += found[:n_members, None]
    return weights


def ndcg(scores: np.ndarray, labels: csr_matrix, k: int = 5) -> float:
    """Return the mean NDCG@k of (N, L) scores; models do not know the evaluator."""
    return float(ndcg_score(labels.toarray(), scores, k=k, ignore_ties=True))


def _with_shift(of_members: np.ndarray) -> np.ndarray:
    return np.concatenate([of_members, np.zeros((1, of_members.shape[1]), of_members.dtype)])
