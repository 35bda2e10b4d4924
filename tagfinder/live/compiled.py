"""Loops over numbers, compiled to machine code where they run for each suggestion."""

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
# What was compiled of other versions of the sources is kept so long after its last use, in seconds.
KEPT = 86_400.0


def compiled(loops: Loops) -> Loops:
    """Compile a function of arrays and numbers by Numba when it is first called.

    A suggestion is a hundred short steps over a few hundred numbers, many of which NumPy takes
    longer to begin than to do. What was compiled is kept beside the sources, or in Numba's own
    cache folder, so that only the first process waits for it.
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
    settings.CACHE_DIR = str(folder_of(Path(__file__).parent))
    try:
        machine_code = numba.njit(cache=True, error_model="numpy")(loops)
    except RuntimeError:
        # There is nowhere to keep it.
        machine_code = numba.njit(error_model="numpy")(loops)
    finally:
        settings.CACHE_DIR = before
    return machine_code


@cache
def folder_of(sources: Path) -> Path:
    """Return where to keep what is compiled of sources that are as they are now.

    By itself Numba compiles a function anew when its own file changes, not when another file does
    whose functions became part of it. Folders of other sources are deleted after a day.
    """
    digest = sha256()
    for source in sorted(sources.glob("*.py")):
        digest.update(source.read_bytes())
    folder = sources / "__pycache__" / f"compiled-{digest.hexdigest()[:16]}"
    for other in folder.parent.glob("compiled-*"):
        if other != folder and time.time() - other.stat().st_mtime > KEPT:
            rmtree(other, ignore_errors=True)
    return folder
