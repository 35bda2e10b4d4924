"""`tagfinder evaluate` and `tagfinder report` on a run that was really trained."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import jinja2
import polars as pl
import pytest
from base_folder import base_folder
from click.testing import CliRunner
from made_up_runs import made_up_run, random_labels, rankings

from tagfinder.cli import main
from tagfinder.commands.evaluate import command as evaluate
from tagfinder.commands.report import command as report
from tagfinder.runs.compare import Statistics, compare_entrants
from tagfinder.runs.finished_runs import entrants_of, open_runs
from tagfinder.runs.html_page import html_page
from tagfinder.runs.report import comparable

FIGURES = {
    *("confusion_per_label", "confused_labels", "roc", "precision_recall", "ndcg_histogram"),
    *("worst_text_lengths", "errors_by_label", "score_by_label_frequency"),
    *("score_by_text_length", "score_by_month", "reliability", "reliability_first"),
    "reliability_shown",
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs on one small corpus, the first with its errors looked at."""
    base = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAGFINDER_CACHE", str(base_folder(tmp_path_factory) / "cache"))
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


@pytest.fixture(scope="module")
def page(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report on both runs; the errors of the second one were never looked at."""
    folder = tmp_path_factory.mktemp("page")
    arguments = [*map(str, runs), "--out", str(folder), "--resamples", "200"]
    result = CliRunner().invoke(report, arguments, catch_exceptions=False)
    assert result.stdout.strip() == str(folder / "report.html")
    return folder


def test_the_page_holds_all_that_it_shows(page):
    html = (page / "report.html").read_text()
    sources = re.findall(r'<img src="([^"]*)"', html)
    assert len(sources) > 20
    assert all(source.startswith("data:image/") for source in sources)
    assert not re.search(r'(src|href)="(?!data:)', html)
    for source in sources:
        assert len(base64.b64decode(source.partition(",")[2], validate=True)) > 5_000


def test_the_markdown_says_the_same_and_its_figures_are_there(page):
    markdown, html = ((page / f"report.{ending}").read_text() for ending in ("md", "html"))
    for heading in re.findall(r"^#+ (.*)$", markdown.partition("## What was run")[0], re.MULTILINE):
        as_seen = heading.replace("\\", "")  # names are escaped in Markdown
        assert f">{as_seen}<" in html
    assert html.count("<table>") == len(re.findall(r"^\|[ :]*-+", markdown, re.MULTILINE))
    for path in re.findall(r"!\[.*?\]\((.*?)\)", markdown):
        assert (page / path).is_file()
        assert (page / path).with_suffix(".png").is_file()


def test_the_page_tells_data_settings_scores_statistics_errors_and_versions(page, runs):
    markdown = (page / "report.md").read_text()
    score = json.loads((runs[0] / "metrics.json").read_text())["test"]["report_ndcg@5"]
    assert f"{score:.4f}" in markdown
    for part in (
        "### Corpus synthetic",
        "| model ",
        "RandomRecommender",
        "tfidf_lr beats random by",
        "200 bootstrap resamples",
        "(Table 6)",
        "(Table 7)",
        "F1 by threshold",
        "one a label, tuned on validation",
        "pytorch-lightning",
        "data.rows=1500",
        f"`tagfinder evaluate {runs[1]}` adds them",
    ):
        assert part in markdown, part


def test_the_page_quotes_no_post(page, runs):
    corpus = Path(json.loads((runs[0] / "run.json").read_text())["corpus"]["folder"])
    texts = pl.read_parquet(corpus / "posts.parquet")["text"]
    html = (page / "report.html").read_text()
    assert not any(text in html for text in texts if len(text) > 30)


def test_only_runs_on_the_same_posts_are_compared(tmp_path):
    labels = random_labels(80)
    folders = [
        made_up_run(tmp_path / name, part, rankings(part, 0.5), tmp_path / "gone")
        for name, part in (("long", labels), ("short", labels[:60]), ("other", labels))
    ]
    groups = comparable(entrants_of(open_runs(folders)))
    assert [[one.name for one in group] for group in groups] == [["long", "other"], ["short"]]
    (alone,) = (compare_entrants(group, Statistics(n_resamples=50)) for group in groups[1:])
    assert alone.comparison.differences.is_empty()
    assert alone.comparison.scores["bootstrap_low"].is_not_null().all()


def test_markup_in_names_is_shown_and_not_obeyed(tmp_path):
    template = jinja2.Template("<title>{{ title | e }}</title>{{ body }}")
    page = html_page("# <script>alert(1)</script>", "<b>", template, tmp_path)
    assert page == "<title>&lt;b&gt;</title><h1>&lt;script&gt;alert(1)&lt;/script&gt;</h1>\n"
