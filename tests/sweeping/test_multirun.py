"""Many runs by one command, each in its own folder and independent of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tagfinder.artifacts.ownership import alone_in
from tagfinder.configuration.job_folder import folder_of_job
from tagfinder.errors import WorkError
from tagfinder.files import read_json
from tagfinder.sweeping.task import run_configured

SMALL = ("data.rows=1000", "selection.top_n=10")


def sweep(folder: Path, *overrides: str) -> None:
    arguments = [*SMALL, "--multirun", *overrides, f"run_dir={folder}"]
    run_configured("tagfinder.runs.train:train", arguments, "train")


def rows(folder: Path) -> list[dict[str, Any]]:
    return pl.read_csv(folder / "sweep.csv").to_dicts()


def test_a_failed_run_leaves_its_traceback_and_the_others_continue(tmp_path: Path) -> None:
    with pytest.raises(WorkError) as failure:
        sweep(tmp_path, "model=tfidf_lr", "model.learner.C=-1,-2,10")
    assert failure.value.exit_code == 1
    assert str(failure.value).startswith(f"2 runs of {tmp_path} failed")
    assert "model.learner.C=-2" in str(failure.value)
    failed, ok = (
        [row for row in rows(tmp_path) if row["status"] == status] for status in ("failed", "ok")
    )
    assert (len(failed), len(ok)) == (2, 1)
    for row in failed:
        trace = (tmp_path / row["path"] / "error.txt").read_text()
        assert trace.startswith("Traceback")
        assert row["error"] in " ".join(trace.split())
    for row in ok:
        metrics = read_json(tmp_path / row["path"] / "metrics.json")
        assert row["best_val_ndcg@5"] == pytest.approx(metrics["val"]["ndcg@5"])
        assert not (tmp_path / row["path"] / "error.txt").exists()
        assert "NDCG" not in row["overrides"]


def test_the_same_command_skips_finished_runs_and_resumes_the_others(
    tmp_path: Path,
) -> None:
    marker = tmp_path / "marker"
    overrides = (
        *("model=lstm", "embedding=scratch", "seed=1,2", "trainer.max_epochs=3"),
        "+callbacks.fail={_target_:fail_once.FailOnce,epoch:2,marker:'" + str(marker) + "'}",
    )
    folder = tmp_path / "sweep"
    with pytest.raises(WorkError, match=r"(?s)1 run of .*: RuntimeError: the disk is on fire"):
        sweep(folder, *overrides)
    failed, finished = sorted(rows(folder), key=lambda row: row["status"])
    metrics_file = folder / finished["path"] / "metrics.json"
    written = metrics_file.stat().st_mtime_ns
    sweep(folder, *overrides)
    assert {row["status"] for row in rows(folder)} == {"ok"}
    assert metrics_file.stat().st_mtime_ns == written
    went_on = folder / failed["path"]
    assert [epoch["epoch"] for epoch in read_json(went_on / "history.json")] == [1, 2, 3]
    assert not (went_on / "error.txt").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "settings", "models"),
    [
        ("joblib", ["hydra.launcher.n_jobs=2"], "random,tfidf_lr"),
        ("submitit_local", [], "random"),
        ("ray", ["hydra.launcher.ray.init.num_cpus=2"], "random,tfidf_lr"),
    ],
)
def test_runs_side_by_side_share_one_corpus_prepared_at_once(
    launcher: str,
    settings: list[str],
    models: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plugin = f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher"
    pytest.importorskip(plugin, reason=f"{plugin} is not installed")
    monkeypatch.setenv("TAGFINDER_CACHE", str(tmp_path / "cache"))
    sweep(tmp_path / "sweep", f"model={models}", f"hydra/launcher={launcher}", *settings)
    assert {row["status"] for row in rows(tmp_path / "sweep")} == {"ok"}
    prepared = [f for f in (tmp_path / "cache" / "corpora").iterdir() if f.name[0] != "."]
    assert len(prepared) == 1


def test_a_folder_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    overrides = ["model=random", *SMALL]
    folder = tmp_path / folder_of_job([*SMALL, "model=random"])
    with alone_in(folder) as alone:
        assert alone
        sweep(tmp_path, *overrides[:1])
        assert not (folder / "metrics.json").exists()
    sweep(tmp_path, *overrides[:1])
    assert (folder / "metrics.json").exists()


def test_the_folder_of_a_run_depends_on_what_decides_it_and_on_nothing_else() -> None:
    folder = folder_of_job(["model=lstm", "seed=1", "run_dir=a/b", "resume=auto"])
    assert folder == folder_of_job(["model=lstm", "seed=1", "run_dir=c"])
    assert folder.startswith("model=lstm-seed=1-")
    assert folder != folder_of_job(["model=lstm", "seed=2"])
    files = {folder_of_job([f"data.path=/a/{name}.parquet"]) for name in "bc"}
    assert len(files) == 2
    assert all("/" not in name for name in files)


def test_several_processes_for_one_run_of_a_sweep_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match=r"trainer.devices=2: a run of a sweep is one process"):
        sweep(tmp_path, "model=random", "trainer.devices=2")
