"""Fixtures of the tests of models."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_up import write_tiny_encoder


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT of random weights and a vocabulary of made-up words."""
    return write_tiny_encoder(tmp_path_factory.mktemp("encoder") / "tiny")
