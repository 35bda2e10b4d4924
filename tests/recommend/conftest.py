"""Fixtures that the tests of recommending share."""

from __future__ import annotations

from trained import linear_run, run_of

__all__ = ["linear_run", "run_of"]
