"""The examples in the docstrings give their stated results."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["rankings", "metrics", "bins", "statistics"])
def test_examples_are_true(module):
    outcome = doctest.testmod(importlib.import_module(f"tagfinder.evaluation.{module}"))
    assert outcome.attempted > 0
    assert outcome.failed == 0
