"""Scores of single rows, as pure functions: standard ones, and the report's own beside them.

Standard: binary gains, discount `1 / log2(rank + 1)`; the ideal gain and the denominator of the
average precision are those of `min(k, |T|)` labels, where T are the true ones; a miss is 0
(Jaervelin and Kekaelaeinen 2002; Manning, Raghavan and Schuetze 2008, chapter 8). `ndcg` equals
scikit-learn's `ndcg_score(k=k)` if no scores tie.

Report: `report_ndcg` and `report_average_precision` are the definitions of the student report
"#TagFinder: Hashtags Recommendation On Twitter". A true label that is missed costs nothing there,
so they are for comparing with its tables only.

A ranking metric takes `(hits, n_relevant, k)` and gives (N,) float64. `hits` is (N, K) bool, best
rank first; a ranking shorter than `k` is read as if misses followed. `n_relevant` (N,) is the
number of true labels: of those in the label set (closed scoring) or of all hashtags that a post has
(open scoring, where a hashtag outside the label set can only be missed). NaN marks a row that takes
no part in a mean.

`standard_metrics()` and `REPORT_METRICS` are the registry. The evaluator, `tagfinder score`, the
tables and `tagfinder compare --metric` read it. A package adds a metric by an entry point of the
group `tagfinder.metrics`: the name is the metric's, the object a `RankingMetric`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import NamedTuple

import torch
from torch import Tensor

from tagfinder.errors import InputError

ENTRY_POINTS = "tagfinder.metrics"


@dataclass(frozen=True)
class RankingMetric:
    """A score of single rankings, higher is better.

    Attributes:
        function: `(hits, n_relevant, k)` to (N,) float64.
        shown_at: ranks that the table of `tagfinder train` shows.
        is_headline: whether the tables of `tagfinder compare` and of open scores show it.
    """

    function: Callable[[Tensor, Tensor, int], Tensor]
    shown_at: tuple[int, ...] = (5,)
    is_headline: bool = True


def ndcg(hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
    """Normalised discounted cumulative gain; NaN if nothing is relevant.

    Example:
        >>> ndcg(torch.tensor([[False, True], [True, True]]), torch.tensor([1, 5]), k=2).tolist()
        [0.6309297535714575, 1.0]
    """
    return _discounted_gain(hits, k) / _ideal_gain(n_relevant, k)


def average_precision(hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
    """Sum of the precisions at the hits' ranks over `min(k, n_relevant)`; its mean is MAP@k.

    Example:
        >>> average_precision(torch.tensor([[True, False, True]]), torch.tensor([4]), k=3).tolist()
        [0.5555555555555555]
    """
    return _precision_at_hits(hits, k) / n_relevant.clamp(max=k)


def precision(hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
    """Share of the first `k` ranks that are hits.

    Example:
        >>> precision(torch.tensor([[True, False]]), torch.tensor([1]), k=3).tolist()
        [0.3333333333333333]
    """
    return _n_hits(hits, k).double() / k


def recall(hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
    """Share of the relevant labels that are among the first `k`; NaN if there are none.

    Example:
        >>> recall(torch.tensor([[True, False]]), torch.tensor([3]), k=2).tolist()
        [0.3333333333333333]
    """
    return _n_hits(hits, k).double() / n_relevant


def hit_rate(hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
    """Return 1 if at least one of the first `k` is a hit, else 0.

    Example:
        >>> hits = torch.tensor([[False, True], [False, False]])
        >>> hit_rate(hits, torch.tensor([1, 1]), k=2).tolist()
        [1.0, 0.0]
    """
    return hits[:, :k].any(1).double()


def reciprocal_rank(hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
    """1 / rank of the first hit, 0 if none of the first `k` is one; its mean is MRR@k.

    Example:
        >>> hits = torch.tensor([[False, True], [False, False]])
        >>> reciprocal_rank(hits, torch.tensor([1, 1]), k=2).tolist()
        [0.5, 0.0]
    """
    cut = hits[:, :k]
    return (cut / _ranks(cut)).amax(1) if cut.shape[1] else hit_rate(hits, n_relevant, k)


def report_ndcg(hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
    """Gain over the ideal of the hits alone, as in the report; 0 without a hit.

    Example:
        >>> hits = torch.tensor([[False, True], [True, False]])
        >>> report_ndcg(hits, torch.tensor([2, 2]), k=2).tolist()
        [0.6309297535714575, 1.0]
    """
    return ndcg(hits, _n_hits(hits, k).clamp(min=1), k)


def report_average_precision(hits: Tensor, n_relevant: Tensor, k: int) -> Tensor:
    """Mean of the precisions at the hits' ranks, as in the report.

    A row without a hit among the first `k` takes no part in the report's mean: it is NaN.

    Example:
        >>> hits = torch.tensor([[False, True], [False, False]])
        >>> report_average_precision(hits, torch.tensor([1, 1]), k=2).tolist()
        [0.5, nan]
    """
    return _precision_at_hits(hits, k) / _n_hits(hits, k)


def label_ranking_average_precision(ranks: Tensor) -> Tensor:
    """Mean over the true labels of the share of true ones among those ranked as high.

    Equals scikit-learn's `label_ranking_average_precision_score` if no scores tie.

    Args:
        ranks: (N, M) float64 as `rankings.true_ranks` gives them.

    Returns:
        (N,) float64; NaN if a row has no true label.

    Example:
        >>> label_ranking_average_precision(torch.tensor([[1.0, 4.0, torch.inf]])).tolist()
        [0.75]
    """
    return (_ranks(ranks) / ranks).sum(1) / ranks.isfinite().sum(1)


class PrecisionRecallF1(NamedTuple):
    """Three tensors of one shape, float64."""

    precision: Tensor
    recall: Tensor
    f1: Tensor


def precision_recall_f1(
    true_positives: Tensor, n_predicted: Tensor, n_relevant: Tensor
) -> PrecisionRecallF1:
    """Precision, recall and F1 from counts of any one shape; 0 if one is undefined.

    Example:
        >>> values = precision_recall_f1(torch.tensor([2, 0]), torch.tensor([4, 0]), torch.tensor([2, 1]))
        >>> values.precision.tolist(), values.recall.tolist(), values.f1.tolist()
        ([0.5, 0.0], [1.0, 0.0], [0.6666666666666666, 0.0])
    """  # noqa: E501
    hits_found = true_positives.double()
    return PrecisionRecallF1(
        hits_found / n_predicted.clamp(min=1),
        hits_found / n_relevant.clamp(min=1),
        2 * hits_found / (n_predicted + n_relevant).clamp(min=1),
    )


def roc_auc(negatives: Tensor, positives: Tensor) -> Tensor:
    """Area under the ROC curve of each label; scores in one bin count as tied.

    Args:
        negatives: (L, bins) int64, rows without the label by the bin of its score, worst first.
        positives: (L, bins) int64, rows with the label.

    Returns:
        (L,) float64; NaN if a label has no positive or no negative row.

    Example:
        >>> roc_auc(torch.tensor([[2, 1]]), torch.tensor([[0, 1]])).tolist()
        [0.8333333333333334]
    """
    beaten = negatives.cumsum(1).double() - negatives.double() / 2
    return (positives * beaten).sum(1) / (positives.sum(1).double() * negatives.sum(1))


def binned_average_precision(negatives: Tensor, positives: Tensor) -> Tensor:
    """Average precision of each label over all rows; scores in one bin count as tied.

    The step-wise sum of scikit-learn's `average_precision_score`. Arguments as in `roc_auc`.

    Returns:
        (L,) float64; NaN if a label has no positive row.

    Example:
        >>> binned_average_precision(torch.tensor([[2, 1]]), torch.tensor([[1, 1]])).tolist()
        [0.45]
    """
    found = positives.flip(1).cumsum(1).double()
    given = found + negatives.flip(1).cumsum(1)
    gained = positives.flip(1) * (found / given.clamp(min=1))
    return gained.sum(1) / positives.sum(1)


REPORT_METRICS: Mapping[str, RankingMetric] = {
    "report_ndcg": RankingMetric(report_ndcg),
    "report_map": RankingMetric(report_average_precision),
}
"""The report's own definitions by name."""

STANDARD_METRICS: Mapping[str, RankingMetric] = {
    "ndcg": RankingMetric(ndcg, shown_at=(1, 3, 5, 10)),
    "map": RankingMetric(average_precision, shown_at=(3, 5, 10)),
    "precision": RankingMetric(precision, shown_at=(), is_headline=False),
    "recall": RankingMetric(recall, shown_at=(), is_headline=False),
    "hit_rate": RankingMetric(hit_rate),
    "mrr": RankingMetric(reciprocal_rank, shown_at=(), is_headline=False),
}
"""TagFinder's own standard metrics by name; `standard_metrics` adds those of other packages."""


@cache
def standard_metrics() -> Mapping[str, RankingMetric]:
    """Return the standard metrics by name, TagFinder's first, then those of installed packages.

    Raises:
        InputError: a package's metric has a name that is taken, or is no `RankingMetric`.
    """
    found = dict(STANDARD_METRICS)
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        metric = entry.load()
        if entry.name in {*found, *REPORT_METRICS} or not isinstance(metric, RankingMetric):
            raise InputError(
                f"the metric {entry.name} ({entry.value}) must be a RankingMetric with a name of "
                "its own"
            )
        found[entry.name] = metric
    return found


def names_shown(metrics: Mapping[str, RankingMetric]) -> list[str]:
    """Return the names, with their ranks, that the table of `tagfinder train` shows."""
    return [f"{name}@{k}" for name, metric in metrics.items() for k in metric.shown_at]


def headline_names(metrics: Mapping[str, RankingMetric]) -> list[str]:
    """Return the names of the metrics that comparisons show."""
    return [name for name, metric in metrics.items() if metric.is_headline]


def ranking_scores(hits: Tensor, n_relevant: Tensor, ks: Sequence[int]) -> dict[str, Tensor]:
    """Return every standard score at every `k` by name, NaN if a row has nothing to find."""
    return _scores_of(standard_metrics(), hits, n_relevant, ks)


def report_scores(hits: Tensor, n_relevant: Tensor, ks: Sequence[int]) -> dict[str, Tensor]:
    """Return the report's own scores by name, `report_ndcg@k` and `report_map@k`, NaN as above."""
    return _scores_of(REPORT_METRICS, hits, n_relevant, ks)


def _scores_of(
    metrics: Mapping[str, RankingMetric], hits: Tensor, n_relevant: Tensor, ks: Sequence[int]
) -> dict[str, Tensor]:
    scores = {
        f"{name}@{k}": metric.function(hits, n_relevant, k)
        for k in ks
        for name, metric in metrics.items()
    }
    return masked(scores, n_relevant == 0)


def open_scores(
    hits: Tensor, n_labels: Tensor, n_hashtags: Tensor, ks: Sequence[int]
) -> dict[str, Tensor]:
    """Return each row's scores over all of its hashtags (`open_ndcg@k`, ...), and `coverage`.

    A row without hashtags takes no part. The mean of `coverage` is the share of tagged posts with
    at least one hashtag in the label set.
    """
    scores = ranking_scores(hits, n_hashtags, ks)
    covered = masked({"coverage": (n_labels > 0).double()}, n_hashtags == 0)
    return {f"open_{name}": values for name, values in scores.items()} | covered


def masked(scores: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
    """Put NaN if `rows` (N,) bool says that a row takes no part."""
    return {name: values.masked_fill(rows, torch.nan) for name, values in scores.items()}


def _ranks(values: Tensor) -> Tensor:
    """1, 2, ... along the columns of `values`, float64."""
    return torch.arange(1, values.shape[1] + 1, dtype=torch.float64, device=values.device)


def _n_hits(hits: Tensor, k: int) -> Tensor:
    return hits[:, :k].sum(1)


def _precision_at_hits(hits: Tensor, k: int) -> Tensor:
    cut = hits[:, :k]
    return (cut * cut.cumsum(1) / _ranks(cut)).sum(1)


def _discounted_gain(hits: Tensor, k: int) -> Tensor:
    # Added rank by rank like the ideal below, so that a perfect ranking is 1 to the last bit.
    cut = hits[:, :k]
    gain = torch.zeros(len(cut), dtype=torch.float64, device=cut.device)
    for hit, discount in zip(cut.T, _discounts(cut.shape[1]), strict=True):
        gain += hit * discount
    return gain


def _ideal_gain(n_relevant: Tensor, k: int) -> Tensor:
    n_ideal = n_relevant.clamp(max=k)
    most = int(n_ideal.max()) if len(n_ideal) else 0
    gains = torch.cat([torch.zeros(1, dtype=torch.float64), _discounts(most).cumsum(0)])
    return gains.to(n_relevant.device)[n_ideal]


def _discounts(k: int) -> Tensor:
    return 1 / torch.log2(torch.arange(2, k + 2, dtype=torch.float64))
