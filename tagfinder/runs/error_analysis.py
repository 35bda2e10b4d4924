"""Errors of a finished run, and tuned thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tagfinder.artifacts.checkpoints import load_weights
from tagfinder.artifacts.manifest import changing
from tagfinder.artifacts.ownership import owned, traced
from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.configuration.build import build, build_model
from tagfinder.evaluation.calibration import WITHOUT_AUTHOR, Shown, read_calibrations
from tagfinder.evaluation.error_counts import ScoredPredictions
from tagfinder.evaluation.error_figures import draw_shown_reliability
from tagfinder.evaluation.error_report import write_errors
from tagfinder.evaluation.evaluator import Evaluator
from tagfinder.evaluation.score_counting import ScoreCounting
from tagfinder.evaluation.tables import Table
from tagfinder.evaluation.thresholds import effect, tune
from tagfinder.files import write_json
from tagfinder.recommend.saved import CALIBRATION_FILE
from tagfinder.runs.extra_rankings import ranked_posts
from tagfinder.runs.rescore import data_of, described, intact_of, score_part
from tagfinder.training.modules import module_of
from tagfinder.training.single_pass import trains_open_vocabulary

THRESHOLDS_FILE = "thresholds.json"
# What `analyse_run` puts into the run's folder.
WRITTEN = (THRESHOLDS_FILE, "errors.json", "worst_posts.md", "figures/*")
KINDS = {
    "fixed": "one, fixed",
    "global": "one, tuned on validation",
    "per_label": "one a label, tuned on validation",
}


def analyse_run(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Score validation and test part with the scored weights, and write the analysis.

    The run's folder gets figures, `errors.json`, `worst_posts.md` and `thresholds.json`.

    Returns:
        The scores of the test part, as `evaluate` gives them, and the thresholds' effect on F1
        for each part; empty if the recommender has no closed label set.

    Raises:
        InputError: the folder is no run's, or has no intact checkpoint.
    """
    run = RunFolder.open(folder)
    with owned(run.path), traced(run.path), changing(run.path, *WRITTEN):
        return analyse_in(run)


def analyse_in(run: RunFolder) -> tuple[dict[str, Any], dict[str, Any]]:
    """Examine a run whose folder belongs to this process, as `analyse_run` says."""
    config, file = run.config, intact_of(run, run.weights)
    data = data_of(run, config)
    model = module_of(build_model(config.model, run.label_set, data.features))
    epoch = load_weights(model, file)
    evaluator: Evaluator = build(config.evaluation, run_dir=None)
    counting = ScoreCounting()
    score_part(model, data, "val", [evaluator, counting])
    score_part(model, data, "test", [evaluator, counting])
    histograms = counting.histograms
    changed: dict[str, Any] = {}
    if "val" in histograms:
        thresholds = tune(histograms["val"], evaluator.threshold)
        changed = {
            part: effect(thresholds, counts, evaluator.results[part])
            for part, counts in histograms.items()
        }
        thresholds.save(run.path / THRESHOLDS_FILE, run.label_set.hashtags, changed)
    assert evaluator.predictions is not None
    known = data.corpus.part("test", ["created_at", "clean", "text"])
    judged = ScoredPredictions(
        name=title_of(run),
        posts=evaluator.predictions.hstack(known),
        hashtags=run.label_set.hashtags,
        train_counts=np.array(run.label_set.train_counts),
        histograms=histograms.get("test"),
        at_threshold=evaluator.per_label.get("test"),
        threshold=evaluator.threshold,
    )
    numbers = write_errors(judged, run.path, run.figures)
    shown = {"": evaluator.predictions}
    hidden = model.without_author("test") if trains_open_vocabulary(model) else None
    if hidden is not None:
        shown[f"_{WITHOUT_AUTHOR}"] = ranked_posts(data.corpus, "test", hidden)
    _write_shown_reliability(run, shown, numbers)
    return described(run, file, epoch, model) | evaluator.results["test"], changed


def _write_shown_reliability(
    run: RunFolder, shown: dict[str, pl.DataFrame], numbers: dict[str, Any]
) -> None:
    """Add the calibration of the probabilities that people see to `errors.json` and the figures.

    Args:
        run: the run.
        shown: rankings of the test part, by the end of their name: empty, or `_without_author`.
        numbers: of `errors.json`.
    """
    curves = read_calibrations(run.path / CALIBRATION_FILE)
    figures, errors = list(numbers["figures"]), {}
    for ending, predictions in shown.items():
        judged = Shown.of(predictions).judge(curves.of(author_known=not ending))
        title = title_of(run) + ending.replace("_", " ")
        figures.append(draw_shown_reliability(title, judged, run.figures, ending))
        errors[f"calibration_error_shown{ending}"] = judged["ece"]
    write_json(run.path / "errors.json", {**numbers, "figures": figures, **errors})


def title_of(run: RunFolder) -> str:
    """Return the title of a run in figures: its model, corpus and protocol if known."""
    if not run.metrics_file.is_file():
        return run.path.absolute().name
    facts = run.metrics
    return f"{facts['model']} on {facts['corpus']}, protocol {facts['protocol']}"


def effect_table(changed: dict[str, Any]) -> Table:
    """Return F1 at each kind of threshold, as `thresholds.json` keeps it under `effect`."""
    columns = [(part, name) for part in changed for name in ("micro_f1", "macro_f1")]
    header = [f"{part} {name.replace('_f1', ' F1')}" for part, name in columns]
    rows = [
        [label, *(f"{changed[part][kind][name]:.4f}" for part, name in columns)]
        for kind, label in KINDS.items()
    ]
    return Table("F1 by threshold", ["threshold", *header], rows)
