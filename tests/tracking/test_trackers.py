"""What trackers are left with: read back from the files that they write."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tagfinder.errors import WorkError
from tagfinder.files import read_json
from tagfinder.sweeping.task import run_configured

pytest.importorskip("wandb", reason="the extra track is not installed")

from wandb_files import tracked_runs

from tagfinder.tracking.wandb import WandbTracker, has_key

SMALL = ("data.rows=1000", "selection.top_n=10", "embedding=scratch", "trainer.max_epochs=3")


@pytest.fixture(autouse=True)
def _no_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def test_each_run_is_tracked_a_crash_as_a_crash_and_a_resumed_run_as_the_same_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, marker = tmp_path / "my-sweep", tmp_path / "marker"
    arguments = [
        *("--multirun", "model=lstm", "seed=1,2", *SMALL, "logger=[csv,wandb]"),
        "+callbacks.fail={_target_:fail_once.FailOnce,epoch:2,marker:'" + str(marker) + "'}",
        f"run_dir={folder}",
    ]
    with pytest.raises(WorkError, match="the disk is on fire"):
        run_configured("tagfinder.runs.train:train", arguments, "train")
    first, second = (next(folder.glob(f"*seed={seed}-*")) for seed in (1, 2))
    crashed, finished = tracked_runs(first)[0], tracked_runs(second)[0]

    assert finished.exit_code == 0
    assert finished.config["seed"] == 2
    assert finished.config["trainer"]["max_epochs"] == 3
    assert "model=lstm" in finished.config["overrides"]
    assert finished.group == "my-sweep"
    scores = [row["val/ndcg@5"] for row in finished.history if "val/ndcg@5" in row]
    history = read_json(second / "history.json")
    assert scores[:3] == pytest.approx([epoch["val/ndcg@5"] for epoch in history])
    metrics = read_json(second / "metrics.json")
    assert finished.summary["test/ndcg@5"] == pytest.approx(metrics["test"]["ndcg@5"])
    assert finished.summary["model_bytes"] == metrics["model_bytes"]
    assert finished.summary["figures/learning_curves/_type"] == "image-file"
    assert finished.summary["scores/_type"] == "table-file"

    assert finished.n_system_records > 0

    assert crashed.exit_code not in (0, None)
    assert crashed.run_id == read_json(first / "wandb.json")["id"] != finished.run_id
    assert "test/ndcg@5" not in crashed.summary
    assert f"wandb sync {second}/wandb/offline-run-*" in capsys.readouterr().err

    run_configured("tagfinder.runs.train:train", arguments, "train")
    before, after = tracked_runs(first)
    assert before.run_id == after.run_id == crashed.run_id
    assert after.exit_code == 0
    epochs = [row["epoch"] for part in (before, after) for row in part.history if "epoch" in row]
    assert epochs == sorted(epochs)
    assert [row["epoch"] for row in after.history if "train/loss" in row] == [2]
    assert len(tracked_runs(second)) == 1
    with (first / "logs" / "metrics.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["val/ndcg@5"]]
    assert [row["epoch"] for row in rows][:3] == ["0", "1", "2"]


def test_tensorboard_has_curves_settings_scores_and_figures(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    arguments = ["model=lstm", *SMALL, "logger=tensorboard", f"run_dir={tmp_path}"]
    run_configured("tagfinder.runs.train:train", arguments, "train")
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    tags = events.Tags()
    metrics = read_json(tmp_path / "metrics.json")
    (final,) = events.Scalars("final/test/ndcg@5")
    assert final.value == pytest.approx(metrics["test"]["ndcg@5"])
    assert len(events.Scalars("val/ndcg@5")) >= 3
    assert "figures/learning_curves" in tags["images"]
    assert {"config/text_summary", "scores/text_summary"} <= set(tags["tensors"])


def test_a_key_is_looked_for_and_never_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not has_key()
    assert WandbTracker(str(tmp_path / "run"), "p").offline
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password secret\n")
    assert has_key()
    (tmp_path / "netrc").unlink()
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert not WandbTracker(str(tmp_path / "run"), "p").offline
    assert WandbTracker(str(tmp_path / "run"), "p", mode="offline").offline
