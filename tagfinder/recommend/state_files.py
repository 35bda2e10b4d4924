"""A recommender's state as plain files: arrays in safetensors, words in JSON, fastText's binary.

The state may hold PyTorch tensors or NumPy arrays; arrays are read.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from tagfinder.files import read_json, write_json

TENSORS = "model.safetensors"
REST = "model.json"
FASTTEXT = "fasttext"
BINARY = ".bin"
# In REST, a reference to another file is a mapping with this one key.
ELSEWHERE = "stored_in"


def save_state(state: dict[str, Any], folder: Path) -> None:
    """Write nested mappings of arrays, lists, numbers and texts into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, np.ndarray] = {}
    write_json(folder / REST, _taken_apart(dict(state), "", tensors, folder))
    if tensors:
        save_file(tensors, folder / TENSORS)
        # The library lets the owner alone read its files.
        shutil.copymode(folder / REST, folder / TENSORS)


def load_state(folder: Path) -> dict[str, Any]:
    """Read what `save_state` wrote."""
    tensors = load_file(folder / TENSORS) if (folder / TENSORS).is_file() else {}
    state: dict[str, Any] = _put_together(read_json(folder / REST), "", tensors, folder)
    return state


def _taken_apart(value: Any, name: str, tensors: dict[str, np.ndarray], folder: Path) -> Any:
    if isinstance(value, dict):
        return {
            key: _taken_apart(inner, f"{name}/{key}", tensors, folder)
            for key, inner in value.items()
        }
    if isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        return [
            _taken_apart(inner, f"{name}/{place}", tensors, folder)
            for place, inner in enumerate(value)
        ]
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if not isinstance(value, np.ndarray):
        return value
    if name.endswith("/fasttext"):
        # A combination may hold several.
        earlier = len(list(folder.glob(f"{FASTTEXT}*{BINARY}")))
        file = f"{FASTTEXT}{earlier or ''}{BINARY}"
        (folder / file).write_bytes(value.tobytes())
        return {ELSEWHERE: file}
    # A copy, because two names may share one memory, which the format does not know.
    tensors[name] = value.copy(order="C")
    return {ELSEWHERE: TENSORS}


def _put_together(value: Any, name: str, tensors: dict[str, np.ndarray], folder: Path) -> Any:
    if isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        return [
            _put_together(inner, f"{name}/{place}", tensors, folder)
            for place, inner in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    if value == {ELSEWHERE: TENSORS}:
        return tensors[name]
    if set(value) == {ELSEWHERE} and str(value[ELSEWHERE]).endswith(BINARY):
        return np.frombuffer((folder / Path(value[ELSEWHERE]).name).read_bytes(), dtype=np.uint8)
    return {
        key: _put_together(inner, f"{name}/{key}", tensors, folder) for key, inner in value.items()
    }
