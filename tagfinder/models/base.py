"""The interface and base classes of recommenders over a closed label set, without PyTorch.

Recommending uses these objects as they are. For training, `training.modules` puts them into
Lightning modules.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import polars as pl

from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.features import Features
from tagfinder.errors import InputError

# Hashtags of which every one has a score for every post: batches of scores and weights of dense
# layers fit into memory.
MOST_SCORED_LABELS = 20_000

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Key of the state of a recommender without gradients, as PyTorch names it in a checkpoint.
EXTRA_STATE = "_extra_state"


class ClosedRecommender(Protocol):
    """A recommender over a closed label set.

    Attributes:
        label_set: the hashtags to choose from.
        features: how texts are encoded; fitted already.
    """

    label_set: LabelSet
    features: Features

    def score(self, inputs: Any) -> np.ndarray:
        """Return (B, L) float32 scores in [0, 1] for the inputs of B posts."""

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text of the features' column holds anything known.

        Scores of a text without any known word are those of any post.
        """

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take over a state dict whose tensors may be NumPy arrays.

        Raises:
            RuntimeError, KeyError: the state is not one of this recommender.
        """

    def place(self, device: str) -> None:
        """Compute on a device, if the recommender supports it."""


class WholePartRecommender(ABC):
    """A recommender without gradients, which learns from the whole training part at once.

    The learned state is kept as plain values and NumPy arrays (`learned` and `restore`), so that
    nothing needs unpickling.

    Args:
        label_set: the hashtags to choose from.
        features: how texts are encoded; fitted already.

    Raises:
        InputError: the label set is too large to score every hashtag for every post.
    """

    most_labels: ClassVar[int | None] = MOST_SCORED_LABELS

    def __init__(self, label_set: LabelSet, features: Features) -> None:
        if self.most_labels is not None:
            check_size(type(self).__name__, label_set)
        self.label_set = label_set
        self.features = features

    @abstractmethod
    def learn(self, inputs: Any, labels: csr_matrix) -> None:
        """Learn from the training part's inputs and its (N, L) bool labels."""

    @abstractmethod
    def score(self, inputs: Any) -> np.ndarray:
        """Return (B, L) float32 scores in [0, 1] for the inputs of B posts."""

    @abstractmethod
    def learned(self) -> dict[str, Any]:
        """Return the fitted state: strings, numbers, lists, dicts and arrays."""

    @abstractmethod
    def restore(self, learned: dict[str, Any]) -> None:
        """Take over what `learned` returned."""

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text of the features' column holds anything known."""
        return self.features.knows(texts)

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take over a state dict whose tensors may be NumPy arrays."""
        self.restore(arrays_of(state[EXTRA_STATE]))

    def place(self, device: str) -> None:
        """Stay on the CPU."""
        return


class SparseRecommender(WholePartRecommender):
    """A recommender over a label set too large for scores of every label: it ranks the best ones.

    Args:
        label_set: the hashtags to choose from.
        features: how texts are encoded; fitted already.
        top_k: labels that get a score; all others count as 0.
    """

    most_labels = None

    def __init__(self, label_set: LabelSet, features: Features, top_k: int) -> None:
        super().__init__(label_set, features)
        self.top_k = min(top_k, len(label_set))

    @abstractmethod
    def top(self, inputs: Any, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the best labels for the inputs of B posts.

        Returns:
            (B, min(k, L)) int64 labels, best first and equal ones by their number, padded with -1,
            and their float32 scores in [0, 1], padded with 0.
        """

    def score(self, inputs: Any) -> np.ndarray:
        """Refuse.

        Raises:
            InputError: always.
        """
        raise InputError(
            f"{type(self).__name__} ranks the best of {len(self.label_set):,} hashtags and does "
            "not score them all; ask for suggestions"
        )


def check_size(name: str, label_set: LabelSet) -> None:
    """Refuse a label set that is too large to score every hashtag for every post.

    Raises:
        InputError: says how many are possible, and what takes more.
    """
    if len(label_set) > MOST_SCORED_LABELS:
        raise InputError(
            f"{name} scores every hashtag for every post and holds at most "
            f"{MOST_SCORED_LABELS:,}, not {len(label_set):,}; choose fewer "
            "(selection.top_n, selection.min_count) or model=omikuji"
        )


def arrays_of(value: Any) -> Any:
    """Return nested mappings with tensors replaced by NumPy arrays."""
    if isinstance(value, Mapping):
        return {key: arrays_of(inner) for key, inner in value.items()}
    return value.numpy() if hasattr(value, "numpy") else value


def tensors_of(value: Any) -> Any:
    """Return nested mappings with NumPy arrays replaced by tensors."""
    import torch  # not needed where nothing is trained

    if isinstance(value, Mapping):
        return {key: tensors_of(inner) for key, inner in value.items()}
    return torch.tensor(value) if isinstance(value, np.ndarray) else value


def as_scores(scores: np.ndarray) -> np.ndarray:
    """Turn scores of any float type into float32 within [0, 1]."""
    clipped: np.ndarray = np.clip(scores, 0.0, 1.0).astype(np.float32)
    return clipped
