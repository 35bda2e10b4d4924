"""Loops are compiled wherever there is Numba, and say so where there is none."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from tagfinder.live.compiled import compiled

WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
import numpy as np
from tagfinder.errors import InputError
from tagfinder.live.places import placed
try:
    placed(np.arange(3))
except InputError as error:
    print(error)
"""


def test_where_there_is_no_file_to_keep_it_beside_it_is_compiled_all_the_same() -> None:
    names: dict[str, Any] = {}
    exec("def halved(number):\n    return number / 2", names)
    halved: Any = compiled(names["halved"])
    assert halved(3) == 1.5
    assert halved.nopython_signatures


def test_without_numba_one_sentence_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMBA], capture_output=True, text=True, check=True
    )
    assert done.stdout == "the live recommender needs Numba: pip install 'tagfinder[live]'\n"
