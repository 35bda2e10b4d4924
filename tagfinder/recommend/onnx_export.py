"""Write neural recommenders as ONNX graphs, from token numbers to scores."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from tagfinder.data.encoder import load_encoder, pooled
from tagfinder.data.features import Features
from tagfinder.data.frozen_encoder import FrozenEncoder
from tagfinder.errors import InputError
from tagfinder.models.neural import NeuralRecommender
from tagfinder.recommend.onnx_runtime import (
    GRAPH,
    INT8_GRAPH,
    OnnxRecommender,
    require_packages,
    token_features,
)
from tagfinder.recommend.recommender import Recommender

OPSET = 17
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
    _check_agreement(recommender, OnnxRecommender(module.label_set, features, folder / GRAPH))
    if int8:
        _quantise(folder / GRAPH, folder / INT8_GRAPH)


def example_tokens(features: Features) -> Tensor:
    """Return (2, T) token numbers of two texts, one of them padded."""
    texts = pl.Series(["a text of some words to trace the network with", "short"])
    return cast(Tensor, features.encode(texts).take(np.arange(2)))


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


def _check_agreement(recommender: Recommender, graph: OnnxRecommender) -> None:
    for texts in (["one"], ["", "two words", "five words of a text"], ["many words " * 40] * 5):
        inputs = pl.Series(texts)
        expected = recommender.scores_of_input(inputs)
        found = graph.score(graph.features.encode(inputs).take(np.arange(len(texts))))
        difference = float(np.abs(found - expected).max())
        if difference > allowed_difference(recommender):
            raise InputError(
                f"{recommender.name}: the ONNX graph's scores differ by {difference:.2g} from the "
                "network's; it was not written"
            )


def allowed_difference(recommender: Recommender) -> float:
    """Return how much scores may differ: the graph does not round to half precision."""
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
