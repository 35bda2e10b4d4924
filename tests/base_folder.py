"""One folder shared by all tests of a run and by all their processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The temporary folder of this run of the tests, the same for all of its workers."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
