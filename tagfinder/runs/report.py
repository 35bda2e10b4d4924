"""One page about finished runs: data, settings, scores, statistics, errors, commands."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import polars as pl
from omegaconf import OmegaConf

from tagfinder import __version__
from tagfinder.configuration.build import plain
from tagfinder.corpus.describe import describe
from tagfinder.errors import InputError
from tagfinder.escaping import fenced, for_markdown
from tagfinder.evaluation.comparison_figure import draw_intervals
from tagfinder.evaluation.error_counts import ScoredPredictions
from tagfinder.evaluation.error_figures import draw_errors
from tagfinder.evaluation.error_report import error_numbers
from tagfinder.evaluation.tables import Table
from tagfinder.files import read_json, write_text
from tagfinder.runs.compare import Compared, Statistics, compare_entrants
from tagfinder.runs.error_analysis import THRESHOLDS_FILE, effect_table, title_of
from tagfinder.runs.finished_runs import Entrant, FinishedRun, check_same_posts, entrants_of
from tagfinder.runs.html_page import html_page

TABLE_4 = [f"{name}@{k}" for name in ("report_ndcg", "report_map") for k in (3, 5, 10)]
FIGURES = "figures"
CONFUSED_SHOWN = 8


@dataclass(frozen=True)
class Shown:
    """An image of the page."""

    alt: str
    path: str


@dataclass(frozen=True)
class Group:
    """Runs that were scored on the same posts."""

    names: list[str]
    setting: str
    metric: str
    figure: Shown
    sentences: list[str]
    tables: list[Table]
    matrix: Table | None
    method: str


@dataclass(frozen=True)
class RunSection:
    """The section of the page about one run."""

    name: str
    title: str
    notes: list[str]
    tables: list[Table]
    figures: list[Shown]
    command: str
    config: str


def write_report(runs: Sequence[FinishedRun], statistics: Statistics, folder: Path) -> None:
    """Write `report.md` with its figures, and `report.html` with all of it in one file.

    Args:
        runs: the runs; those on the same posts are compared with each other. Of runs that differ
            only in their seed, the page shows the first in detail.
        statistics: how runs are compared.
        folder: of the page.
    """
    groups = [
        _group(compare_entrants(group, statistics), f"{FIGURES}/group-{number + 1}", folder)
        for number, group in enumerate(comparable(entrants_of(runs)))
    ]
    runs = [entrant.first for entrant in entrants_of(runs)]
    title = f"TagFinder: {', '.join(run.name for run in runs)}"
    markdown = _template("report.md.jinja").render(
        title=title,
        version=__version__,
        groups=groups,
        corpora=list(corpus_pages(runs, folder)),
        settings=settings_table(runs),
        epochs=[table for run in runs if (table := epochs_table(run))],
        runs=[_section(run, number, folder) for number, run in enumerate(runs)],
        provenance=provenance_table(runs),
    )
    markdown = re.sub(r"\n{3,}", "\n\n", markdown).rstrip() + "\n"
    write_text(folder / "report.md", markdown)
    template = _template("page.html.jinja")
    write_text(folder / "report.html", html_page(markdown, title, template, folder))


def comparable(entrants: Sequence[Entrant]) -> list[list[Entrant]]:
    """Put what was scored on the same posts and the same truth together."""
    groups: list[list[Entrant]] = []
    for entrant in entrants:
        for group in groups:
            try:
                check_same_posts([group[0].first, entrant.first])
            except InputError:
                continue
            group.append(entrant)
            break
        else:
            groups.append([entrant])
    return groups


def corpus_pages(runs: Sequence[FinishedRun], folder: Path) -> Iterator[str]:
    """Describe each corpus once, with its figures in the page's folder of figures."""
    digests: set[str] = set()
    for run in runs:
        digest = run.facts["corpus"]["digest"]
        if digest in digests:
            continue
        digests.add(digest)
        if run.corpus is None:
            yield (
                f"### Corpus {for_markdown(run.metrics['corpus'])}\n\nThe prepared corpus is gone; "
                f"the run saw {_parts(run.metrics['rows'])} posts."
            )
            continue
        place = f"{FIGURES}/corpus-{len(digests)}"
        describe(run.corpus, folder / place)
        page = (folder / place / "corpus.md").read_text(encoding="utf-8")
        # A label set may have thousands of rows; the figure shows its head.
        page = page.partition("## Label set")[0]
        page += f"All hashtags of the label set are in `{place}/corpus.md`.\n"
        page = re.sub(r"^(#+ )", r"##\1", page, flags=re.MULTILINE)
        yield page.replace("](", f"]({place}/").rstrip()


def settings_table(runs: Sequence[FinishedRun]) -> Table:
    """Return the settings in which runs differ, or of a single run the ones that matter most."""
    flat = [_settings(run) for run in runs]
    keys = list(dict.fromkeys(key for settings in flat for key in settings))
    shown = [key for key in keys if len({settings.get(key, "") for settings in flat}) > 1]
    if len(runs) == 1:
        shown = [key for key in keys if key.startswith(("model", "protocol", "split", "seed"))]
    rows = [[key, *(settings.get(key, "") for settings in flat)] for key in shown]
    title = "Settings that differ" if len(runs) > 1 else "Settings"
    return Table(title, ["key", *(run.name for run in runs)], rows)


def epochs_table(run: FinishedRun) -> Table | None:
    """Return validation scores at the epochs whose checkpoints stayed (report Table 4)."""
    file = run.folder.path / "history.json"
    history: list[dict[str, Any]] = read_json(file) if file.is_file() else []
    if len(history) < 2:
        return None
    every = run.folder.config.get("checkpoint_every") or len(history)
    kept = [e for e in history if e["epoch"] % every == 0 or e is history[-1]]
    rows = [
        [
            str(epoch["epoch"]),
            *(_score(epoch.get(f"val/{name}")) for name in TABLE_4),
            f"{epoch['seconds']:,.1f}",
        ]
        for epoch in kept
    ]
    title = f"{run.name}: validation by epoch (Table 4)"
    return Table(title, ["epoch", *TABLE_4, "seconds"], rows)


def provenance_table(runs: Sequence[FinishedRun]) -> Table:
    """Return seeds, corpora and versions of the runs, a column for each."""
    rows = [["seed", *(str(run.facts["seed"]) for run in runs)]]
    tags = [" ".join(run.facts.get("tags") or []) for run in runs]
    notes = [str(run.facts.get("note") or "") for run in runs]
    rows += [[title, *cells] for title, cells in (("tags", tags), ("note", notes)) if any(cells)]
    corpora = [run.facts["corpus"] for run in runs]
    rows.append(["corpus", *(str(corpus["name"]) for corpus in corpora)])
    rows.append(["corpus digest", *(str(corpus["digest"]) for corpus in corpora)])
    rows.append(["python", *(str(run.facts["python"]) for run in runs)])
    versions = [run.facts["versions"] for run in runs]
    for library in dict.fromkeys(name for known in versions for name in known):
        rows.append([library, *(str(known.get(library, "")) for known in versions)])
    return Table("Seeds, data and versions", ["", *(run.name for run in runs)], rows)


def judgements_of_run(run: FinishedRun) -> ScoredPredictions:
    """Return what a run's folder and its corpus tell of its errors, without scoring again."""
    posts = run.predictions
    if run.corpus is not None:
        known = run.corpus.part("test", ["id", "created_at", "clean"])
        if known["id"].equals(posts["id"]):
            posts = posts.hstack(known.drop("id"))
    per_label = run.folder.path / "per_label.csv"
    labels = run.folder.label_set
    return ScoredPredictions(
        name=title_of(run.folder),
        posts=posts,
        hashtags=labels.hashtags,
        train_counts=np.array(labels.train_counts),
        at_threshold=pl.read_csv(per_label) if per_label.is_file() else None,
        threshold=run.folder.config.evaluation.threshold,
    )


def _group(compared: Compared, place: str, folder: Path) -> Group:
    first = compared.entrants[0].runs[0].metrics
    several = len(compared.entrants) > 1
    protocols = sorted(
        {str(run.metrics["protocol"]) for one in compared.entrants for run in one.runs}
    )
    setting = f"{first['corpus']}, protocol {' and '.join(protocols)}"
    metric = compared.statistics.metric
    name = draw_intervals(compared.comparison, metric, setting, folder / place)
    return Group(
        names=[one.name for one in compared.entrants],
        setting=setting,
        metric=metric,
        figure=Shown(f"Intervals of {metric}", f"{place}/{name}.svg"),
        sentences=compared.conclusions() if several else [],
        tables=[compared.counts(), *compared.scores(), compared.costs()],
        matrix=compared.matrix() if several else None,
        method=compared.method,
    )


def _section(run: FinishedRun, number: int, folder: Path) -> RunSection:
    place = f"{FIGURES}/run-{number + 1}"
    numbers, names, notes = _errors(run, folder / place)
    curves = run.folder.figures / "learning_curves.svg"
    if curves.is_file():
        _copy(run.folder.figures, "learning_curves", folder / place)
        names = ["learning_curves", *names]
    thresholds = run.folder.path / THRESHOLDS_FILE
    changed = read_json(thresholds)["effect"] if thresholds.is_file() else {}
    tables = [*_error_tables(numbers), *([effect_table(changed)] if changed else [])]
    # Paths of the machine that made the run are private.
    shown = [str(key) for key in run.folder.config if key not in ("run_dir", "logger")]
    return RunSection(
        name=run.name,
        title=title_of(run.folder),
        notes=notes,
        tables=tables,
        figures=[
            Shown(name.replace("_", " ").capitalize(), f"{place}/{name}.svg") for name in names
        ],
        command=shlex.join(run.facts["command"]),
        config=OmegaConf.to_yaml(OmegaConf.masked_copy(run.folder.config, shown)).rstrip(),
    )


def _errors(run: FinishedRun, folder: Path) -> tuple[dict[str, Any], list[str], list[str]]:
    """Return numbers, names of figures and notes; figures are copied or drawn into `folder`."""
    file = run.folder.path / "errors.json"
    if file.is_file():
        numbers: dict[str, Any] = read_json(file)
        for name in numbers["figures"]:
            _copy(run.folder.figures, name, folder)
        return numbers, numbers["figures"], []
    judged = judgements_of_run(run)
    note = (
        "Curves, calibration of all scores and tuned thresholds need the model: "
        f"`tagfinder evaluate {run.folder.path}` adds them."
    )
    return error_numbers(judged), draw_errors(judged, folder), [note]


def _copy(source: Path, name: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for ending in (".svg", ".png"):
        shutil.copyfile(source / f"{name}{ending}", folder / f"{name}{ending}")


def _error_tables(numbers: dict[str, Any]) -> Iterator[Table]:
    edges = numbers["report_ndcg@10_edges"]
    bins = [f"{low:.1f}-{high:.1f}" for low, high in pairwise(edges)]
    counts = [f"{n:,}" for n in numbers["report_ndcg@10_posts"]]
    yield Table("Posts by report NDCG@10 (Table 7)", ["", *bins], [["posts", *counts]])
    measured = {
        "AUC, micro": numbers.get("auc", {}).get("micro"),
        "AUC, macro": numbers.get("auc", {}).get("macro"),
        "average precision, micro": numbers.get("average_precision", {}).get("micro"),
        "average precision, macro": numbers.get("average_precision", {}).get("macro"),
        "calibration error, all scores": numbers.get("calibration_error"),
        "calibration error, first suggestion": numbers.get("calibration_error_first"),
    }
    rows = [[name, _score(value)] for name, value in measured.items() if value is not None]
    if rows:
        yield Table("Curves and calibration", ["measure", "value"], rows)
    confused = numbers["most_confused"][:CONFUSED_SHOWN]
    if confused:
        pairs = [
            [
                *(f"#{for_markdown(pair[kind])}" for kind in ("missed", "given")),
                f"{pair['posts']:.1f}",
            ]
            for pair in confused
        ]
        yield Table("Most confused", ["true, but missed", "given instead", "posts"], pairs)


def _settings(run: FinishedRun) -> dict[str, str]:
    """Return dotted keys and values; classes by their names, without paths of this run alone."""
    flat = dict(_flattened(plain(run.folder.config)))
    return {
        key.removesuffix("._target_"): str(value).rpartition(".")[2]
        if key.endswith("_target_")
        else str(value)
        for key, value in flat.items()
        if not key.startswith(("run_dir", "logger."))
    }


def _flattened(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and values of nested settings; a list is one value."""
    if not isinstance(value, dict):
        yield key, value
        return
    for name, inner in value.items():
        yield from _flattened(inner, f"{key}.{name}" if key else str(name))


def _parts(rows: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {part}" for part, n in rows.items())


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _template(name: str) -> jinja2.Template:
    loader = jinja2.PackageLoader("tagfinder")
    # What is rendered is Markdown; the page's HTML is made, and escaped, from that.
    environment = jinja2.Environment(
        loader=loader, autoescape=False, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"text": for_markdown, "fenced": fenced}
    return environment.get_template(name)
