"""Scores rankings that come from files, with the same functions that score a recommender."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from tagfinder.data.ragged import Ragged
from tagfinder.errors import InputError
from tagfinder.evaluation.metrics import open_scores, ranking_scores, report_scores
from tagfinder.evaluation.ranking_files import LabelLists, read_label_lists, read_label_names
from tagfinder.evaluation.rankings import PADDING, hits
from tagfinder.evaluation.statistics import sampled_interval

_BLOCK_ROWS = 1024


@dataclass(frozen=True)
class Judged:
    """Rankings compared with the truth, in the order of the truth's rows.

    Attributes:
        rows: (N,) String, the rows' names.
        hits: (N, K) bool, best rank first; ranks that a ranking does not have are misses.
        n_labels: (N,) int64, true labels of each row.
        n_hashtags: (N,) int64, hashtags that each post really has, where the truth says so.
        notes: sentences that a reader of the scores should know.
        top_labels: (N,) List(Int64) label indices, best first.
        labels: (N,) List(Int64) indices of the true labels.
        names: names of the labels in the order of their indices, if there are any.
    """

    rows: pl.Series
    hits: Tensor
    n_labels: Tensor
    n_hashtags: Tensor | None
    notes: list[str]
    top_labels: pl.Series
    labels: pl.Series
    names: list[str] | None

    def row_scores(self, ks: Sequence[int]) -> dict[str, Tensor]:
        """Return the scores of each row by name, (N,) float64, NaN if it takes no part."""
        standard = ranking_scores(self.hits, self.n_labels, ks)
        return standard | report_scores(self.hits, self.n_labels, ks)

    def open_row_scores(self, ks: Sequence[int]) -> dict[str, Tensor]:
        """Return the same over all hashtags of each post.

        Raises:
            InputError: the truth does not say how many hashtags a post has.
        """
        if self.n_hashtags is None:
            raise InputError("open scores need the column n_hashtags in the truth (Parquet)")
        return open_scores(self.hits, self.n_labels, self.n_hashtags, ks)


def judge(predictions: Path, truth: Path, depth: int, label_names: Path | None = None) -> Judged:
    """Read rankings and true labels and find the hits.

    Args:
        predictions: JSON or Parquet (column `top_labels`) of rankings, best label first.
        truth: JSON or Parquet (column `labels`) of true labels, in any order.
        depth: ranks looked at.
        label_names: names of the labels in the order of their indices, so that names and indices
            can be compared.

    Raises:
        InputError: the files do not fit together, or one cannot be read.
    """
    ranked, true = read_label_lists(predictions, "top_labels"), read_label_lists(truth, "labels")
    names = _label_names(ranked, true, label_names)
    rankings, (true_labels, n_repeated) = _in_order_of(ranked, true), _distinct_truth(true)
    _refuse_repeated(rankings, true.rows, predictions)
    top_labels = _indices(rankings, names, true.rows, predictions).list.head(depth)
    labels = _indices(true_labels, names, true.rows, truth)
    n_labels = torch.from_numpy(labels.list.len().cast(pl.Int64).to_numpy().copy())
    return Judged(
        rows=true.rows,
        hits=list_hits(top_labels, labels),
        n_labels=n_labels,
        n_hashtags=_n_hashtags(true, n_labels),
        notes=[*_notes(top_labels, depth, n_repeated), *_strangers(ranked, true)],
        top_labels=top_labels,
        labels=labels,
        names=names,
    )


def score(
    judged: Judged, ks: Sequence[int], n_samples: int | None = None, with_open: bool = False
) -> dict[str, Any]:
    """Return counts and mean scores by name, JSON-able; None if no row takes part.

    With `n_samples` also the means of that many systematic samples of the scored rows with their
    95 % intervals, `{"samples": {"ndcg@5": {"mean": ..., "ci95": [low, high]}}}`.

    Raises:
        InputError: no row has labels, or there are fewer rows than samples.
    """
    scored = judged.n_labels > 0
    n = int(scored.sum())
    if n == 0:
        raise InputError("the truth has no row with labels: there is nothing to score")
    row_scores = judged.row_scores(ks)
    counts = {"n": n, "n_without_labels": len(scored) - n}
    for k in ks:
        counts[f"n_without_hits@{k}"] = n - int(row_scores[f"report_map@{k}"].isfinite().sum())
    result: dict[str, Any] = counts | _means(row_scores)
    if with_open:
        result |= _means(judged.open_row_scores(ks))
    if n_samples is not None:
        result |= _samples({name: v[scored].numpy() for name, v in row_scores.items()}, n_samples)
    return result


def _means(row_scores: dict[str, Tensor]) -> dict[str, float | None]:
    means = {name: float(values.nanmean()) for name, values in row_scores.items()}
    return {name: None if math.isnan(mean) else mean for name, mean in means.items()}


def _samples(row_scores: dict[str, np.ndarray], n_samples: int) -> dict[str, Any]:
    n = len(next(iter(row_scores.values())))
    if not 2 <= n_samples <= n:
        raise InputError(f"--samples {n_samples}: expected from 2 to the {n} rows with labels")
    intervals = {name: _interval(values, n_samples) for name, values in row_scores.items()}
    return {"n_samples": n_samples, "rows_per_sample": n // n_samples, "samples": intervals}


def _interval(values: np.ndarray, n_samples: int) -> dict[str, Any] | None:
    interval = sampled_interval(values, n_samples)
    if interval is None:  # a sample without a hit has no report_map
        return None
    return {"mean": interval.mean, "ci95": [interval.low, interval.high]}


def _distinct_truth(truth: LabelLists) -> tuple[pl.Series, int]:
    labels = truth.labels.list.unique(maintain_order=True)
    return labels, int((labels.list.len() < truth.labels.list.len()).sum())


def _in_order_of(ranked: LabelLists, truth: LabelLists) -> pl.Series:
    """Return the rankings in the order of the truth's rows."""
    if ranked.rows.equals(truth.rows, check_names=False, null_equal=True):
        return ranked.labels
    for lists in (ranked, truth):
        _refuse_unclear_rows(lists)
    _refuse_missing(truth, ranked)
    _refuse_missing(ranked, truth)
    rankings = pl.DataFrame({"row": ranked.rows, "labels": ranked.labels})
    return pl.DataFrame({"row": truth.rows}).join(rankings, "row", maintain_order="left")["labels"]


def _refuse_unclear_rows(lists: LabelLists) -> None:
    unclear = lists.rows.filter(lists.rows.is_null() | lists.rows.is_duplicated())
    if len(unclear):
        raise InputError(
            f"{lists.path}: {len(unclear)} rows have no name of their own, such as {unclear[0]!r}; "
            "rows of two files are matched by name (a file with the same rows in the same order "
            "needs none)"
        )


def _refuse_missing(wanted: LabelLists, given: LabelLists) -> None:
    missing = wanted.rows.filter(~wanted.rows.is_in(given.rows.implode()))
    if len(missing):
        raise InputError(
            f"{given.path}: {len(missing)} of the {len(wanted.rows)} rows of {wanted.path} are "
            f"not in it, such as {missing[0]!r}; both files must have the same rows"
        )


def _refuse_repeated(labels: pl.Series, rows: pl.Series, path: Path) -> None:
    repeated = rows.filter(labels.list.n_unique() < labels.list.len())
    if len(repeated):
        raise InputError(
            f"{path}: the ranking of row {repeated[0]!r} holds a label twice "
            f"({len(repeated)} such rankings); a label can be given once only"
        )


def _label_names(ranked: LabelLists, truth: LabelLists, file: Path | None) -> list[str] | None:
    """Return what label names are numbered by, None if both files hold numbers only."""
    if file is not None:
        return read_label_names(file)
    named = [lists for lists in (ranked, truth) if lists.named]
    if len(named) == 1:
        raise InputError(
            f"{named[0].path} holds label names, the other file label numbers; "
            "give the names in the order of the numbers with --labels FILE"
        )
    if not named:
        return None
    used = pl.concat([lists.labels.explode(empty_as_null=False) for lists in named])
    return used.unique(maintain_order=True).to_list()


def _indices(labels: pl.Series, names: list[str] | None, rows: pl.Series, path: Path) -> pl.Series:
    """Return (N,) List(Int64): labels as numbers that mean the same in both files."""
    if names is None:
        return labels
    indices = labels
    if labels.dtype == pl.List(pl.String):
        number = pl.element().replace_strict(
            names, range(len(names)), default=None, return_dtype=pl.Int64
        )
        indices = labels.list.eval(number)
    is_known = pl.element().is_between(0, len(names) - 1).fill_null(value=False)
    unknown = ~indices.list.eval(is_known).list.all()
    if unknown.any():
        known = set(names) if labels.dtype == pl.List(pl.String) else range(len(names))
        odd = next(label for label in labels.filter(unknown)[0] if label not in known)
        raise InputError(
            f"{path}: row {rows.filter(unknown)[0]!r} holds the label {odd!r}, which is not among "
            f"the {len(names)} of --labels"
        )
    return indices


def list_hits(top_labels: pl.Series, labels: pl.Series) -> Tensor:
    """Say which of the ranked labels are true ones: (N, K) bool for lists of label indices."""
    ranked, true = Ragged.from_series(top_labels), Ragged.from_series(labels)
    depth = int(ranked.lengths.max(initial=1))
    found = torch.zeros(len(ranked), depth, dtype=torch.bool)
    for start in range(0, len(ranked), _BLOCK_ROWS):
        rows = np.arange(start, min(start + _BLOCK_ROWS, len(ranked)))
        given = torch.from_numpy(ranked.padded(rows, fill=PADDING, min_width=depth))
        found[start : start + _BLOCK_ROWS] = hits(
            given, torch.from_numpy(true.padded(rows, fill=PADDING))
        )
    return found


def _n_hashtags(truth: LabelLists, n_labels: Tensor) -> Tensor | None:
    if truth.n_hashtags is None:
        return None
    counts = torch.from_numpy(truth.n_hashtags.fill_null(-1).to_numpy().copy())
    too_few = (counts < n_labels).nonzero()
    if len(too_few):
        raise InputError(
            f"{truth.path}: row {truth.rows[int(too_few[0])]!r} has fewer hashtags (n_hashtags) "
            "than labels"
        )
    return counts


def _strangers(ranked: LabelLists, truth: LabelLists) -> list[str]:
    """Say that the two files name their labels differently, if they have none in common."""
    given, true = (lists.labels.explode(empty_as_null=False).unique() for lists in (ranked, truth))
    if (
        not (len(given) and len(true))
        or given.dtype != true.dtype
        or given.is_in(true.implode()).any()
    ):
        return []
    return [
        f"no label of the rankings is in the truth: {ranked.path} has {_some(given)}, {truth.path} "
        f"has {_some(true)}; names are compared as they are written, so write both without # and "
        "in one case"
    ]


def _some(labels: pl.Series) -> str:
    return ", ".join(repr(label) for label in labels.sort().head(3))


def _notes(top_labels: pl.Series, depth: int, n_repeated: int) -> list[str]:
    notes = []
    n_short = int((top_labels.list.len() < depth).sum())
    if n_short:
        notes.append(
            f"{n_short} of {len(top_labels)} rankings hold fewer than {depth} labels; "
            "the ranks that are not there count as misses"
        )
    if n_repeated:
        notes.append(f"{n_repeated} rows of the truth name a label twice; it counts once")
    return notes
