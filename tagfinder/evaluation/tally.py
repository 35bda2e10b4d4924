"""All scores of one part of a corpus, added up block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import torch
from torch import Tensor

from tagfinder.evaluation import metrics
from tagfinder.evaluation.accumulators import LabelCounts, MeanScores, ScoreHistograms
from tagfinder.evaluation.rankings import PADDING, hits, true_ranks
from tagfinder.evaluation.step_outputs import Scored, SparseScores

KINDS = ("precision", "recall", "f1")
NEED_WHOLE_RANKING = ("mrr", "lrap")
"""Scores that need the rank of every label: left out where only the best ones have a score."""
NEED_ALL_SCORES = (
    *NEED_WHOLE_RANKING,
    *(f"{mean}_{kind}" for mean in ("micro", "macro", "samples") for kind in KINDS),
    "macro_auc",
    "macro_average_precision",
)
"""Scores that need every label's score: left out if there is no closed label set."""


@dataclass(frozen=True)
class Results:
    """The scores of one part.

    Attributes:
        scores: by metric name, NaN if no row takes part.
        counts: `n` (rows with a label in the set: the ones that are scored), `n_without_labels`,
            `n_without_hits@k`, with open scoring `open_n` (posts with any hashtag).
        per_label: one row for each label, or None if there is no closed label set.
        not_measured: names of the scores that were left out.
    """

    scores: dict[str, float]
    counts: dict[str, int]
    per_label: pl.DataFrame | None
    not_measured: tuple[str, ...]


class Tally:
    """Adds up the scores of rows as they come; only sums are kept.

    Args:
        ks: ranks at which rankings are scored.
        threshold: a label counts as given where its score is at least this.
        with_open: whether every tagged post is judged too, a hashtag outside the set as a miss.
        n_labels: size of the closed label set, None if there is none.
        device: where the sums live: that of the scores.
        sparse: whether only the best labels of a row have a score.
    """

    def __init__(
        self,
        ks: Sequence[int],
        threshold: float,
        with_open: bool,
        n_labels: int | None,
        device: torch.device | str = "cpu",
        *,
        sparse: bool = False,
    ) -> None:
        self.ks, self.threshold, self.with_open, self.n_labels = ks, threshold, with_open, n_labels
        self.sparse = sparse
        nothing = _no_rows(n_labels, sparse)
        self._means = MeanScores(list(self._row_scores(nothing)))
        self._counts = LabelCounts(n_labels or 0)
        self._histograms = ScoreHistograms(n_labels or 0)
        self.update(nothing)  # a process without rows has its (empty) sums to add
        for metric in (self._means, self._counts, self._histograms):
            metric.to(device)

    def update(self, block: Scored) -> None:
        """Add a block of rows."""
        self._means.update(self._row_scores(block))
        if block.scores is not None:
            covered = block.n_labels > 0
            scores, labels = block.scores[covered], block.labels[covered]
            if isinstance(scores, SparseScores):
                self._counts.update(scores.given(self.threshold), labels)
            else:
                self._counts.update(scores >= self.threshold, labels)
            self._histograms.update(scores, labels)

    def compute(self) -> Results:
        """Return the scores over all processes; every process has to call it."""
        scores, took_part, n_rows = self._means.compute()
        counts = self._row_counts(took_part, n_rows)
        if self.n_labels is None:
            return Results(scores, counts, None, NEED_ALL_SCORES)
        per_label_counts = self._counts.compute()
        per_label = _per_label(per_label_counts, self._histograms.compute())
        scores |= _over_labels(per_label_counts, per_label)
        return Results(scores, counts, per_label, NEED_WHOLE_RANKING if self.sparse else ())

    def _row_scores(self, block: Scored) -> dict[str, Tensor]:
        found, n_labels = hits(block.top_labels, block.labels), block.n_labels
        scores = metrics.ranking_scores(found, n_labels, self.ks)
        scores |= metrics.report_scores(found, n_labels, self.ks)
        if isinstance(block.scores, SparseScores):
            scores |= self._threshold_scores(block.scores, block.labels)
        elif block.scores is not None:
            scores |= self._whole_ranking_scores(block.scores, block.labels)
        if self.with_open:
            scores |= metrics.open_scores(found, n_labels, block.n_hashtags, self.ks)
        return scores

    def _whole_ranking_scores(self, scores: Tensor, labels: Tensor) -> dict[str, Tensor]:
        ranks = true_ranks(scores, labels)
        predicted, true = scores >= self.threshold, labels != PADDING
        found = predicted.gather(1, labels.clamp(min=0)) & true
        at_threshold = metrics.precision_recall_f1(found.sum(1), predicted.sum(1), true.sum(1))
        values = {"mrr": 1 / ranks.amin(1), "lrap": metrics.label_ranking_average_precision(ranks)}
        values |= {f"samples_{kind}": getattr(at_threshold, kind) for kind in KINDS}
        return metrics.masked(values, ~true.any(1))

    def _threshold_scores(self, scores: SparseScores, labels: Tensor) -> dict[str, Tensor]:
        given, true = scores.given(self.threshold), labels != PADDING
        n_given, n_found = (given != PADDING).sum(1), hits(given, labels).sum(1)
        at_threshold = metrics.precision_recall_f1(n_found, n_given, true.sum(1))
        values = {f"samples_{kind}": getattr(at_threshold, kind) for kind in KINDS}
        return metrics.masked(values, ~true.any(1))

    def _row_counts(self, took_part: dict[str, int], n_rows: int) -> dict[str, int]:
        n = took_part[f"ndcg@{self.ks[0]}"]
        counts = {"n": n, "n_without_labels": n_rows - n}
        counts |= {f"n_without_hits@{k}": n - took_part[f"report_map@{k}"] for k in self.ks}
        return counts | ({"open_n": took_part["coverage"]} if self.with_open else {})


def _per_label(counts: Tensor, histograms: Tensor) -> pl.DataFrame:
    found, predicted, support = counts
    negatives, positives = histograms
    at_threshold = metrics.precision_recall_f1(found, predicted, support)
    columns = {
        "index": torch.arange(len(support)),
        "support": support,
        "true_positives": found,
        "false_positives": predicted - found,
        "false_negatives": support - found,
        **at_threshold._asdict(),
        "auc": metrics.roc_auc(negatives, positives),
        "average_precision": metrics.binned_average_precision(negatives, positives),
    }
    return pl.DataFrame(
        {name: values.numpy() for name, values in columns.items()}, nan_to_null=True
    )


def _over_labels(counts: Tensor, per_label: pl.DataFrame) -> dict[str, float]:
    micro = metrics.precision_recall_f1(*counts.sum(1))
    scores = {f"micro_{kind}": float(getattr(micro, kind)) for kind in KINDS}
    for column in (*KINDS, "auc", "average_precision"):
        mean = per_label[column].mean()
        scores[f"macro_{column}"] = mean if isinstance(mean, float) else float("nan")
    return scores


def _no_rows(n_labels: int | None, sparse: bool) -> Scored:
    nothing = torch.zeros(0, 1, dtype=torch.int64)
    scores: Tensor | SparseScores | None = None
    if n_labels is not None:
        sparse_scores = SparseScores(nothing, nothing.float(), n_labels)
        scores = sparse_scores if sparse else torch.zeros(0, n_labels)
    return Scored(nothing, nothing.float(), nothing, nothing[:, 0], nothing[:, 0], scores)
