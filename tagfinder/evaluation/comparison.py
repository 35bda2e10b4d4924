"""Runs scored on the same posts, compared: means, intervals, and significance of differences.

Runs that differ only in their seed are one recommender. Its mean is over posts and seeds. The
spread over seeds widens intervals and raises p-values: Student's distribution of a mean over so
many seeds is added to the means of resampled posts.
"""

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
        scores: one row for each run and metric: `run`, `metric`, `n` (posts in the mean), `seeds`
            (runs in the mean), `mean`, `seed_sd` (standard deviation of the seeds' means, null for
            one), `seed_range` (the greatest less the least of them, 0 for one), `samples_mean`,
            `samples_low`, `samples_high` (95 %, systematic samples, null if a sample has no post),
            `bootstrap_mean` (that of the posts), `bootstrap_low`, `bootstrap_high` (95 %,
            percentiles).
        differences: one row for each metric and pair: `metric`, `first`, `second`, `difference`
            (first minus second), `low`, `high` (95 %, paired bootstrap), `p_value` (two-sided),
            `p_holm` (corrected for the number of pairs of this metric), `sure` (`p_holm` is below
            0.05, and where one of the two is a single run, the seeds of the other differ by less).
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
        row_scores: run -> metric -> (N,) or, for S seeds, (N, S) float64, NaN if a post takes no
            part; the same posts in the same order, and the same metrics, for each run.
        judged: metric -> (N,) bool, the posts that the systematic samples are cut from; others
            are NaN in all runs.
        clusters: (N,) integers from 0: posts that are drawn together.
        n_samples: systematic samples of the report's intervals.
        n_resamples: resamples of the bootstrap.
        seed: decides what the bootstrap draws; every metric sees the same resamples.
    """
    runs, metrics = list(row_scores), list(next(iter(row_scores.values())))
    blocks = [
        row_scores[run][metric].reshape(len(clusters), -1) for metric in metrics for run in runs
    ]
    all_values = np.concatenate(blocks, axis=1)
    all_resampled = cluster_bootstrap(all_values, clusters, n_resamples, seed)
    borders = np.cumsum([block.shape[1] for block in blocks])[:-1]
    entrants = [
        _Entrant.of(values, resampled, np.random.default_rng([seed, number % len(runs)]))
        for number, (values, resampled) in enumerate(
            zip(
                np.split(all_values, borders, axis=1),
                np.split(all_resampled, borders, axis=1),
                strict=True,
            )
        )
    ]
    scores: list[pl.DataFrame] = []
    differences: list[pl.DataFrame] = []
    for number, metric in enumerate(metrics):
        named = dict(zip(runs, entrants[number * len(runs) :], strict=False))
        scores.append(_scores(named, metric, judged=judged[metric], n_samples=n_samples))
        differences.append(_differences(named, metric))
    return Comparison(pl.concat(scores), pl.concat(differences))


@dataclass(frozen=True)
class _Entrant:
    """One recommender in one metric.

    Attributes:
        values: (N, S) score of each post with each seed.
        seed_means: (S,) mean over the posts of each seed.
        drawn: (B,) means over resampled posts and over seeds.
    """

    values: np.ndarray
    seed_means: np.ndarray
    drawn: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, resampled: np.ndarray, rng: np.random.Generator) -> _Entrant:
        seed_means, drawn = column_means(values), resampled.mean(axis=1)
        n_seeds = len(seed_means)
        if n_seeds > 1:
            error = seed_means.std(ddof=1) / np.sqrt(n_seeds)
            drawn = drawn + error * rng.standard_t(n_seeds - 1, len(drawn))
        return cls(values, seed_means, drawn)

    @property
    def mean(self) -> float:
        return float(self.seed_means.mean())

    @property
    def seed_sd(self) -> float | None:
        return float(self.seed_means.std(ddof=1)) if len(self.seed_means) > 1 else None

    @property
    def seed_range(self) -> float:
        return float(np.ptp(self.seed_means))

    def post_means(self) -> np.ndarray:
        """Return (N,) the mean over seeds of each post, NaN if none judges it."""
        return column_means(self.values.T)


def _scores(
    entrants: Mapping[str, _Entrant], metric: str, *, judged: np.ndarray, n_samples: int
) -> pl.DataFrame:
    rows = []
    for run, entrant in entrants.items():
        of_posts = entrant.post_means()
        sampled = sampled_interval(of_posts[judged], n_samples)
        drawn = percentile_interval(entrant.mean, entrant.drawn)
        rows.append(
            {
                "run": run,
                "metric": metric,
                "n": int((~np.isnan(of_posts)).sum()),
                "seeds": len(entrant.seed_means),
                "mean": drawn.mean,
                "seed_sd": entrant.seed_sd,
                "seed_range": entrant.seed_range,
                **_named("samples", sampled),
                **_named("bootstrap", drawn),
            }
        )
    schema = {"run": pl.String, "metric": pl.String, "n": pl.Int64, "seeds": pl.Int64}
    numbers = (
        "mean",
        "seed_sd",
        "seed_range",
        *_named("samples", None),
        *_named("bootstrap", None),
    )
    frame = pl.DataFrame(rows, schema=schema | dict.fromkeys(numbers, pl.Float64))
    # A metric that no post of a run is judged by, such as the report's MAP without any hit.
    return frame.fill_nan(None)


def _named(kind: str, interval: Interval | None) -> dict[str, float | None]:
    values = interval or (None, None, None)
    return {f"{kind}_{part}": value for part, value in zip(Interval._fields, values, strict=True)}


def _differences(entrants: Mapping[str, _Entrant], metric: str) -> pl.DataFrame:
    rows = []
    for (first, one), (second, other) in combinations(entrants.items(), 2):
        difference = one.mean - other.mean
        drawn = one.drawn - other.drawn
        interval = percentile_interval(difference, drawn)
        p_value = bootstrap_p_value(difference, drawn)
        # The test knows the seeds of both, or of none.
        single = 1 in (len(one.seed_means), len(other.seed_means))
        least = max(one.seed_range, other.seed_range) if single else 0.0
        rows.append((first, second, *interval, p_value, abs(difference) > least))
    schema: dict[str, type[pl.DataType]] = {"first": pl.String, "second": pl.String}
    schema |= dict.fromkeys(("difference", "low", "high", "p_value"), pl.Float64)
    frame = pl.DataFrame(rows, schema=schema | {"exceeds": pl.Boolean}, orient="row")
    corrected = pl.Series("p_holm", holm(frame["p_value"].to_numpy()), dtype=pl.Float64)
    named = frame.select(pl.lit(metric).alias("metric"), pl.all()).with_columns(corrected)
    sure = pl.col("exceeds") & (pl.col("p_holm") < SURE) & pl.col("difference").is_not_nan()
    return named.with_columns(sure=sure).drop("exceeds").fill_nan(None)
