"""How likely a shown suggestion is right, from its score and its rank.

The curve is fitted on what people see, the first suggestions of each validation post. Fitted over
all pairs of post and hashtag, of which nearly all are near zero, it would be right on average and
wrong wherever somebody looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tagfinder.errors import InputError
from tagfinder.files import read_json

FORMAT = 2
# Version 0.1.0 had no rank in the curve.
READABLE = (1, FORMAT)
# Suggestions that are shown for a post by default.
SHOWN = 5
# Scores closer than this to 0 or 1 count as that close.
CLOSEST = 1e-6
BINS = 15
# Slopes stay positive: a higher score or an earlier rank never means a lower probability.
SMALLEST_SLOPE = 1e-3
# Expected calibration error up to which probabilities may be taken at their word.
TRUSTED = 0.03
WITHOUT_AUTHOR = "without_author"


@dataclass(frozen=True)
class Calibration:
    """Beta calibration (Kull, Silva Filho and Flach, 2017) with a term for the rank.

    The log-odds of a suggestion with score s in [0, 1] at rank r are
    `a ln(s) - b ln(1 - s) - rank ln(r) + c`. The defaults leave scores as they are.

    Attributes:
        a: slope near 0, positive.
        b: slope near 1, positive.
        c: shift.
        rank: loss of log-odds with the logarithm of the rank, not negative.
    """

    a: float = 1.0
    b: float = 1.0
    c: float = 0.0
    rank: float = 0.0

    def probabilities(self, scores: np.ndarray, ranks: np.ndarray | None = None) -> np.ndarray:
        """Return float32 probabilities of suggestions.

        Args:
            scores: (..., K) scores, those of a post best first.
            ranks: the rank of each, from 1; None is the place in the last dimension.
        """
        if ranks is None:
            ranks = np.arange(1, scores.shape[-1] + 1)
        clipped = np.clip(scores.astype(np.float64), CLOSEST, 1 - CLOSEST)
        log_odds = self.a * np.log(clipped) - self.b * np.log1p(-clipped) + self.c
        return (1 / (1 + np.exp(self.rank * np.log(ranks) - log_odds))).astype(np.float32)


IDENTITY = Calibration()


@dataclass(frozen=True)
class Shown:
    """Suggestions as they are shown: the first of each post.

    Attributes:
        scores: (M,) float32 scores.
        ranks: (M,) ranks, from 1.
        right: (M,) bool, whether the post has the hashtag.
    """

    scores: np.ndarray
    ranks: np.ndarray
    right: np.ndarray

    @classmethod
    def of(cls, predictions: pl.DataFrame, n: int = SHOWN) -> Shown:
        """Take the first `n` suggestions of each post of a `predictions.parquet`."""
        columns = ["labels", pl.col("top_labels").list.head(n), pl.col("top_scores").list.head(n)]
        rows = (
            predictions.select(columns)
            .with_columns(rank=pl.int_ranges(1, pl.col("top_labels").list.len() + 1))
            .filter(pl.col("top_labels").list.len() > 0)
            .explode("top_labels", "top_scores", "rank")
            .with_columns(right=pl.col("labels").list.contains(pl.col("top_labels")))
        )
        return cls(*(rows[name].to_numpy() for name in ("top_scores", "rank", "right")))

    def fit(self) -> Calibration:
        """Return the curve under which what was right is most likely."""
        if self.right.all() or not self.right.any():
            return IDENTITY
        from scipy.optimize import minimize
        from scipy.special import expit, log_expit

        scores = np.clip(self.scores.astype(np.float64), CLOSEST, 1 - CLOSEST)
        ones = np.ones(len(scores))
        columns = np.stack([np.log(scores), -np.log1p(-scores), ones, -np.log(self.ranks)], axis=1)
        signs = np.where(self.right, 1.0, -1.0)

        def loss(curve: np.ndarray) -> tuple[float, np.ndarray]:
            log_odds = columns @ curve
            residuals = -signs * expit(-signs * log_odds)
            value = -float(log_expit(signs * log_odds).mean())
            return value, columns.T @ residuals / len(scores)

        bounds = [(SMALLEST_SLOPE, None), (SMALLEST_SLOPE, None), (None, None), (0.0, None)]
        best = minimize(loss, [1.0, 1.0, 0.0, 0.0], jac=True, bounds=bounds, method="L-BFGS-B")
        return Calibration(*(float(value) for value in best.x))

    def judge(self, calibration: Calibration) -> dict[str, Any]:
        """Return how well probabilities agree with the observed shares.

        Returns:
            `suggestions`, `promised` and `kept` (mean probability and share that is right), `ece`
            (expected calibration error over bins of equal width), `log_loss`, the same two means
            for first suggestions, and `bins` with these of each bin.
        """
        probabilities = calibration.probabilities(self.scores, self.ranks).astype(np.float64)
        bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
        count = np.bincount(bins, minlength=BINS)
        promised = np.bincount(bins, probabilities, BINS)
        kept = np.bincount(bins, self.right, BINS)
        total = max(len(bins), 1)
        within = np.clip(probabilities, CLOSEST, 1 - CLOSEST)
        loss = -np.where(self.right, np.log(within), np.log1p(-within)).sum() / total
        first = self.ranks == 1
        n_first = max(int(first.sum()), 1)
        return {
            "suggestions": len(bins),
            "promised": float(promised.sum() / total),
            "kept": float(kept.sum() / total),
            "first_promised": float(probabilities[first].sum() / n_first),
            "first_kept": float(self.right[first].sum() / n_first),
            "ece": float(np.abs(promised - kept).sum() / total),
            "log_loss": float(loss),
            "bins": [
                {
                    "promised": float(promised[one] / count[one]),
                    "kept": float(kept[one] / count[one]),
                    "suggestions": int(count[one]),
                }
                for one in np.flatnonzero(count)
            ],
        }


def calibrate(val: pl.DataFrame, test: pl.DataFrame | None) -> dict[str, Any]:
    """Fit the curve on rankings of the validation part and judge it on those of the test part.

    Args:
        val: as `predictions.parquet` has them.
        test: the same; None if the test part was not ranked like this.

    Returns:
        A curve with how it was fitted and how well it holds, as `calibration.json` keeps it.
    """
    fitted_on = Shown.of(val)
    curve = fitted_on.fit()
    found = {**asdict(curve), "fitted_on": "val", "val": fitted_on.judge(curve)}
    if test is None:
        return found
    judged_on = Shown.of(test)
    return found | {"test": judged_on.judge(curve), "test_before": judged_on.judge(IDENTITY)}


def verdict(of_part: Mapping[str, Mapping[str, Any]]) -> str:
    """Say in words whether probabilities hold on the test part, and what drifted where not."""
    val, test = of_part["val"], of_part["test"]
    if test["ece"] <= TRUSTED:
        return f"Expected calibration error of shown suggestions: {test['ece']:.3f}."
    return (
        f"Expected calibration error of shown suggestions: {test['ece']:.3f}, above {TRUSTED}. On "
        f"the validation part it is {val['ece']:.3f}: the test posts differ. There "
        f"{val['kept']:.1%} of the suggestions are right, here {test['kept']:.1%}, where "
        f"{test['promised']:.1%} is promised."
    )


@dataclass(frozen=True)
class Calibrations:
    """The curves of a recommender.

    Attributes:
        usual: where nothing else is said.
        without_author: where a recommender that knows authors is not told who writes.
    """

    usual: Calibration = IDENTITY
    without_author: Calibration | None = None

    def of(self, *, author_known: bool) -> Calibration:
        """Return the curve for a post."""
        return self.usual if author_known or self.without_author is None else self.without_author


def read_calibrations(file: Path) -> Calibrations:
    """Read `calibration.json`; if there is none, probabilities are the scores themselves.

    Raises:
        InputError: another version wrote the file.
    """
    if not file.is_file():
        return Calibrations()
    stored = read_json(file)
    if not isinstance(stored, dict) or stored.get("format") not in READABLE:
        raise InputError(f"{file} was written by another version of tagfinder; train again")
    hidden = stored.get(WITHOUT_AUTHOR)
    try:
        return Calibrations(_curve(stored), None if hidden is None else _curve(hidden))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{file} holds no calibration; restore it, or train again") from error


def _curve(stored: Mapping[str, Any]) -> Calibration:
    a, b, c = (float(stored[name]) for name in "abc")
    return Calibration(a, b, c, float(stored.get("rank", 0.0)))
