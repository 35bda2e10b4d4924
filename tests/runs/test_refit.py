"""A finished run refitted and scored period by period."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from made_up import write_posts_of_a_year

from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.commands.compare import command as compare_command
from tagfinder.commands.evaluate import command
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.errors import InputError
from tagfinder.files import read_json
from tagfinder.runs.refit import evaluate_over_time
from tagfinder.sweeping.task import run_configured

OVERRIDES = ("data=files", "model=tfidf_svm", "protocol=honest", "selection.top_n=10")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "svm"
    posts = write_posts_of_a_year(tmp_path_factory.mktemp("posts") / "posts.parquet")
    overrides = [*OVERRIDES, f"data.path={posts}", f"run_dir={folder}"]
    run_configured("tagfinder.runs.train:train", overrides, "train")
    return folder


@pytest.fixture(scope="module")
def monthly(run: Path) -> RunFolder:
    arguments = [str(run), "--protocol", "live", "--refit", "monthly", "--json"]
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    printed = json.loads(done.stdout)
    refit = RunFolder.open(Path(printed.pop("run")))
    test = refit.metrics["test"]
    assert {name: score["mean"] for name, score in printed.items()} == pytest.approx(
        {name: test[f"open_{name}"] for name in printed}, abs=1e-6
    )
    return refit


def test_every_test_post_is_ranked_by_what_was_known_before_its_period(monthly: RunFolder) -> None:
    corpus = PreparedCorpus(Path(read_json(monthly.run_file)["corpus"]["folder"]))
    posts = pl.read_parquet(corpus.folder / "posts.parquet")
    test = posts.filter(split=pl.lit("test"))
    predictions = pl.read_parquet(monthly.path / "predictions.parquet")
    assert predictions["id"].equals(test["id"])
    assert predictions["labels"].equals(test["labels"])
    assert (predictions["top_labels"].list.len() > 0).all()
    periods = monthly.metrics["periods"]
    assert len(periods) > 1
    assert sum(period["posts"] for period in periods) == test.height
    known = [period["train_posts"] for period in periods]
    assert known == sorted(known) and known[0] < known[-1]
    begin = pl.lit(periods[0]["begin"]).str.to_datetime(time_zone="UTC")
    before = posts.filter(pl.col("created_at") < begin - pl.duration(days=1))
    first = predictions.filter(
        test["created_at"] < pl.Series([periods[0]["end"]]).str.to_datetime(time_zone="UTC")[0]
    )
    suggested = set(first["top_labels"].explode().to_list())
    assert suggested <= set(before["labels"].explode().to_list())


def test_an_interrupted_call_fits_only_the_missing_periods(run: Path, monthly: RunFolder) -> None:
    files = sorted((monthly.path / "periods").glob("*.parquet"))
    whole = (monthly.path / "predictions.parquet").read_bytes()
    times = [file.stat().st_mtime_ns for file in files]
    files[1].unlink()
    files[1].with_suffix(".json").unlink()
    evaluate_over_time(run, "live", "monthly")
    after = [file.stat().st_mtime_ns for file in files]
    assert [old == new for old, new in zip(times, after, strict=True)] == [
        number != 1 for number in range(len(files))
    ]
    assert (monthly.path / "predictions.parquet").read_bytes() == whole


def test_what_comes_out_is_a_run_that_can_be_compared(
    run: Path, monthly: RunFolder, tmp_path: Path
) -> None:
    never, slices = evaluate_over_time(run, "live", "never")
    assert len(never.metrics["periods"]) == 1
    arguments = [str(never.path), str(monthly.path), "--metric", "open_ndcg@5"]
    done = CliRunner().invoke(
        compare_command, [*arguments, "--out", str(tmp_path)], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    bounds = slices.reachable["best_possible"]
    with_variants = read_json(never.path / "slices.json")["variant_ndcg@5"]
    assert slices.overall["ndcg@5"]["mean"] <= with_variants + 1e-6 <= 1
    for name, score in slices.overall.items():
        assert score["mean"] <= bounds[name]
    assert (never.figures / "slices.png").stat().st_size > 1000
    table = pl.read_csv(never.path / "slices.csv")
    assert {"month", "author", "age of the hashtag"} <= set(table["dimension"])


def test_an_open_vocabulary_is_not_refitted(run: Path, tmp_path: Path) -> None:
    from omegaconf import OmegaConf

    copy = tmp_path / "open"
    copy.mkdir()
    config = OmegaConf.load(run / "config.yaml")
    config.selection.top_n = None
    config.model._target_ = "tagfinder.models.live.LiveRecommender"
    OmegaConf.save(config, copy / "config.yaml")
    (copy / "run.json").write_text((run / "run.json").read_text())
    with pytest.raises(InputError, match="open vocabulary"):
        evaluate_over_time(copy, "live", "never")
