"""Check the paths of a command before anything heavy is imported."""

from __future__ import annotations

from pathlib import Path

from tagfinder.errors import InputError

# One of these files makes a folder a recommender's: a bundle's list, or a run's configuration.
MARKS = ("bundle.json", "config.yaml")


def require_recommender(folder: Path) -> None:
    """Refuse a path that holds neither a run nor a bundle.

    Raises:
        InputError: names what the path holds instead.
    """
    if any((folder / mark).is_file() for mark in MARKS):
        return
    if not folder.exists():
        raise InputError(f"{folder}: there is no such folder; name a run or a bundle")
    kind = "is a file" if folder.is_file() else "holds neither a run nor a bundle"
    raise InputError(f"{folder} {kind}; make a run with tagfinder train")
