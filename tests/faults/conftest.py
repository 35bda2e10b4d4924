"""Campaigns of faults: kills, full disks, flipped bytes, generated input, hostile clients.

Seeded and short by themselves; `make faults` does the trials of the goal and keeps the table.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tagfinder.artifacts.manifest import write_manifest

FIXTURE = Path(__file__).parents[1] / "fixtures" / "0.1.0" / "tfidf_lr"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run with a list of its files."""
    copy = Path(shutil.copytree(FIXTURE, tmp_path / "run"))
    (copy / "features").mkdir(exist_ok=True)
    write_manifest(copy)
    return copy
