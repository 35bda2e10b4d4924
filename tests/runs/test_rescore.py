"""Scoring a finished run again, checkpoint by checkpoint; resuming from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from omegaconf import OmegaConf

from tagfinder.artifacts.checkpoints import load_checkpoint
from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.commands.evaluate import command
from tagfinder.errors import InputError
from tagfinder.files import read_json
from tagfinder.recommend.saved import read_run
from tagfinder.sweeping.task import run_configured

SMALL = ("data=synthetic", "data.rows=600", "model=lstm", "embedding=scratch")


def train(folder: Path, *overrides: str) -> None:
    arguments = [*SMALL, "checkpoint_every=2", f"run_dir={folder}", *overrides]
    run_configured("tagfinder.runs.train:train", arguments, "train")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "lstm"
    train(folder, "trainer.max_epochs=5")
    return folder


def evaluated(*arguments: str) -> list[dict]:
    done = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_kept_epoch_has_its_quality_its_seconds_and_its_size(run: Path) -> None:
    rows = evaluated(str(run), "--checkpoint", "all", "--part", "val")
    history = {epoch["epoch"]: epoch for epoch in read_json(run / "history.json")}
    best = read_json(run / "metrics.json")["best_epoch"]
    assert [row["epoch"] for row in rows] == sorted({2, 4, 5, best})
    for row in rows:
        assert row["ndcg@5"] == pytest.approx(history[row["epoch"]]["val/ndcg@5"], rel=1e-6)
        assert row["seconds"] == history[row["epoch"]]["seconds"]
    assert len({row["model_bytes"] for row in rows}) == 1
    assert rows[0]["checkpoint_bytes"] > rows[0]["model_bytes"]


def test_the_weights_of_the_best_epoch_are_scored_and_recommend(run: Path) -> None:
    (row,) = evaluated(str(run), "--no-errors")
    metrics, history = read_json(run / "metrics.json"), read_json(run / "history.json")
    best = max(history, key=lambda epoch: epoch["val/ndcg@5"])
    assert row["epoch"] == metrics["best_epoch"] == metrics["scored_epoch"] == best["epoch"]
    assert {name: row[name] for name in metrics["test"]} == pytest.approx(metrics["test"], rel=1e-6)
    assert metrics["val"]["ndcg@5"] == pytest.approx(best["val/ndcg@5"], rel=1e-6)
    assert metrics["best_val_ndcg@5"] == best["val/ndcg@5"]
    weights = load_checkpoint(run / "checkpoints/best.ckpt")["state_dict"]
    for name, value in read_run(run).state.items():
        assert np.array_equal(value, weights[name].numpy()), name
    (last,) = evaluated(str(run), "--checkpoint", "last")
    assert last["epoch"] == 5


def test_a_run_may_be_scored_by_its_last_epoch_afterwards(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "lstm"
    shutil.copytree(run, copy)
    train(copy, "trainer.max_epochs=5", "resume=auto", "scored_checkpoint=last")
    metrics = read_json(copy / "metrics.json")
    assert metrics["scored_epoch"] == 5
    assert metrics["best_epoch"] == read_json(run / "metrics.json")["best_epoch"]
    assert RunFolder.open(copy).weights.name == "last.ckpt"


def test_a_run_of_an_older_version_is_scored_and_resumed(run: Path, tmp_path: Path) -> None:
    old = tmp_path / "lstm"
    shutil.copytree(run, old)
    (old / "files.json").unlink()
    (old / "checkpoints/best.ckpt").unlink()
    config = OmegaConf.load(old / "config.yaml")
    for key in ("sampling", "scored_checkpoint", "patience"):
        del config[key]
    del config.model.network["dropout"]
    OmegaConf.save(config, old / "config.yaml")
    (row,) = evaluated(str(old), "--no-errors")
    assert row["epoch"] == 5
    train(old, "trainer.max_epochs=6", "resume=auto")
    assert len(read_json(old / "history.json")) == 6


def test_a_checkpoint_that_is_not_there_is_named(run: Path) -> None:
    with pytest.raises(InputError, match="no.ckpt is not there"):
        evaluated(str(run), "--checkpoint", str(run / "no.ckpt"))


def test_the_run_shows_its_learning_curves(run: Path) -> None:
    assert (run / "figures/learning_curves.png").stat().st_size > 1000


def test_a_finished_run_may_be_given_more_epochs_but_no_other_configuration(run: Path) -> None:
    with pytest.raises(InputError, match="holds a run already"):
        train(run, "trainer.max_epochs=6")
    with pytest.raises(InputError, match=r"model.network.hidden_size: 50 -> 20"):
        train(run, "trainer.max_epochs=6", "resume=auto", "model.network.hidden_size=20")
    with pytest.raises(InputError, match=r"trainer.max_epochs=3 but .* has 5 epochs"):
        train(run, "trainer.max_epochs=3", "resume=true")
    before = read_json(run / "history.json")
    train(run, "trainer.max_epochs=6", "resume=auto")
    after = read_json(run / "history.json")
    assert after[:5] == before and len(after) == 6
