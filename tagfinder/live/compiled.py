"""Compiles loops over numbers to machine code."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Any, TypeVar

from tagfinder.errors import InputError

Loops = TypeVar("Loops", bound=Callable[..., Any])
# Seconds after which code compiled from other versions of the sources is deleted.
KEPT = 86_400.0
SOURCES = Path(__file__).parent


def compiled(loops: Loops) -> Loops:
    """Compile a function of arrays and numbers with Numba at its first call.

    A suggestion takes a hundred short steps over a few hundred numbers, too short for NumPy, whose
    calls have a fixed cost. Compiled code is cached beside the sources, or in Numba's own cache
    folder, so that only the first process waits for it.
    """
    try:
        import numba
    except ImportError:

        def refuse(*arguments: Any) -> Any:
            raise InputError("the live recommender needs Numba: pip install 'tagfinder[live]'")

        return refuse  # type: ignore[return-value]
    machine_code: Any
    settings: Any = numba.config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(cache_folder(SOURCES))
    try:
        machine_code = numba.njit(cache=True, error_model="numpy")(loops)
    except RuntimeError:
        # There is no place to cache it.
        machine_code = numba.njit(error_model="numpy")(loops)
    finally:
        settings.CACHE_DIR = before
    return machine_code


def sources_digest(sources: Path = SOURCES) -> str:
    """Return a digest of all sources in a folder, by default of this package's."""
    digest = sha256()
    for source in sorted(sources.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


@cache
def cache_folder(sources: Path) -> Path:
    """Return the folder for code compiled from the present sources, sub-packages included.

    Numba compiles a function again when its own file changes, but not when another file changes
    whose functions were inlined. So the folder's name has a digest of all sources. Folders of other
    versions are deleted after a day.
    """
    folder = sources / "__pycache__" / f"compiled-{sources_digest(sources)[:16]}"
    for other in folder.parent.glob("compiled-*"):
        if other != folder and time.time() - other.stat().st_mtime > KEPT:
            rmtree(other, ignore_errors=True)
    return folder
