"""Digests of arrays, and of small computations that tell whether this processor rounds alike."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import lightgbm
import numpy as np
import torch

FILE = Path(__file__).parent / "digests.json"


def digest(values: Iterable[np.ndarray | str]) -> str:
    """Return the SHA-256 of arrays (dtype, shape and bytes) and texts, in order."""
    total = sha256()
    for value in values:
        if isinstance(value, str):
            total.update(value.encode())
        else:
            total.update(f"{value.dtype}{value.shape}".encode())
            total.update(np.ascontiguousarray(value).tobytes())
    return total.hexdigest()


def rounding() -> dict[str, str]:
    """Return digests of reference computations, by the library that does them.

    Vector units of processors differ in the last bit of sums and of exponentials. Digests of
    results are compared only where these agree with the recorded ones.
    """
    draw = np.random.default_rng(1)
    table = draw.normal(size=(4_000, 16)).astype(np.float32)
    wide = table.astype(np.float64)
    numpy = [np.exp(wide), np.log1p(np.abs(wide)), np.exp(table), wide.T @ wide]
    tensor = torch.from_numpy(table)
    products = tensor.T @ tensor
    network = [products, torch.log_softmax(tensor, 1), torch.exp(tensor), torch.tanh(tensor)]
    relevant = (table[:, 0] + table[:, 1] > 1).astype(int)
    data = lightgbm.Dataset(table, relevant, group=[40] * 100, params={"verbose": -1})
    settings = {"objective": "lambdarank", "deterministic": True, "num_threads": 1, "verbose": -1}
    trees = lightgbm.train(settings, data, 10).predict(table)
    return {
        "numpy": digest(numpy),
        "torch": digest(part.numpy() for part in network),
        "lightgbm": digest([trees]),
    }


def recorded() -> dict[str, dict[str, str]]:
    """Return the recorded digests by group."""
    content: dict[str, dict[str, str]] = json.loads(FILE.read_text())
    return content


def rounds_otherwise(*libraries: str) -> list[str]:
    """Return which of some libraries round otherwise here than where digests were recorded."""
    here, there = rounding(), recorded()["rounding"]
    return [name for name in libraries if here[name] != there[name]]
