"""Loops over numbers, compiled to machine code where they run for each suggestion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tagfinder.errors import InputError

Loops = TypeVar("Loops", bound=Callable[..., Any])


def compiled(loops: Loops) -> Loops:
    """Compile a function of arrays and numbers by Numba when it is first called.

    A suggestion is a hundred short steps over a few hundred numbers, many of which NumPy takes
    longer to begin than to do. What was compiled is kept beside the source, or in Numba's own cache
    folder, so that only the first process waits for it. It is compiled anew when its own file
    changes, not when a function or a constant changes that it takes from another file: then delete
    the `__pycache__` folders.
    """
    try:
        import numba
    except ImportError:

        def refuse(*arguments: Any) -> Any:
            raise InputError("the live recommender needs Numba: pip install 'tagfinder[live]'")

        return refuse  # type: ignore[return-value]
    machine_code: Any
    try:
        machine_code = numba.njit(cache=True, error_model="numpy")(loops)
    except RuntimeError:
        # There is nowhere to keep it.
        machine_code = numba.njit(error_model="numpy")(loops)
    return machine_code
