"""A module's state as plain files: tensors in safetensors, words in JSON, fastText's own binary."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tagfinder.files import read_json, write_json

TENSORS = "model.safetensors"
REST = "model.json"
FASTTEXT = "fasttext.bin"
# In REST, what stands in another file is a mapping with this one key.
ELSEWHERE = "stored_in"


def save_state(state: dict[str, Any], folder: Path) -> None:
    """Write nested mappings of tensors, lists, numbers and texts into a folder."""
    tensors: dict[str, Tensor] = {}
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


def _taken_apart(value: Any, name: str, tensors: dict[str, Tensor], folder: Path) -> Any:
    if isinstance(value, dict):
        return {
            key: _taken_apart(inner, f"{name}/{key}", tensors, folder)
            for key, inner in value.items()
        }
    if not isinstance(value, Tensor):
        return value
    if name.endswith("/fasttext"):
        (folder / FASTTEXT).write_bytes(value.numpy().tobytes())
        return {ELSEWHERE: FASTTEXT}
    # A copy, because two names may share one memory, which the format does not know.
    tensors[name] = value.detach().cpu().clone().contiguous()
    return {ELSEWHERE: TENSORS}


def _put_together(value: Any, name: str, tensors: dict[str, Tensor], folder: Path) -> Any:
    if not isinstance(value, dict):
        return value
    if value == {ELSEWHERE: TENSORS}:
        return tensors[name]
    if value == {ELSEWHERE: FASTTEXT}:
        content = bytearray((folder / FASTTEXT).read_bytes())
        return torch.frombuffer(content, dtype=torch.uint8)
    return {
        key: _put_together(inner, f"{name}/{key}", tensors, folder) for key, inner in value.items()
    }
