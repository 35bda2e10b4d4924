"""Loops over numbers, compiled to machine code where they are called for each suggestion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tagfinder.errors import InputError

Loops = TypeVar("Loops", bound=Callable[..., Any])


def compiled(loops: Loops) -> Loops:
    """Compile a function of arrays and numbers by Numba when it is first called.

    What was compiled is kept beside the source (or in Numba's own cache folder, where that cannot
    be written), so that only the first process waits for it. A suggestion is a hundred short steps
    over a few hundred numbers, where NumPy takes longer to begin each step than to do it.
    """
    try:
        import numba
    except ImportError:

        def refuse(*arguments: Any) -> Any:
            raise InputError("the live recommender needs Numba: pip install 'tagfinder[live]'")

        return refuse  # type: ignore[return-value]
    machine_code: Any = numba.njit(cache=True, error_model="numpy")(loops)
    return machine_code
