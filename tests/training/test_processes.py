"""Training in two processes keeps one checkpoint, and scores as one process does."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from made_up import small_corpus
from small_run import run

HERE = Path(__file__).parent


@pytest.mark.slow
def test_two_processes_score_the_weights_they_trained_as_one_process_does(tmp_path: Path) -> None:
    small_corpus(tmp_path / "corpus")
    folder = tmp_path / "run"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, str(HERE / "two_processes.py"), str(folder), "text_resnet"],
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    two = [torch.load(folder / f"done{rank}.pt", weights_only=True) for rank in (0, 1)]
    for name, value in two[0]["weights"].items():
        # Each process keeps normalisation statistics of its own posts; the first one's are saved.
        if "running" not in name:
            assert torch.equal(value, two[1]["weights"][name]), name
    one = run(folder, "text_resnet", 2, True)
    for name, value in one["weights"].items():
        assert torch.equal(value, two[0]["weights"][name]), name
    for part in ("val", "test"):
        for name, value in one["results"][part].items():
            both = two[0]["results"][part][name]
            assert both == pytest.approx(value, rel=1e-6, nan_ok=True) or (
                math.isnan(both or math.nan) and math.isnan(value or math.nan)
            ), name
