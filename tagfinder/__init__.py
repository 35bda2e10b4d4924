"""TagFinder learns from tagged posts which hashtags fit a new one."""

from __future__ import annotations

__version__ = "0.1.0"
