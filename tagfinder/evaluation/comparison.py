"""Runs scored on the same posts, compared: means, intervals, and significance of differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from tagfinder.evaluation.bootstrap import (
    bootstrap_p_value,
    cluster_bootstrap,
    column_means,
    holm,
    percentile_interval,
)
from tagfinder.evaluation.statistics import Interval, sampled_interval

SURE = 0.05


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison of runs.

    Attributes:
        scores: one row for each run and metric: `run`, `metric`, `n` (posts in the mean), `mean`,
            `samples_mean`, `samples_low`, `samples_high` (95 %, systematic samples, null if a
            sample has no post), `bootstrap_mean` (that of the posts), `bootstrap_low`,
            `bootstrap_high` (95 %, percentiles).
        differences: one row for each metric and pair: `metric`, `first`, `second`, `difference`
            (first minus second), `low`, `high` (95 %, paired bootstrap), `p_value` (two-sided),
            `p_holm` (corrected for the number of pairs of this metric).
    """

    scores: pl.DataFrame
    differences: pl.DataFrame

    @property
    def runs(self) -> list[str]:
        """Names of the runs, in their order."""
        return self.scores["run"].unique(maintain_order=True).to_list()

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, in their order."""
        return self.scores["metric"].unique(maintain_order=True).to_list()


def compare(
    row_scores: Mapping[str, Mapping[str, np.ndarray]],
    judged: Mapping[str, np.ndarray],
    clusters: np.ndarray,
    *,
    n_samples: int,
    n_resamples: int,
    seed: int,
) -> Comparison:
    """Compare runs by the scores that each post has in each of them.

    Args:
        row_scores: run -> metric -> (N,) float64, NaN if a post takes no part; the same posts
            in the same order, and the same metrics, for each run.
        judged: metric -> (N,) bool, the posts that the systematic samples are cut from; others
            are NaN in all runs.
        clusters: (N,) integers from 0: posts that are drawn together.
        n_samples: systematic samples of the report's intervals.
        n_resamples: resamples of the bootstrap.
        seed: decides what the bootstrap draws; every metric sees the same resamples.
    """
    runs, metrics = list(row_scores), list(next(iter(row_scores.values())))
    columns = [row_scores[run][metric] for metric in metrics for run in runs]
    all_values = np.stack(columns, axis=1)
    all_resampled = cluster_bootstrap(all_values, clusters, n_resamples, seed)
    scores: list[pl.DataFrame] = []
    differences: list[pl.DataFrame] = []
    for number, metric in enumerate(metrics):
        of_metric = slice(number * len(runs), (number + 1) * len(runs))
        values, resampled = all_values[:, of_metric], all_resampled[:, of_metric]
        scores.append(
            _scores(runs, metric, values, resampled, judged=judged[metric], n_samples=n_samples)
        )
        differences.append(_differences(runs, metric, values, resampled))
    return Comparison(pl.concat(scores), pl.concat(differences))


def _scores(
    runs: list[str],
    metric: str,
    values: np.ndarray,
    resampled: np.ndarray,
    *,
    judged: np.ndarray,
    n_samples: int,
) -> pl.DataFrame:
    means = column_means(values)
    rows = []
    for column, run in enumerate(runs):
        sampled = sampled_interval(values[judged, column], n_samples)
        drawn = percentile_interval(float(means[column]), resampled[:, column])
        rows.append(
            {
                "run": run,
                "metric": metric,
                "n": int((~np.isnan(values[:, column])).sum()),
                "mean": drawn.mean,
                **_named("samples", sampled),
                **_named("bootstrap", drawn),
            }
        )
    schema = {"run": pl.String, "metric": pl.String, "n": pl.Int64}
    numbers = ("mean", *_named("samples", None), *_named("bootstrap", None))
    frame = pl.DataFrame(rows, schema=schema | dict.fromkeys(numbers, pl.Float64))
    # A metric that no post of a run is judged by, such as the report's MAP without any hit.
    return frame.fill_nan(None)


def _named(kind: str, interval: Interval | None) -> dict[str, float | None]:
    values = interval or (None, None, None)
    return {f"{kind}_{part}": value for part, value in zip(Interval._fields, values, strict=True)}


def _differences(
    runs: list[str], metric: str, values: np.ndarray, resampled: np.ndarray
) -> pl.DataFrame:
    means = column_means(values)
    rows = []
    for first, second in combinations(range(len(runs)), 2):
        difference = float(means[first] - means[second])
        drawn = resampled[:, first] - resampled[:, second]
        interval = percentile_interval(difference, drawn)
        rows.append((runs[first], runs[second], *interval, bootstrap_p_value(difference, drawn)))
    schema = dict.fromkeys(("first", "second"), pl.String) | dict.fromkeys(
        ("difference", "low", "high", "p_value"), pl.Float64
    )
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    corrected = pl.Series("p_holm", holm(frame["p_value"].to_numpy()), dtype=pl.Float64)
    named = frame.select(pl.lit(metric).alias("metric"), pl.all()).with_columns(corrected)
    return named.fill_nan(None)
