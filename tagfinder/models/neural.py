"""The shared part of all neural recommenders; a network only maps inputs to logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.features import Features
from tagfinder.errors import InputError
from tagfinder.models.base import check_size
from tagfinder.models.network import RecommenderNetwork
from tagfinder.models.optimizers import Adam


class NeuralRecommender(nn.Module):
    """A network with a loss, an optimiser and a schedule.

    Args:
        label_set: the hashtags to choose from.
        features: how texts are encoded; fitted already.
        network: called as `network(features=..., n_labels=...)`, returns the network: a module
            from the inputs of B posts to (B, L) logits, best a `RecommenderNetwork`.
        loss: called as `loss(label_set)`, returns the loss on logits.
        optimizer: the optimiser and its schedule.
        compile_network: let `torch.compile` speed the network up; pays on GPUs.
    """

    def __init__(
        self,
        label_set: LabelSet,
        features: Features,
        *,
        network: Callable[..., nn.Module],
        loss: Callable[[LabelSet], nn.Module],
        optimizer: Adam,
        compile_network: bool = False,
    ) -> None:
        super().__init__()
        check_size("a network", label_set)
        self.label_set = label_set
        self.features = features
        self.network = network(features=features, n_labels=len(label_set))
        if isinstance(self.network, RecommenderNetwork) and self.network.output_layer is not None:
            start_at_frequencies(self.network.output_layer, label_set)
        self.loss = loss(label_set)
        self.optimizer = optimizer
        if compile_network:
            self.network.compile(dynamic=True)

    def logits(self, inputs: Any) -> Tensor:
        """Return (B, L) float32 logits for a network of any precision."""
        logits: Tensor = self.network(inputs)
        return logits.float()

    def score(self, inputs: Any) -> np.ndarray:
        """Return (B, L) float32 scores in [0, 1]."""
        self.eval()
        if isinstance(inputs, Tensor):
            inputs = inputs.to(next(self.parameters()).device)
        with torch.inference_mode():
            return torch.sigmoid(self.logits(inputs)).cpu().numpy()

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text of the features' column holds anything known."""
        return self.features.knows(texts)

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take over a state dict whose tensors may be NumPy arrays."""
        self.load_state_dict({name: torch.as_tensor(values) for name, values in state.items()})

    def place(self, device: str) -> None:
        """Compute on a device."""
        self.to(device)


def start_at_frequencies(layer: nn.Linear, label_set: LabelSet) -> None:
    """Let an output layer begin with each hashtag's share of the training posts.

    The first epochs then need not learn that most hashtags are rare, on which a network over
    words can stay stuck. The same idea as the prior of Lin and others (focal loss, 2017). A layer
    without a bias is left unchanged.

    Args:
        layer: gives the logits.
        label_set: with L hashtags.

    Raises:
        InputError: the layer does not give one logit for each hashtag.
    """
    if layer.out_features != len(label_set):
        raise InputError(
            f"the network's output_layer gives {layer.out_features} logits for {len(label_set)} "
            "hashtags; it must give n_labels"
        )
    if layer.bias is None:
        return
    counts = torch.tensor(label_set.train_counts, dtype=torch.float32)
    shares = (counts + 1) / (label_set.n_train + 2)
    with torch.no_grad():
        layer.bias.copy_(torch.logit(shares))


def multi_hot(labels: Tensor, n_labels: int) -> Tensor:
    """Turn (B, M) label indices padded with -1 into (B, L) float32 of 0 and 1."""
    targets = torch.zeros(len(labels), n_labels + 1, device=labels.device)
    # Padding goes into a column that is cut off.
    targets.scatter_(1, labels.where(labels >= 0, n_labels), 1.0)
    return targets[:, :n_labels]
