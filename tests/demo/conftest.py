"""The page over small trained runs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "recommend"))

from trained import linear_run, run_of

__all__ = ["linear_run", "run_of"]
