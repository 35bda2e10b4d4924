"""Loops are compiled if Numba is installed, and say so if it is not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np

from tagfinder.live import index_map
from tagfinder.live.compiled import KEPT, cache_folder, compiled
from tagfinder.live.index_map import build_index

WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
import numpy as np
from tagfinder.errors import InputError
from tagfinder.live.index_map import build_index
try:
    build_index(np.arange(3))
except InputError as error:
    print(error)
"""


def test_functions_without_a_source_file_are_compiled() -> None:
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


def test_compiled_code_is_not_used_after_any_source_changed(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a = 1\n")
    (tmp_path / "b.py").write_text("b = 1\n")
    before = cache_folder(tmp_path)
    before.mkdir(parents=True)
    (tmp_path / "b.py").write_text("b = 2\n")
    cache_folder.cache_clear()
    after = cache_folder(tmp_path)
    assert after != before
    assert before.is_dir()
    day_before_yesterday = time.time() - 2 * KEPT
    os.utime(before, (day_before_yesterday, day_before_yesterday))
    cache_folder.cache_clear()
    assert cache_folder(tmp_path) == after
    assert not before.exists()


def test_loops_are_kept_beside_the_sources_and_numbas_own_folder_stays() -> None:
    build_index(np.arange(3))
    folder = cache_folder(Path(index_map.__file__).parent)
    assert any(file.name.startswith("index_map.build_index") for file in folder.rglob("*.nbc"))
    settings: Any = numba.config
    assert str(folder) != settings.CACHE_DIR
