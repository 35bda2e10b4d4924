"""A run from raw posts to its folder."""

from __future__ import annotations

import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
import torch
import yaml

from tagfinder.artifacts.ownership import alone_in, remove_unused
from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.errors import InputError, WorkError
from tagfinder.evaluation.rankings import top_k
from tagfinder.sweeping.task import run_configured

SMALL = ("data=synthetic", "data.rows=2000")


def train(folder: Path, *overrides: str) -> RunFolder:
    run_configured("tagfinder.runs.train:train", [*SMALL, *overrides, f"run_dir={folder}"], "train")
    return RunFolder.open(folder)


@pytest.mark.parametrize("model", ["random", "tfidf_lr", "tfidf_svm", "tfidf_ovr", "fasttext"])
def test_a_run_leaves_scores_predictions_and_all_that_is_needed_to_recommend(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(tmp_path / "run", f"model={model}")
    metrics = run.metrics
    assert metrics["protocol"] == "report"
    assert metrics["model"] == model
    assert metrics["train_seconds"] > 0
    assert metrics["model_bytes"] >= 4 * len(run.label_set)
    for part in ("val", "test"):
        assert 0 < metrics[part]["ndcg@5"] <= 1
        assert 0 < metrics[part]["report_map@5"] <= 1
    predictions = pl.read_parquet(run.path / "predictions.parquet")
    assert predictions.select("id", "labels", "top_labels", "top_scores").schema == pl.Schema(
        {
            "id": pl.String,
            "labels": pl.List(pl.Int32),
            "top_labels": pl.List(pl.Int32),
            "top_scores": pl.List(pl.Float32),
        }
    )
    assert predictions.height == metrics["rows"]["test"]
    assert yaml.safe_load(run.config_file.read_text())["seed"] == 1
    assert len(run.label_set) == 50
    printed = capsys.readouterr().out
    assert f"run folder: {run.path}" in printed
    assert f"{metrics['test']['ndcg@5']:.4f}" in printed


@pytest.mark.parametrize(
    "wrong",
    [
        "trainer.max_epochs=-1",
        "model.learner.C=0",
        "model.learner.solver=sagga",
        "model.ngram_range=[2,1]",
        "selection.min_count=-1",
        "data.drift=2",
        "batches.eval_batch_size=0",
    ],
)
def test_a_value_out_of_bounds_is_refused_before_anything_is_prepared(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAGFINDER_CACHE", str(tmp_path / "cache"))
    key = wrong.partition("=")[0]
    with pytest.raises(InputError, match=rf"^{key}=.*: expected "):
        train(tmp_path / "run", wrong)
    assert not list(tmp_path.glob("cache/*"))


def test_a_refused_command_leaves_no_folder(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "refused"
    overrides = ["data=files", "data.path=nowhere.csv", f"run_dir={run}"]
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        run_configured("tagfinder.runs.train:train", overrides, "train")
    assert not run.exists()


def test_a_folder_with_files_or_in_use_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with alone_in(tmp_path / "used"), ThreadPoolExecutor() as pool:
        pool.submit(remove_unused, tmp_path / "used").result()
        assert (tmp_path / "used").exists()
    (tmp_path / "run" / "config.yaml").touch()
    remove_unused(tmp_path / "run")
    remove_unused(tmp_path / "used")
    assert (tmp_path / "run" / "config.yaml").is_file()
    assert not (tmp_path / "used").exists()


def test_fewer_ranks_than_are_scored_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model.top_k=3: expected at least evaluation.top_k=10"):
        train(tmp_path / "run", "model=omikuji", "model.top_k=3")


def test_a_quick_experiment_goes_through_all_stages_on_the_first_posts(tmp_path: Path) -> None:
    settings = ("data.rows=4000", "model=lstm", "embedding=scratch", "experiment=quick")
    run = train(tmp_path / "run", *settings)
    manifest = json.loads((Path(run.facts["corpus"]["folder"]) / "manifest.json").read_text())
    # The source left out some before they were counted as posts.
    assert 3000 <= manifest["rows_read"] < 4000
    assert sum(run.metrics["rows"].values()) <= 3000
    assert run.metrics["epochs"] == 2
    assert 0 < run.metrics["test"]["ndcg@5"] <= 1
    for made in ("predictions.parquet", "calibration.json", "figures/learning_curves.png", "model"):
        assert (run.path / made).exists()


def test_a_live_recommender_without_its_protocol_is_answered_with_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="model=live .*order of time and needs protocol=live"):
        train(tmp_path / "run", "model=live")


def test_a_reader_of_the_output_that_leaves_does_not_cost_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def left(text: object, *, err: bool = False) -> None:
        if not err:
            raise BrokenPipeError

    monkeypatch.setattr("tagfinder.runs.train.click.echo", left)
    with pytest.raises(WorkError):
        train(tmp_path / "run", "model=random")
    run = RunFolder.open(tmp_path / "run")
    assert run.digests is not None
    assert "metrics.json" in run.digests


def test_a_checkpoint_outside_of_a_run_is_not_continued_from(tmp_path: Path) -> None:
    file = tmp_path / "mine.ckpt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data.pkl", b"")
    with pytest.raises(InputError, match=r"mine\.ckpt is not in the folder of a run"):
        train(tmp_path / "run", "model=random", f"resume={file}")


def test_reading_the_post_beats_not_reading_it(tmp_path: Path) -> None:
    scores = {
        model: train(tmp_path / model, f"model={model}").metrics["test"]["ndcg@5"]
        for model in ("random", "tfidf_lr")
    }
    assert scores["tfidf_lr"] > scores["random"] + 0.2


def test_the_honest_protocol_scores_every_tagged_post_as_well(tmp_path: Path) -> None:
    test = train(tmp_path / "run", "protocol=honest", "selection.top_n=10").metrics["test"]
    assert 0 < test["coverage"] < 1
    assert test["open_ndcg@5"] < test["ndcg@5"]
    assert test["open_n"] > test["n"]


def test_seed_0_is_a_seed(tmp_path: Path) -> None:
    assert train(tmp_path / "run", "model=random", "seed=0").metrics["seed"] == 0


def test_the_checkpoint_gives_the_scores_back_without_unpickling(tmp_path: Path) -> None:
    run = train(tmp_path / "run", "model=tfidf_lr")
    from composed import configured, prepared

    from tagfinder.configuration.build import build
    from tagfinder.data.datamodule import CorpusDataModule

    checkpoint = torch.load(run.checkpoints / "last.ckpt", weights_only=True)
    config = configured(*SMALL, "model=tfidf_lr")
    features = build(config.features)
    model = build(config.model)(label_set=run.label_set, features=features)
    model.restore_state(checkpoint["state_dict"])
    data = CorpusDataModule(prepared(*SMALL), features, **config.batches)
    texts = data.corpus.part("test", [features.column])[features.column].to_list()
    labels, _ = top_k(torch.from_numpy(model.score(texts)), 10)
    stored = pl.read_parquet(run.path / "predictions.parquet")["top_labels"].to_list()
    assert labels.tolist() == stored


def test_metrics_are_valid_json_for_any_reader(tmp_path: Path) -> None:
    run = train(tmp_path / "run", "model=random")
    json.loads(run.metrics_file.read_text(), parse_constant=pytest.fail)


def test_a_closed_recommender_is_not_given_every_hashtag_there_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model=lstm has a closed .*selection.top_n=50"):
        train(tmp_path / "run", "model=lstm", "protocol=live")
    assert not (tmp_path / "run" / "run.json").exists()
