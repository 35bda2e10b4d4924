"""Two real processes give the same scores as one."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

SCRIPT = Path(__file__).with_name("ddp_part.py")


def scored(folder: Path, processes: int) -> Path:
    folder.mkdir()
    code = f"import ddp_part, pathlib; ddp_part.run(pathlib.Path({str(folder)!r}), devices=1)"
    command = [str(SCRIPT), str(folder)] if processes == 2 else ["-c", code]
    subprocess.run([sys.executable, *command], check=True, cwd=SCRIPT.parent, timeout=300)
    return folder


def results(path: Path) -> dict[str, dict[str, float]]:
    """What each part scored; NaN where no post takes part."""
    parts = json.loads(path.read_text())
    return {
        part: {name: math.nan if value is None else value for name, value in scores.items()}
        for part, scores in parts.items()
    }


@pytest.mark.slow
def test_two_processes_give_the_scores_and_files_of_a_single_pass(tmp_path):
    one, two = scored(tmp_path / "one", 1), scored(tmp_path / "two", 2)
    single = results(one / "results0.json")
    for rank in (0, 1):
        merged = results(two / f"results{rank}.json")
        for part in ("val", "test"):
            assert merged[part] == pytest.approx(single[part], rel=1e-12, nan_ok=True)
    rankings = [pl.read_parquet(folder / "predictions.parquet") for folder in (one, two)]
    assert_frame_equal(*rankings)
    assert rankings[0]["id"].to_list() == [f"post {i}" for i in range(203)]
    tables = [(folder / "per_label.csv").read_text() for folder in (one, two)]
    assert tables[0] == tables[1]
