"""Thresholds from which on a label counts as given, tuned on the validation part.

One for all labels maximises micro F1. One for each label maximises its own F1 and is drawn towards
the global one, the more the fewer posts have the label: in log-odds, its own weighs
`n / (n + SHRINKAGE)` for n validation posts. Tuning sees counts of binned scores only
(`ScoreHistograms`), and a threshold is always the lower edge of a bin, so that counts are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tagfinder.evaluation.bins import ScoreBins
from tagfinder.evaluation.metrics import precision_recall_f1
from tagfinder.files import write_json

FORMAT = 1
SHRINKAGE = 20.0


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of one run.

    Attributes:
        fixed: the threshold of the run's scores, the report's 0.3 by default.
        overall: one for all labels, tuned.
        per_label: (L,) one for each label, tuned and shrunk towards `overall`.
    """

    fixed: float
    overall: float
    per_label: np.ndarray

    def save(self, file: Path, hashtags: list[str], effect: dict[str, Any]) -> None:
        """Write plain JSON: thresholds, how they were found, and their effect on F1."""
        per_label = dict(zip(hashtags, self.per_label.tolist(), strict=True))
        content = {
            "format": FORMAT,
            "fitted_on": "val",
            "objective": "micro F1 for the global one, each label's F1 for its own",
            "shrinkage": SHRINKAGE,
            "fixed": self.fixed,
            "global": self.overall,
            "per_label": per_label,
            "effect": effect,
        }
        write_json(file, content)


def tune(histograms: Tensor, fixed: float) -> Thresholds:
    """Tune thresholds on the validation part.

    Args:
        histograms: (2, L, bins) int64, posts without and with each label by the bin of its score,
            worst first.
        fixed: the threshold that the run has been scored with so far.
    """
    bins = ScoreBins.for_labels(histograms.shape[1])
    edges = bins.edges()
    best = _middle_of_best(_f1_by_bin(histograms.sum(1, keepdim=True)))[0]
    overall = edges[best]
    own = edges[_middle_of_best(_f1_by_bin(histograms))]
    support = histograms[1].sum(1)
    weight = support / (support + SHRINKAGE)
    inside = (float(edges[1]), float(edges[-2]))  # log-odds of 0 and 1 are infinite
    log_odds = [values.double().clamp(*inside).logit() for values in (own, overall)]
    shrunk = (weight * log_odds[0] + (1 - weight) * log_odds[1]).sigmoid()
    return Thresholds(fixed, float(overall), edges[bins.of(shrunk)].double().numpy())


def f1_scores(histograms: Tensor, thresholds: np.ndarray | float) -> dict[str, float]:
    """Return `micro_f1` and `macro_f1` where labels are given from thresholds on.

    Args:
        histograms: as in `tune`.
        thresholds: one for all labels or (L,); between two edges the lower one counts.
    """
    n_labels = histograms.shape[1]
    given = torch.as_tensor(thresholds, dtype=torch.float32).expand(n_labels)
    from_bin = ScoreBins.for_labels(n_labels).of(given)
    inside = torch.arange(histograms.shape[2]) >= from_bin[:, None]
    false, found = (histograms * inside).sum(2)
    counts = torch.stack([found, found + false, histograms[1].sum(1)])
    return {
        "micro_f1": float(precision_recall_f1(*counts.sum(1)).f1),
        "macro_f1": float(precision_recall_f1(*counts).f1.mean()),
    }


def effect(
    thresholds: Thresholds, histograms: Tensor, at_fixed: dict[str, Any]
) -> dict[str, dict[str, float]]:
    """Return F1 at the fixed, the global and the labels' own thresholds.

    Args:
        thresholds: the thresholds.
        histograms: as in `tune`, of any part.
        at_fixed: scores of that part at the fixed threshold, counted without bins.
    """
    return {
        "fixed": {name: float(at_fixed[name]) for name in ("micro_f1", "macro_f1")},
        "global": f1_scores(histograms, thresholds.overall),
        "per_label": f1_scores(histograms, thresholds.per_label),
    }


def _f1_by_bin(histograms: Tensor) -> Tensor:
    """Return (L, bins) F1 of each label if it is assigned from that bin on."""
    false, found = histograms.flip(2).cumsum(2).flip(2)
    return precision_recall_f1(found, found + false, histograms[1].sum(1, keepdim=True)).f1


def _middle_of_best(f1: Tensor) -> Tensor:
    """Return the (L,) middle of the bins whose F1 is the best: it says most about new posts."""
    is_best = f1 == f1.amax(1, keepdim=True)
    rank = is_best.cumsum(1)
    middle = (rank[:, -1:] + 1) // 2
    return ((rank == middle) & is_best).int().argmax(1)
