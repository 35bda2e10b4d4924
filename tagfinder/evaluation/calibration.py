"""Scores as probabilities: one increasing curve for all hashtags, so that no ranking changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit

from tagfinder.errors import InputError
from tagfinder.files import read_json

FORMAT = 1
# Scores closer than this to 0 or 1 count as that close.
CLOSEST = 1e-6
BINS = 2000
PROBABILITY_BINS = 15
# Slopes stay positive: a higher score never means a lower probability.
SMALLEST_SLOPE = 1e-3


@dataclass(frozen=True)
class Calibration:
    """Beta calibration (Kull, Silva Filho and Flach, 2017) with increasing slopes.

    The log-odds of the probability are `a ln(s) - b ln(1 - s) + c` for a score s in [0, 1]. As it
    stands, it leaves scores as they are.

    Attributes:
        a: slope near 0, positive.
        b: slope near 1, positive.
        c: shift.
    """

    a: float = 1.0
    b: float = 1.0
    c: float = 0.0

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 of the same shape, that scores stand for."""
        clipped = np.clip(scores.astype(np.float64), CLOSEST, 1 - CLOSEST)
        log_odds = self.a * np.log(clipped) - self.b * np.log1p(-clipped) + self.c
        return np.asarray(expit(log_odds), dtype=np.float32)


IDENTITY = Calibration()


class ScoreCounts:
    """How many pairs of post and hashtag have which score, and how many of them are true.

    Attributes:
        scores: (BINS,) scores that the bins stand for, evenly spaced in log-odds.
        true: (BINS,) pairs where the post has the hashtag.
        false: (BINS,) pairs where it has not.
    """

    def __init__(self) -> None:
        self._edges = np.linspace(logit(CLOSEST), logit(1 - CLOSEST), BINS + 1)
        self.scores = expit((self._edges[:-1] + self._edges[1:]) / 2)
        self.true = np.zeros(BINS)
        self.false = np.zeros(BINS)

    def add(self, scores: np.ndarray, truth: np.ndarray) -> None:
        """Count scores in [0, 1] and their bool truth, of any shape."""
        log_odds = logit(np.clip(scores.astype(np.float64), CLOSEST, 1 - CLOSEST))
        bins = np.clip(np.searchsorted(self._edges, log_odds, side="right") - 1, 0, BINS - 1)
        self.true += np.bincount(bins[truth], minlength=BINS)
        self.false += np.bincount(bins[~truth], minlength=BINS)

    def fit(self) -> Calibration:
        """Return the curve under which the truth is most likely."""
        if not self.true.any() or not self.false.any():
            return IDENTITY
        columns = np.stack([np.log(self.scores), -np.log1p(-self.scores), np.ones(BINS)], axis=1)
        total = self.true.sum() + self.false.sum()

        def loss(curve: np.ndarray) -> tuple[float, np.ndarray]:
            log_odds = columns @ curve
            value = -(self.true @ log_expit(log_odds) + self.false @ log_expit(-log_odds))
            residuals = self.false * expit(log_odds) - self.true * expit(-log_odds)
            return value / total, columns.T @ residuals / total

        bounds = [(SMALLEST_SLOPE, None), (SMALLEST_SLOPE, None), (None, None)]
        best = minimize(loss, [1.0, 1.0, 0.0], jac=True, bounds=bounds, method="L-BFGS-B")
        return Calibration(*(float(value) for value in best.x))

    def errors(self, calibration: Calibration) -> dict[str, float]:
        """Return expected calibration error (15 bins of equal width) and log loss."""
        probabilities = calibration.probabilities(self.scores).astype(np.float64)
        pairs = self.true + self.false
        bins = np.minimum((probabilities * PROBABILITY_BINS).astype(int), PROBABILITY_BINS - 1)
        gaps = np.bincount(bins, probabilities * pairs - self.true, PROBABILITY_BINS)
        kept = np.clip(probabilities, CLOSEST, 1 - CLOSEST)
        loss = -(self.true @ np.log(kept) + self.false @ np.log1p(-kept))
        total = max(pairs.sum(), 1)
        return {"ece": float(np.abs(gaps).sum() / total), "log_loss": float(loss / total)}


def read_calibration(file: Path) -> Calibration:
    """Read `calibration.json`; if there is none, probabilities are the scores themselves.

    Raises:
        InputError: another version wrote the file.
    """
    if not file.is_file():
        return IDENTITY
    stored = read_json(file)
    if stored.get("format") != FORMAT:
        raise InputError(f"{file} was written by another version of tagfinder; train again")
    return Calibration(stored["a"], stored["b"], stored["c"])
