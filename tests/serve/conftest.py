"""A service over a small trained run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "recommend"))

from trained import linear_run, run_of

__all__ = ["linear_run", "run_of"]


@pytest.fixture
def client(linear_run: Path) -> Iterator[object]:
    """Asks a service with the packaged limits."""
    from fastapi.testclient import TestClient

    from tagfinder import Recommender
    from tagfinder.serve.app import create_app
    from tagfinder.serve.limits import load_limits

    with TestClient(create_app([Recommender.load(linear_run)], load_limits())) as client:
        yield client
