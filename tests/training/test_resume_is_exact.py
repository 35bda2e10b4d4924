"""A run that was killed and resumed ends as if nothing had happened, bit for bit."""

from __future__ import annotations

import os
import random
import signal
import time
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import polars as pl
import pytest
import torch
from small_run import run_and_keep
from tally import trials

from tagfinder.artifacts.checkpoints import newest_intact

MODELS = ["lstm", "text_resnet", "bert_frozen", "bert_trained"]
EPOCHS = 6


def start(
    processes: ForkServerContext, folder: Path, model: str, resume: bool | str, kill: int = 0
) -> ForkServerProcess:
    folder.mkdir(parents=True, exist_ok=True)
    process = processes.Process(target=run_and_keep, args=(folder, model, EPOCHS, resume, kill))
    process.start()
    return process


def finish(
    processes: ForkServerContext, folder: Path, model: str, resume: bool | str
) -> dict[str, dict]:
    process = start(processes, folder, model, resume)
    process.join(300)
    assert process.exitcode == 0
    return torch.load(folder / "done.pt", weights_only=True)


def assert_same(a: dict, b: dict, a_folder: Path, b_folder: Path) -> None:
    for kind in ("last", "weights"):
        assert a[kind].keys() == b[kind].keys()
        for name, value in a[kind].items():
            assert torch.equal(value, b[kind][name]), (kind, name)
    assert a["results"] == b["results"]
    assert a["best"] == b["best"] and a["stopped"] == b["stopped"]
    without_seconds = [
        [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in run["history"]]
        for run in (a, b)
    ]
    assert without_seconds[0] == without_seconds[1]
    predictions = [pl.read_parquet(f / "run/predictions.parquet") for f in (a_folder, b_folder)]
    assert predictions[0].equals(predictions[1])


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_a_killed_run_that_is_resumed_equals_the_uninterrupted_one(
    processes: ForkServerContext, model: str, tmp_path: Path
) -> None:
    whole = finish(processes, tmp_path / "whole", model, False)
    killed = tmp_path / "killed"
    while_saving = start(processes, killed, model, "auto", kill=2)
    while_saving.join(300)
    assert while_saving.exitcode == -signal.SIGKILL
    for _ in range(trials(1, 4)):
        kill_at_random(
            start(processes, killed, model, "auto"), killed / "run/checkpoints/last.ckpt"
        )
    assert_same(whole, finish(processes, killed, model, "auto"), tmp_path / "whole", killed)


def kill_at_random(process: ForkServerProcess, last: Path) -> None:
    """Kill a process a short while after it has replaced `last`."""
    before = last.stat().st_mtime_ns
    while process.is_alive() and (not last.exists() or last.stat().st_mtime_ns == before):
        time.sleep(0.002)
    time.sleep(random.uniform(0, 0.1))
    process.kill()
    process.join()


@pytest.mark.slow
def test_a_polite_stop_ends_cleanly_and_the_run_resumes_from_its_last_complete_epoch(
    processes: ForkServerContext, tmp_path: Path
) -> None:
    last = tmp_path / "run/checkpoints/last.ckpt"
    process = processes.Process(target=run_and_keep, args=(tmp_path, "lstm", 2000, False))
    process.start()
    while process.is_alive() and not last.exists():
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGTERM)
    process.join(120)
    assert process.exitcode == 130
    assert newest_intact(last.parent) == last
