"""Scores from an ONNX graph, behind the interface of every other recommender."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.features import Features
from tagfinder.data.frozen_encoder import FrozenEncoder
from tagfinder.data.wordpieces import WordPieces
from tagfinder.errors import InputError

GRAPH = "model.onnx"
INT8_GRAPH = "model.int8.onnx"
GRAPHS = {"onnx": GRAPH, "onnx-int8": INT8_GRAPH}


class OnnxRecommender:
    """A graph behind the interface of every other recommender.

    Args:
        label_set: the hashtags.
        features: of token numbers.
        graph: the ONNX file.
    """

    def __init__(self, label_set: LabelSet, features: Features, graph: Path) -> None:
        import onnxruntime

        self.label_set = label_set
        self.features = features
        self.session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])

    def score(self, inputs: Any) -> np.ndarray:
        """Return (B, L) float32 scores in [0, 1]."""
        scores: np.ndarray = self.session.run(None, {"tokens": inputs.numpy()})[0]
        return scores

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text of the features' column holds anything known."""
        return self.features.knows(texts)

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Keep the graph's own weights."""

    def place(self, device: str) -> None:
        """Stay on the CPU."""


def onnx_parts(saved_features: Features, label_set: LabelSet, graph: Path) -> OnnxRecommender:
    """Return the recommender of a graph; its `features` number tokens.

    Raises:
        InputError: there is no such graph.
    """
    require_packages("onnxruntime")
    if not graph.is_file():
        raise InputError(
            f"{graph} is not there; export the run with `tagfinder export RUN DIR --onnx`"
            + (" --int8" if graph.name == INT8_GRAPH else "")
        )
    return OnnxRecommender(label_set, token_features(saved_features), graph)


def token_features(features: Features) -> Features:
    """Return features that number tokens: a frozen encoder's own work is part of the graph."""
    if not isinstance(features, FrozenEncoder):
        return features
    pieces = WordPieces(features.encoder, features.column)
    pieces.load(features.folder.parent)
    return pieces


def require_packages(*names: str) -> None:
    """Refuse to continue without a package.

    Raises:
        InputError: names it.
    """
    import importlib.util

    for name in names:
        if importlib.util.find_spec(name) is None:
            raise InputError(f"ONNX needs {name}: pip install 'tagfinder[onnx]'")
