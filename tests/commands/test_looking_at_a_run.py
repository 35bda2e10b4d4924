"""`tagfinder evaluate` and `tagfinder report` on a run that was really trained."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from tagfinder.cli import main
from tagfinder.commands.evaluate import command as evaluate

FIGURES = {
    *("confusion_per_label", "confused_labels", "roc", "precision_recall", "ndcg_histogram"),
    *("worst_text_lengths", "errors_by_label", "score_by_label_frequency"),
    *("score_by_text_length", "score_by_month", "reliability", "reliability_first"),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs on one small corpus, the first with its errors looked at."""
    base = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAGFINDER_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        for model in ("tfidf_lr", "random"):
            with pytest.raises(SystemExit) as end:
                main(["train", f"model={model}", "data.rows=1500", f"run_dir={base / model}"])
            assert end.value.code in (0, None)
        result = CliRunner().invoke(evaluate, [str(base / "tfidf_lr")], catch_exceptions=False)
        assert "one a label, tuned on validation" in result.stdout
    return [base / "tfidf_lr", base / "random"]


def test_evaluating_leaves_every_figure_of_errors_in_the_run(runs):
    for name in FIGURES:
        assert (runs[0] / "figures" / f"{name}.svg").is_file()
        assert (runs[0] / "figures" / f"{name}.png").is_file()
    assert set(json.loads((runs[0] / "errors.json").read_text())["figures"]) == FIGURES


def test_evaluating_scores_as_training_did(runs):
    numbers = json.loads((runs[0] / "errors.json").read_text())
    metrics = json.loads((runs[0] / "metrics.json").read_text())
    assert sum(numbers["report_ndcg@10_posts"]) == metrics["test"]["n"]
    assert numbers["auc"]["macro"] == pytest.approx(metrics["test"]["macro_auc"], abs=1e-9)


def test_thresholds_are_tuned_on_validation_and_their_effect_is_kept(runs):
    stored = json.loads((runs[0] / "thresholds.json").read_text())
    metrics = json.loads((runs[0] / "metrics.json").read_text())
    labels = json.loads((runs[0] / "labels.json").read_text())
    assert list(stored["per_label"]) == labels["hashtags"]
    for part in ("val", "test"):
        fixed = stored["effect"][part]["fixed"]
        assert fixed == {name: metrics[part][name] for name in ("micro_f1", "macro_f1")}
    val = stored["effect"]["val"]
    assert val["global"]["micro_f1"] >= val["fixed"]["micro_f1"] - 1e-3


def test_the_worst_posts_are_real_posts_with_what_was_suggested(runs):
    page = (runs[0] / "worst_posts.md").read_text()
    predictions = pl.read_parquet(runs[0] / "predictions.parquet")
    assert sum(f"| {name} " in page for name in predictions["id"]) == 50
