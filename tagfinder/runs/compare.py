"""Compare finished runs: tables, intervals and differences, as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from tagfinder.errors import InputError
from tagfinder.escaping import for_csv
from tagfinder.evaluation.comparison import Comparison, compare
from tagfinder.evaluation.comparison_figure import draw_intervals
from tagfinder.evaluation.comparison_tables import (
    conclusions,
    difference_matrix,
    interval_table,
    n_pairs,
)
from tagfinder.evaluation.metrics import REPORT_METRICS, headline_names, standard_metrics
from tagfinder.evaluation.score import judge
from tagfinder.evaluation.tables import Table
from tagfinder.files import atomic_path, write_json, write_text
from tagfinder.runs.finished_runs import (
    Entrant,
    FinishedRun,
    check_same_posts,
    clusters_of,
    entrants_of,
)

COSTS = {
    "train_seconds": "training, seconds",
    "posts_per_second": "posts scored per second",
    "model_bytes": "weights, bytes",
}


@dataclass(frozen=True)
class Statistics:
    """How runs are compared.

    Attributes:
        ks: ranks at which rankings are scored.
        metric: the metric of the matrix and the sentences.
        n_samples: systematic samples of the report's intervals.
        n_resamples: resamples of the bootstrap.
        seed: of the bootstrap.
    """

    ks: tuple[int, ...] = (3, 5, 10)
    metric: str = "ndcg@5"
    n_samples: int = 50
    n_resamples: int = 10_000
    seed: int = 1


@dataclass(frozen=True)
class Compared:
    """Runs with what their comparison found.

    Attributes:
        entrants: the runs, those that differ only in their seed together.
        comparison: means, intervals, differences.
        statistics: how they were compared.
        cluster: in words, which posts were drawn together.
        n_clusters: how many such clusters there are.
    """

    entrants: Sequence[Entrant]
    comparison: Comparison
    statistics: Statistics
    cluster: str
    n_clusters: int

    @property
    def title(self) -> str:
        """What was compared, in words."""
        runs = sum(len(entrant.runs) for entrant in self.entrants)
        of_them = f", {len(self.entrants)} recommenders" if runs > len(self.entrants) else ""
        return f"{runs} runs compared{of_them}"

    @property
    def method(self) -> str:
        """How intervals and p-values came about, in words."""
        given = self.statistics
        return (
            f"Intervals are 95 %: of {given.n_samples} systematic samples with Student's t (as in "
            f"the student report), and percentiles of {given.n_resamples:,} bootstrap resamples "
            f"(seed {given.seed}) of {self.n_clusters:,} clusters of posts (a cluster: "
            f"{self.cluster}). Differences: paired bootstrap on the same resamples, two-sided, "
            f"Holm-corrected over the {n_pairs(self.comparison)} pairs of a metric; the smallest "
            f"possible p before the correction is {1 / (given.n_resamples + 1):.1g}. "
            f"{self._seeds()}"
        )

    def _seeds(self) -> str:
        """Say in words what is known of the spread over seeds."""
        if all(len(entrant.runs) == 1 for entrant in self.entrants):
            return (
                "Each recommender has one seed here, so that all this is about posts: another seed "
                "may change a score by more. Name runs of several seeds to know."
            )
        return (
            "Runs that differ only in their seed are one row, the mean over posts and seeds; "
            "intervals and p-values hold for new posts and new seeds (Student's t over seeds). "
            "Where one of two is a single run, a difference is sure only above what the other's "
            "seeds differ by."
        )

    def tables(self) -> list[Table]:
        """Return all tables, in the order to be read."""
        return [self.counts(), *self.scores(), self.matrix(), self.costs()]

    def counts(self) -> Table:
        """Return what the scores are means over, and under which protocol."""
        cuts = [f"n_without_hits@{k}" for k in self.statistics.ks]
        header = ["protocol", "corpus", "seed", "posts", "without labels"]
        rows = [
            [
                entrant.name,
                *(str(entrant.runs[0].metrics[key]) for key in ("protocol", "corpus")),
                entrant.seeds,
                *(_whole(entrant.mean(_of_test(key))) for key in ("n", "n_without_labels", *cuts)),
            ]
            for entrant in self.entrants
        ]
        hitless = [f"no hit in first {k}" for k in self.statistics.ks]
        return Table("What was scored", ["run", *header, *hitless], rows)

    def scores(self) -> Iterator[Table]:
        """Yield scores, then intervals of both kinds, for each family of metrics."""
        families = {title: self._at_ks(names) for title, names in compared_metrics().items()}
        known = {title: metrics for title, metrics in families.items() if metrics}
        for title, metrics in known.items():
            yield self._means(f"{title}, with F1 at the run's threshold (Table 5)", metrics)
        for title, metrics in known.items():
            n = self.statistics.n_samples
            sampled = f"{title}: {n} systematic samples, Student's t, 95 % (Table 6)"
            yield interval_table(self.comparison, metrics, "samples", sampled)
            drawn = f"{title}: bootstrap over posts, 95 %"
            yield interval_table(self.comparison, metrics, "bootstrap", drawn)

    def matrix(self) -> Table:
        """Return who beats whom."""
        return difference_matrix(self.comparison, self.statistics.metric)

    def conclusions(self) -> list[str]:
        """Return a sentence for each run, the best first."""
        return conclusions(self.comparison, self.statistics.metric)

    def costs(self) -> Table:
        """Return the costs of the runs (report Table 4)."""
        rows = [
            [entrant.name, *(_amount(entrant.mean(_of_run(key))) for key in COSTS)]
            for entrant in self.entrants
        ]
        return Table("What it cost", ["run", *COSTS.values()], rows)

    def markdown(self) -> str:
        """Return the page."""
        tables = "\n\n".join(table.markdown() for table in self.tables())
        sentences = "\n".join(f"* {sentence}" for sentence in self.conclusions())
        return (
            f"# {self.title}\n\nBy {self.statistics.metric}:\n\n{sentences}\n\n"
            f"{self.method}\n\n{tables}\n"
        )

    def text(self, width: int) -> str:
        """Return what the page says, for a terminal of some columns of letters."""
        said = [f"{self.title}, by {self.statistics.metric}:", *self.conclusions(), self.method]
        tables = [table.text(width) for table in self.tables()]
        return "\n\n".join([*(fill(one, width) for one in said), *tables])

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        given = self.statistics
        return {
            "runs": [
                {**_facts(run), "entrant": entrant.name}
                for entrant in self.entrants
                for run in entrant.runs
            ],
            "samples": given.n_samples,
            "bootstrap": {
                "resamples": given.n_resamples,
                "seed": given.seed,
                "clusters": self.n_clusters,
                "cluster": self.cluster,
            },
            "scores": self.comparison.scores.to_dicts(),
            "differences": self.comparison.differences.to_dicts(),
        }

    def _means(self, title: str, metrics: list[str]) -> Table:
        means = {
            (row["run"], row["metric"]): _with_spread(row["mean"], row["seed_sd"])
            for row in self.comparison.scores.iter_rows(named=True)
        }
        thresholded = ("micro_f1", "macro_f1")
        rows = [
            [
                entrant.name,
                *(means[entrant.name, metric] for metric in metrics),
                *(_score(entrant.mean(_of_test(name))) for name in thresholded),
            ]
            for entrant in self.entrants
        ]
        if any(len(entrant.runs) > 1 for entrant in self.entrants):
            title = f"{title}; ± standard deviation over seeds"
        return Table(title, ["run", *metrics, "micro F1", "macro F1"], rows)

    def _at_ks(self, names: Sequence[str]) -> list[str]:
        wanted = (f"{name}@{k}" for name in names for k in self.statistics.ks)
        return [metric for metric in wanted if metric in self.comparison.metrics]


def compared_metrics() -> dict[str, list[str]]:
    """Return the names of the metrics that are compared, by the family that they belong to."""
    standard = headline_names(standard_metrics())
    return {
        "Report's definitions": headline_names(REPORT_METRICS),
        "Standard definitions": standard,
        "All tagged posts": [f"open_{name}" for name in standard],
    }


def compare_runs(runs: Sequence[FinishedRun], statistics: Statistics) -> Compared:
    """Compare runs, those that differ only in their seed together, see `compare_entrants`."""
    return compare_entrants(entrants_of(runs), statistics)


def compare_entrants(entrants: Sequence[Entrant], statistics: Statistics) -> Compared:
    """Compare what was scored on the same posts; a single run gets its intervals.

    Raises:
        InputError: they were not, or a metric or rank is asked for that they do not have.
    """
    runs = [run for entrant in entrants for run in entrant.runs]
    check_same_posts(runs)
    row_scores = {entrant.name: _of_seeds(entrant, statistics.ks) for entrant in entrants}
    shared = set.intersection(*(set(scores) for scores in row_scores.values()))
    row_scores = {
        run: {metric: values for metric, values in scores.items() if metric in shared}
        for run, scores in row_scores.items()
    }
    if statistics.metric not in shared:
        raise InputError(
            f"--metric {statistics.metric}: expected one of {', '.join(sorted(shared))}"
        )
    clusters, cluster = clusters_of(runs[0])
    found = compare(
        row_scores,
        _judged(next(iter(row_scores.values())), statistics.ks[0]),
        clusters,
        n_samples=statistics.n_samples,
        n_resamples=statistics.n_resamples,
        seed=statistics.seed,
    )
    return Compared(entrants, found, statistics, cluster, len(np.unique(clusters)))


def write_comparison(compared: Compared, folder: Path) -> None:
    """Write `comparison.md`, `.tex`, `.json`, `scores.csv`, `differences.csv`, and a figure."""
    draw_intervals(compared.comparison, compared.statistics.metric, compared.title, folder)
    write_text(folder / "comparison.md", compared.markdown())
    latex = "\n\n".join(table.latex() for table in compared.tables())
    write_text(folder / "comparison.tex", latex + "\n")
    write_json(folder / "comparison.json", compared.as_json())
    found = compared.comparison
    for name, frame in (("scores", found.scores), ("differences", found.differences)):
        with atomic_path(folder / f"{name}.csv") as path:
            for_csv(frame).write_csv(path)


def _of_seeds(entrant: Entrant, ks: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return metric -> (N, S) scores of the posts with each seed."""
    of_runs = [_row_scores(run, ks) for run in entrant.runs]
    shared = [name for name in of_runs[0] if all(name in scores for scores in of_runs)]
    return {name: np.stack([scores[name] for scores in of_runs], axis=1) for name in shared}


def _of_run(key: str) -> Callable[[FinishedRun], float | None]:
    return lambda run: run.metrics.get(key)


def _of_test(key: str) -> Callable[[FinishedRun], float | None]:
    return lambda run: run.metrics["test"].get(key)


def _row_scores(run: FinishedRun, ks: tuple[int, ...]) -> dict[str, np.ndarray]:
    config = run.folder.config
    ranks = config.evaluation.top_k
    if max(ks) > ranks and len(run.folder.label_set) > ranks:  # else rankings are whole
        raise InputError(
            f"--k {max(ks)}: {run.folder.path} keeps {ranks} ranks of each post; "
            f"ask for at most that, or train with evaluation.top_k={max(ks)}"
        )
    judged = judge(run.predictions_file, run.predictions_file, max(ks))
    scores = judged.row_scores(ks)
    if config.evaluation.open:
        scores |= judged.open_row_scores(ks)
    families = compared_metrics().values()
    shown = (f"{name}@{k}" for family in families for name in family for k in ks)
    return {name: scores[name].numpy() for name in shown if name in scores}


def _judged(scores: Mapping[str, np.ndarray], k: int) -> dict[str, np.ndarray]:
    """Return which posts each metric judges; one without a hit may be NaN all the same."""
    ndcg = scores[f"ndcg@{k}"]
    closed = ~np.isnan(ndcg).all(axis=1)
    tagged = ~np.isnan(scores.get(f"open_ndcg@{k}", ndcg)).all(axis=1)
    return {name: tagged if name.startswith("open_") else closed for name in scores}


def _facts(run: FinishedRun) -> dict[str, Any]:
    known = ("model", "protocol", "corpus", "seed", *COSTS)
    thresholded = {name: run.metrics["test"].get(name) for name in ("micro_f1", "macro_f1")}
    facts = {key: run.metrics.get(key) for key in known}
    return {"name": run.name, "folder": str(run.folder.path), **facts, **thresholded}


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _with_spread(mean: float | None, seed_sd: float | None) -> str:
    return _score(mean) if seed_sd is None else f"{_score(mean)} ± {seed_sd:.4f}"


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _amount(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.1f}" if isinstance(value, float) and value < 100 else f"{value:,.0f}"
