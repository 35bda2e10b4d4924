"""Neural recommenders as ONNX graphs: from token numbers to scores, without PyTorch's kernels."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.encoder import load_encoder, pooled
from tagfinder.data.features import Features
from tagfinder.data.frozen_encoder import FrozenEncoder
from tagfinder.data.wordpieces import WordPieces
from tagfinder.errors import InputError
from tagfinder.models.base import RecommenderModule
from tagfinder.models.neural import NeuralRecommender
from tagfinder.recommend.recommender import Recommender

OPSET = 17
GRAPH = "model.onnx"
INT8_GRAPH = "model.int8.onnx"
GRAPHS = {"onnx": GRAPH, "onnx-int8": INT8_GRAPH}
# Two computations of the same float32 network may differ by this much.
TOLERANCE = 1e-4


class ScoresOfTokens(nn.Module):
    """From (B, T) token numbers to (B, L) scores.

    Args:
        network: from token numbers to logits, or from an encoder's vectors to logits.
        features: what the network sees of a text; a frozen encoder becomes part of the graph.
    """

    def __init__(self, network: nn.Module, features: Features) -> None:
        super().__init__()
        self.network = network
        self.encoder: nn.Module | None = None
        if isinstance(features, FrozenEncoder):
            self.encoder = load_encoder(features.folder)
            self.padding = int(features.tokenizer.pad_token_id or 0)
            self.pooling = features.encoder.pooling

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (B, L) float32 scores in [0, 1]."""
        inputs = tokens if self.encoder is None else self._vectors(tokens)
        return torch.sigmoid(self.network(inputs).float())

    def _vectors(self, tokens: Tensor) -> Tensor:
        assert self.encoder is not None
        mask = (tokens != self.padding).long()
        hidden = self.encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        return pooled(hidden, mask, self.pooling)


class OnnxModule(RecommenderModule):
    """A graph behind the interface of every other recommender.

    Args:
        label_set: the hashtags.
        features: what numbers the tokens.
        graph: the ONNX file.
    """

    def __init__(self, label_set: LabelSet, features: Features, graph: Path) -> None:
        super().__init__(label_set, features)
        import onnxruntime

        self.session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])

    def scores(self, inputs: Any) -> Tensor:
        """Return (B, L) float32 scores in [0, 1]."""
        [scores] = self.session.run(None, {"tokens": inputs.numpy()})
        return torch.from_numpy(scores)


def write_graph(recommender: Recommender, folder: Path, *, int8: bool = False) -> None:
    """Write a neural recommender's graph into a bundle's folder and check that it agrees.

    Args:
        recommender: as it was loaded from a run.
        folder: where `model.onnx` goes, and `model.int8.onnx` if asked for.
        int8: also write one whose weights are 8-bit integers: a quarter of the size.

    Raises:
        InputError: the recommender is no neural one, the packages are missing, or the graph gives
            other scores than the network.
    """
    module = recommender.module
    if not isinstance(module, NeuralRecommender):
        raise InputError(f"{recommender.name} is no neural recommender; only these become ONNX")
    require_packages("onnx", "onnxruntime")
    features = token_features(recommender.features)
    scores = ScoresOfTokens(module.network, recommender.features).eval()
    _export(scores, example_tokens(features), folder / GRAPH)
    _check_agreement(recommender, OnnxModule(module.label_set, features, folder / GRAPH))
    if int8:
        _quantise(folder / GRAPH, folder / INT8_GRAPH)


def onnx_parts(saved_features: Features, label_set: LabelSet, graph: Path) -> OnnxModule:
    """Return the module of a graph; its `features` number tokens.

    Raises:
        InputError: there is no such graph.
    """
    require_packages("onnxruntime")
    if not graph.is_file():
        raise InputError(
            f"{graph} is not there; export the run with `tagfinder export RUN DIR --onnx`"
            + (" --int8" if graph.name == INT8_GRAPH else "")
        )
    return OnnxModule(label_set, token_features(saved_features), graph)


def token_features(features: Features) -> Features:
    """Return features that number tokens: a frozen encoder's own work is part of the graph."""
    if not isinstance(features, FrozenEncoder):
        return features
    pieces = WordPieces(features.encoder, features.column)
    pieces.load(features.folder.parent)
    return pieces


def example_tokens(features: Features) -> Tensor:
    """Return (2, T) token numbers of two texts, one of them padded."""
    texts = pl.Series(["a text of some words to trace the network with", "short"])
    return cast(Tensor, features.encode(texts).take(np.arange(2)))


def require_packages(*names: str) -> None:
    """Refuse to go on without a package.

    Raises:
        InputError: names it.
    """
    import importlib.util

    for name in names:
        if importlib.util.find_spec(name) is None:
            raise InputError(f"ONNX needs {name}: pip install 'tagfinder[onnx]'")


def _export(scores: nn.Module, tokens: Tensor, target: Path) -> None:
    with warnings.catch_warnings(), torch.inference_mode():
        # The tracer warns of what holds for the traced shape only; the check below looks at others.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            scores,
            (tokens,),
            str(target),
            dynamo=False,
            opset_version=OPSET,
            input_names=["tokens"],
            output_names=["scores"],
            dynamic_axes={"tokens": {0: "posts", 1: "words"}, "scores": {0: "posts"}},
        )


def _check_agreement(recommender: Recommender, graph: OnnxModule) -> None:
    for texts in (["one"], ["", "two words", "five words of a text"], ["many words " * 40] * 5):
        inputs = pl.Series(texts)
        expected = recommender.scores_of_input(inputs)
        found = graph.scores(graph.features.encode(inputs).take(np.arange(len(texts)))).numpy()
        difference = float(np.abs(found - expected).max())
        if difference > allowed_difference(recommender):
            raise InputError(
                f"{recommender.name}: the ONNX graph's scores differ by {difference:.2g} from the "
                "network's; it was not written"
            )


def allowed_difference(recommender: Recommender) -> float:
    """Return how far scores may differ; vectors in half precision are rounded, the graph is not."""
    half = getattr(recommender.features, "precision", None) == "bfloat16"
    return 0.02 if half else TOLERANCE


def _quantise(source: Path, target: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)
    try:
        quantize_dynamic(source, target, weight_type=QuantType.QInt8)
    finally:
        logging.getLogger().setLevel(level)
