"""A run that was killed and resumed ends as if nothing had happened, bit for bit."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import torch

SCRIPT = Path(__file__).with_name("small_run.py")
MODELS = ["lstm", "text_resnet", "bert_frozen", "bert_trained"]
EPOCHS = 4


def start(folder: Path, model: str, *arguments: str) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(SCRIPT), str(folder), model, str(EPOCHS), *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(folder: Path, model: str, *arguments: str) -> dict:
    assert start(folder, model, *arguments).wait(timeout=300) == 0
    return torch.load(folder / "done.pt", weights_only=True)


def assert_same(a: dict, b: dict, a_folder: Path, b_folder: Path) -> None:
    assert a["weights"].keys() == b["weights"].keys()
    for name, value in a["weights"].items():
        assert torch.equal(value, b["weights"][name]), name
    assert a["results"] == b["results"]
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
    model: str, tmp_path: Path
) -> None:
    whole = finish(tmp_path / "whole", model, "false")
    seconds = random.Random(model).uniform(0.0, 0.8)
    killed = tmp_path / "killed"
    # Once while a checkpoint is being written, once at a moment of chance in the epochs after it.
    assert start(killed, model, "auto", "2").wait(timeout=300) == -signal.SIGKILL
    process = start(killed, model, "auto")
    last = killed / "run/checkpoints/last.ckpt"
    before = last.stat().st_mtime_ns
    while process.poll() is None and last.exists() and last.stat().st_mtime_ns == before:
        time.sleep(0.005)
    time.sleep(seconds / 10)
    process.kill()
    process.wait()
    assert_same(whole, finish(killed, model, "auto"), tmp_path / "whole", killed)
