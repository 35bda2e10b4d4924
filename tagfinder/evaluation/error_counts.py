"""Errors of a recommender: by label, by pair of labels, by post."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from torch import Tensor

from tagfinder.evaluation.metrics import ndcg, precision_recall_f1, report_ndcg
from tagfinder.evaluation.score import Judged, list_hits

NDCG_EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
N_WORST = 50
K_SLICES = 5
AS_MANY = "as many labels given as a post has"


@dataclass(frozen=True)
class ScoredPredictions:
    """Posts with rankings and truth, and what else is known of them.

    Attributes:
        name: of the recommender in figures.
        posts: `id`, `labels`, `top_labels` (lists of label indices), and where known `top_scores`,
            `created_at`, `clean`, `text`; posts without a true label are left out.
        hashtags: label index -> name.
        train_counts: (L,) training posts of each label, where known.
        histograms: (2, L, bins) counts of every label's scores, where known.
        at_threshold: a row for each label with `support`, `true_positives`, `false_positives`,
            `false_negatives` at `threshold`, where known.
        threshold: from which score on a label counts as given.
    """

    name: str
    posts: pl.DataFrame
    hashtags: Sequence[str]
    train_counts: np.ndarray | None = None
    histograms: Tensor | None = None
    at_threshold: pl.DataFrame | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "posts", self.posts.filter(pl.col("labels").list.len() > 0))

    @cached_property
    def hits(self) -> Tensor:
        """(N, K) bool: which ranks are true."""
        return list_hits(self.posts["top_labels"], self.posts["labels"])

    def ndcg(self, k: int) -> np.ndarray:
        """Return (N,) standard NDCG of each post."""
        n_labels = self.posts["labels"].list.len().cast(pl.Int64).to_torch()
        return ndcg(self.hits, n_labels, k).numpy()

    def report_ndcg(self, k: int) -> np.ndarray:
        """Return (N,) NDCG of each post as the report defines it."""
        return report_ndcg(self.hits, self.hits.sum(1), k).numpy()

    @cached_property
    def per_label(self) -> pl.DataFrame:
        """Counts of each label: at the threshold where known, else with as many given as true."""
        if self.at_threshold is not None:
            return self.at_threshold
        return per_label_counts(self.posts, len(self.hashtags))

    @property
    def given(self) -> str:
        """In words, when a label counts as given in `per_label`."""
        if self.at_threshold is None:
            return AS_MANY
        return f"given from a score of {self.threshold} on"


def judgements_of_files(judged: Judged, predictions: Path) -> ScoredPredictions:
    """Return rankings and truth that come from files; labels without names are called by number."""
    lists = {"labels": judged.labels, "top_labels": judged.top_labels}
    posts = pl.DataFrame({"id": judged.rows, **lists})
    used = [int(series.list.max().max() or 0) for series in lists.values()]  # type: ignore[arg-type]
    n_labels = max(used) + 1
    hashtags = judged.names or [str(label) for label in range(n_labels)]
    return ScoredPredictions(predictions.stem.removesuffix(".json"), posts, hashtags[:n_labels])


def per_label_counts(posts: pl.DataFrame, n_labels: int) -> pl.DataFrame:
    """Count errors of each label where each post is given as many labels as it has.

    Returns:
        (L rows) `support`, `true_positives`, `false_positives`, `false_negatives`, and
        `precision`, `recall`, `f1`.
    """
    given = _given(posts)
    support, n_given, found = (
        _occurrences(lists, n_labels)
        for lists in (posts["labels"], given, given.list.set_intersection(posts["labels"]))
    )
    rates = precision_recall_f1(*(pl.Series(c).to_torch() for c in (found, n_given, support)))
    return pl.DataFrame(
        {
            "support": support,
            "true_positives": found,
            "false_positives": n_given - found,
            "false_negatives": support - found,
            **{name: values.numpy() for name, values in rates._asdict().items()},
        }
    )


def confusions(posts: pl.DataFrame) -> pl.DataFrame:
    """Count which label is given instead of which, if each post is given as many labels as it has.

    A missed label counts once, in even shares for the wrong labels of its post.

    Returns:
        `missed`, `given` (label indices), `count` Float64, the most frequent first.
    """
    given = _given(posts)
    pairs = pl.DataFrame(
        {
            "missed": posts["labels"].list.set_difference(given),
            "given": given.list.set_difference(posts["labels"]),
        }
    ).filter(pl.col("missed").list.len() > 0, pl.col("given").list.len() > 0)
    shared = pairs.with_columns(count=1 / pl.col("given").list.len())
    summed = shared.explode("missed").explode("given").group_by("missed", "given")
    order = ["count", "missed", "given"]
    return summed.agg(pl.col("count").sum()).sort(order, descending=[True, False, False])


def ndcg_histogram(values: np.ndarray) -> np.ndarray:
    """Return how many posts have which score, with the edges of the report's Table 7.

    Example:
        >>> ndcg_histogram(np.array([0.0, 0.2, 0.5, 1.0])).tolist()
        [1, 1, 1, 0, 1]
    """
    return np.histogram(values, bins=np.array(NDCG_EDGES))[0]


def worst_posts(judged: ScoredPredictions, k: int = 10) -> pl.DataFrame:
    """Return the posts with the lowest NDCG@k, the surest mistakes first."""
    scored = judged.posts.with_columns(pl.Series("score", judged.ndcg(k)))
    by, descending = ["score"], [False]
    if "top_scores" in scored.columns:
        scored = scored.with_columns(sureness=pl.col("top_scores").list.first())
        by, descending = ["score", "sureness"], [False, True]
    return scored.sort(by, descending=descending, maintain_order=True).head(N_WORST)


def slice_means(groups: pl.Series, values: np.ndarray) -> pl.DataFrame:
    """Return mean scores of groups of posts, sorted by group.

    Returns:
        `group`, `mean`, `error` (half of the 95 % interval, normal), `posts`.
    """
    frame = pl.DataFrame({"group": groups, "value": values}).drop_nulls()
    value = pl.col("value")
    error = 1.96 * value.std() / pl.len().sqrt()
    means = frame.group_by("group").agg(mean=value.mean(), error=error, posts=pl.len())
    return means.sort("group")


def score_by_label(judged: ScoredPredictions, k: int = K_SLICES) -> np.ndarray:
    """Return (L,) the mean NDCG@k of the posts that have a label, NaN if none has."""
    pairs = pl.DataFrame({"label": judged.posts["labels"], "score": judged.ndcg(k)})
    means = pairs.explode("label").group_by("label").agg(pl.col("score").mean())
    found = np.full(len(judged.hashtags), np.nan)
    found[means["label"].to_numpy()] = means["score"].to_numpy()
    return found


def text_lengths(posts: pl.DataFrame) -> pl.Series:
    """Return the number of tokens of each post's cleaned text."""
    return posts.select(pl.col("clean").str.count_matches(" ", literal=True) + 1)["clean"]


def _given(posts: pl.DataFrame) -> pl.Series:
    as_many = pl.col("top_labels").list.head(pl.col("labels").list.len())
    return posts.select(as_many.cast(posts.schema["labels"]))["top_labels"]


def _occurrences(lists: pl.Series, n_labels: int) -> np.ndarray:
    labels = lists.explode().drop_nulls().to_numpy().astype(np.int64)
    return np.bincount(labels, minlength=n_labels)
