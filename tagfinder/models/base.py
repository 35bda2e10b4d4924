"""What every recommender has in common: scores for a batch, and how they are handed on."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytorch_lightning as lightning
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.batches import Batch
from tagfinder.data.features import Features
from tagfinder.errors import InputError

# Hashtags of which every one has a score for every post: batches of scores and weights of dense
# layers fit into memory.
MOST_SCORED_LABELS = 20_000


class RecommenderModule(lightning.LightningModule):
    """A recommender over a closed label set.

    Args:
        label_set: the hashtags to choose from.
        features: what the recommender sees of a text; fitted already.

    Raises:
        InputError: the label set is too large to score every hashtag for every post.
    """

    most_labels: ClassVar[int | None] = MOST_SCORED_LABELS

    def __init__(self, label_set: LabelSet, features: Features) -> None:
        super().__init__()
        if self.most_labels is not None and len(label_set) > self.most_labels:
            raise InputError(
                f"{type(self).__name__} scores every hashtag for every post and holds at most "
                f"{self.most_labels:,}, not {len(label_set):,}; choose fewer "
                "(selection.top_n, selection.min_count) or model=omikuji"
            )
        self.label_set = label_set
        self.features = features

    @abstractmethod
    def scores(self, inputs: Any) -> Tensor:
        """Return (B, L) float32 scores in [0, 1] for the inputs of B posts."""

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text of the features' column holds anything known.

        Scores of a text that holds nothing known are those of any post, and say nothing about it.
        """
        return self.features.knows(texts)

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Return what the evaluator reads."""
        return scored(batch, self.scores(batch.inputs))

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Return what the evaluator reads."""
        return scored(batch, self.scores(batch.inputs))


def scored(batch: Batch, scores: Tensor) -> dict[str, Tensor]:
    """Return (B, L) scores beside the truth of their batch, as the evaluator reads it."""
    return {
        "scores": scores,
        "labels": batch.labels,
        "n_hashtags": batch.n_hashtags,
        "rows": batch.rows,
    }


class WholePartRecommender(RecommenderModule):
    """A recommender without gradients, which learns from the whole training part at once.

    The trainer hands the part over as one batch. What was learned goes into the checkpoint as
    plain values and tensors (`learned` and `restore`), so that nothing needs unpickling.
    """

    def __init__(self, label_set: LabelSet, features: Features) -> None:
        super().__init__(label_set, features)
        self.automatic_optimization = False

    @abstractmethod
    def learn(self, inputs: Any, labels: csr_matrix) -> None:
        """Learn from the training part's inputs and its (N, L) bool labels."""

    @abstractmethod
    def learned(self) -> dict[str, Any]:
        """Return what was learned: strings, numbers, lists, dicts and tensors."""

    @abstractmethod
    def restore(self, learned: dict[str, Any]) -> None:
        """Take over what `learned` returned."""

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Learn from the one batch that there is; a second epoch would learn the same again."""
        self.learn(batch.inputs, sparse_labels(batch.labels, len(self.label_set)))
        self.trainer.should_stop = True

    def configure_optimizers(self) -> None:
        """Nothing is optimised step by step."""

    def get_extra_state(self) -> dict[str, Any]:
        """Put what was learned into the state dict."""
        return self.learned()

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take what was learned out of the state dict."""
        self.restore(state)


class SparseRecommender(WholePartRecommender):
    """A recommender over a label set too large for scores of every label: it ranks the best ones.

    Args:
        label_set: the hashtags to choose from.
        features: what the recommender sees of a text; fitted already.
        top_k: labels that have a score when a post is judged; all others count as 0.
    """

    most_labels = None

    def __init__(self, label_set: LabelSet, features: Features, top_k: int) -> None:
        super().__init__(label_set, features)
        self.top_k = min(top_k, len(label_set))

    @abstractmethod
    def top(self, inputs: Any, k: int) -> tuple[Tensor, Tensor]:
        """Return the best labels for the inputs of B posts.

        Returns:
            (B, min(k, L)) int64 labels, best first and equal ones by their number, padded with -1,
            and their float32 scores in [0, 1], padded with 0.
        """

    def scores(self, inputs: Any) -> Tensor:
        """Refuse.

        Raises:
            InputError: always.
        """
        raise InputError(
            f"{type(self).__name__} ranks the best of {len(self.label_set):,} hashtags and does "
            "not score them all; ask for suggestions"
        )

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Return what the evaluator reads."""
        return self._ranked(batch)

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Return what the evaluator reads."""
        return self._ranked(batch)

    def _ranked(self, batch: Batch) -> dict[str, Any]:
        labels, scores = self.top(batch.inputs, self.top_k)
        return {
            "top_labels": labels,
            "top_scores": scores,
            "n_labels": len(self.label_set),
            "labels": batch.labels,
            "n_hashtags": batch.n_hashtags,
            "rows": batch.rows,
        }


def sparse_labels(labels: Tensor, n_labels: int) -> csr_matrix:
    """Turn (B, M) label indices padded with -1 into a (B, L) bool matrix."""
    indices = labels.cpu().numpy()
    real = indices >= 0
    offsets = np.concatenate([[0], np.cumsum(real.sum(axis=1))])
    ones = np.ones(int(offsets[-1]), dtype=bool)
    return csr_matrix((ones, indices[real], offsets), shape=(len(indices), n_labels))


def as_scores(scores: np.ndarray) -> Tensor:
    """Turn scores of any float type into a float32 tensor within [0, 1]."""
    return torch.from_numpy(np.clip(scores, 0.0, 1.0).astype(np.float32))
