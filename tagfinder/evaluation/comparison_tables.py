"""A comparison as tables: scores and intervals (report Tables 5 and 6), and who beats whom."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import polars as pl

from tagfinder.evaluation.comparison import SURE, Comparison
from tagfinder.evaluation.statistics import Interval
from tagfinder.evaluation.tables import Table


def interval_table(comparison: Comparison, metrics: Sequence[str], kind: str, title: str) -> Table:
    """Return means with one kind of 95 % intervals, a row for each run.

    Args:
        comparison: the comparison.
        metrics: the columns.
        kind: `samples` or `bootstrap`.
        title: the table's title.
    """
    cells = {
        (row["run"], row["metric"]): _interval(
            *(row[f"{kind}_{part}"] for part in Interval._fields)
        )
        for row in comparison.scores.iter_rows(named=True)
    }
    rows = [[run, *(cells[run, metric] for metric in metrics)] for run in comparison.runs]
    return Table(title, ["run", *metrics], rows)


def difference_matrix(comparison: Comparison, metric: str) -> Table:
    """Return who beats whom in one metric: row minus column, interval, corrected p-value.

    A star marks a difference that is sure, see `Comparison.differences`.
    """
    runs = comparison.runs
    cells = {(run, run): "" for run in runs}
    for row in comparison.differences.filter(metric=pl.lit(metric)).iter_rows(named=True):
        difference, low, high = row["difference"], row["low"], row["high"]
        first, second = row["first"], row["second"]
        if difference is None:
            cells[first, second] = cells[second, first] = "not defined"
            continue
        test = f"p {_p(row['p_holm'])}{'*' if row['sure'] else ''}"
        cells[first, second] = f"{_difference(difference, low, high)}, {test}"
        cells[second, first] = f"{_difference(-difference, -high, -low)}, {test}"
    title = f"{metric}: row minus column [95 % interval], Holm-corrected p (* sure, below {SURE})"
    return Table(title, ["run", *runs], [[a, *(cells[a, b] for b in runs)] for a in runs])


def conclusions(comparison: Comparison, metric: str) -> list[str]:
    """Return a sentence for each run: whom it beats surely, and by how much.

    A run whose seeds are unknown beats others on posts only, which the sentence says.
    """
    seeds = dict(comparison.scores.select("run", "seeds").iter_rows())
    beaten: dict[str, list[str]] = {run: [] for run in comparison.runs}
    surely = comparison.differences.filter(pl.col("metric") == metric, "sure")
    for row in surely.iter_rows(named=True):
        winner, loser = row["first"], row["second"]
        if row["difference"] < 0:
            winner, loser = loser, winner
        single = [run for run in (winner, loser) if seeds[run] == 1]
        alone = {0: "", 1: f", one seed of {single[0]}" if single else "", 2: ", one seed each"}
        how = f"p {_p(row['p_holm'])}{alone[len(single)]}"
        beaten[winner].append(f"{loser} by {abs(row['difference']):.4f} ({how})")
    best_first = comparison.scores.filter(metric=pl.lit(metric)).sort(
        "mean", descending=True, nulls_last=True
    )
    return [
        f"{run} beats {', '.join(beaten[run])}." if beaten[run] else f"{run} surely beats no other."
        for run in best_first["run"]
    ]


def n_pairs(comparison: Comparison) -> int:
    """Return the number of pairs that each metric's p-values are corrected for."""
    return comb(len(comparison.runs), 2)


def _interval(mean: float | None, low: float | None, high: float | None) -> str:
    return "not defined" if mean is None else f"{mean:.4f} [{low:.4f}, {high:.4f}]"


def _difference(difference: float, low: float, high: float) -> str:
    return f"{difference:+.4f} [{low:+.4f}, {high:+.4f}]"


def _p(p: float) -> str:
    return f"{p:.4f}" if p >= 0.0001 else "< 0.0001"
