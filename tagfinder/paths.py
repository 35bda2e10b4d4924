"""Paths of the package's own configuration and of the user's cache."""

from __future__ import annotations

import os
from pathlib import Path


def conf_dir() -> Path:
    """Return the folder of the packaged configuration: inside a wheel, else beside the package."""
    packaged = Path(__file__).parent / "conf"
    if (packaged / "config.yaml").is_file():
        return packaged
    return Path(__file__).parent.parent / "conf"


def cache_dir() -> Path:
    """Return the folder of downloads, corpora and features; `TAGFINDER_CACHE` moves it."""
    chosen = os.environ.get("TAGFINDER_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "tagfinder"
