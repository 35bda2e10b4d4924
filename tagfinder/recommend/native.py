"""Loads untrusted files of C++ libraries in a separate process first.

fastText's and LightGBM's parsers trust their input: of a damaged file they crash, take all memory
or never return. A process that does so takes no other with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tagfinder.artifacts.trust import VARIABLE, trusted_packages
from tagfinder.configuration.limits import limits
from tagfinder.errors import InputError

# Keys in a state dict that hold such a library's own format.
NATIVE_KEYS = ("fasttext", "trees")
PROBE = "tagfinder.recommend.probe"
IMPORT_SECONDS = 120  # most that a busy machine takes until the probe begins


def is_native(state: Any) -> bool:
    """Tell whether a state dict holds bytes that a library in C++ parses."""
    if isinstance(state, dict):
        return any(key in NATIVE_KEYS or is_native(inner) for key, inner in state.items())
    return isinstance(state, list) and any(is_native(inner) for inner in state)


def try_in_child(path: Path) -> None:
    """Load a run in a process with limits on memory and time.

    Raises:
        InputError: it crashed, reached a limit, or was refused there.
    """
    environment = os.environ | {VARIABLE: ",".join(trusted_packages())}
    seconds = limits().probe_seconds + IMPORT_SECONDS
    command = [sys.executable, "-m", PROBE, str(path)]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=seconds, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        reason = f"it was not loaded within {seconds} s"
    else:
        if done.returncode == 0:
            return
        # Python says more than one line where it ends by itself.
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        crash = f"the library that reads it ended with signal {-done.returncode}"
        reason = crash if done.returncode < 0 else (lines or ["it failed"])[-1]
    raise InputError(
        f"{path} cannot be loaded safely ({reason}): it is damaged, and no files.json vouches for "
        "its files; restore it from a copy, or train again"
    )
