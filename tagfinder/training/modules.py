"""Recommenders as Lightning modules: what a trainer trains and an evaluator scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytorch_lightning as lightning
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from scipy.sparse import csr_matrix
from torch import Tensor

from tagfinder.configuration.build import locate
from tagfinder.data.batches import Batch
from tagfinder.errors import InputError
from tagfinder.models.base import (
    SparseRecommender,
    WholePartRecommender,
    arrays_of,
    tensors_of,
)
from tagfinder.models.embeddings import WordEmbedding
from tagfinder.models.network import RecommenderNetwork
from tagfinder.models.neural import NeuralRecommender, multi_hot
from tagfinder.models.open_vocabulary import has_open_vocabulary
from tagfinder.training.single_pass import SinglePassModule


def module_of(recommender: Any) -> lightning.LightningModule:
    """Return the module that trains a recommender; one that is a module already trains itself."""
    if isinstance(recommender, lightning.LightningModule):
        return recommender
    if isinstance(recommender, NeuralRecommender):
        return NeuralModule(recommender)
    if has_open_vocabulary(recommender):
        module: lightning.LightningModule = locate(recommender.training_module)(recommender)
        return module
    return WholePartModule(recommender)


class WholePartModule(SinglePassModule):
    """Passes the training part as one batch; the learned state is in the state dict.

    Args:
        recommender: learns from the whole part at once.
    """

    def __init__(self, recommender: WholePartRecommender) -> None:
        super().__init__(recommender.label_set)
        self.recommender = recommender

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Learn from the one batch that there is; a second epoch would learn the same again.

        Raises:
            InputError: there are several batches, and the recommender would learn from one only.
        """
        loader: Any = self.trainer.train_dataloader
        if len(batch.rows) < len(loader.dataset):
            raise InputError(
                f"batches.batch_size={len(batch.rows)}: {type(self.recommender).__name__} learns "
                "from all training posts at once; set batches.batch_size=null"
            )
        self.recommender.learn(batch.inputs, sparse_labels(batch.labels, len(self.label_set)))
        self.trainer.should_stop = True

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Return scores and labels as the evaluator reads them."""
        if isinstance(self.recommender, SparseRecommender):
            return ranked(batch, self.recommender)
        return scored(batch, torch.from_numpy(self.recommender.score(batch.inputs)))

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Return scores and labels as the evaluator reads them."""
        return self.validation_step(batch, batch_idx)

    def get_extra_state(self) -> dict[str, Any]:
        """Put the learned state into the state dict, as plain values and tensors."""
        state: dict[str, Any] = tensors_of(self.recommender.learned())
        return state

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take the learned state out of the state dict."""
        self.recommender.restore(arrays_of(state))


class NeuralModule(lightning.LightningModule):
    """Steps, losses and the optimiser of a network.

    Args:
        recommender: the network with its loss and settings.
    """

    def __init__(self, recommender: NeuralRecommender) -> None:
        super().__init__()
        # A list hides the recommender from PyTorch: the names of the weights in a checkpoint are
        # those of the network and the loss.
        self._recommender = [recommender]
        self.network = recommender.network
        self.loss = recommender.loss
        self.label_set = recommender.label_set

    @property
    def recommender(self) -> NeuralRecommender:
        """The recommender that is trained."""
        return self._recommender[0]

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the batch's loss; its mean over the epoch is logged as `train/loss`."""
        logits = self.recommender.logits(batch.inputs)
        loss: Tensor = self.loss(logits, multi_hot(batch.labels, logits.shape[1]))
        self._log_mean("train/loss", loss, batch)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return what the evaluator reads; the mean loss is logged as `val/loss`."""
        logits = self.recommender.logits(batch.inputs)
        loss: Tensor = self.loss(logits, multi_hot(batch.labels, logits.shape[1]))
        self._log_mean("val/loss", loss, batch)
        return scored(batch, torch.sigmoid(logits)) | {"loss": loss}

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return scores and labels as the evaluator reads them."""
        return scored(batch, torch.sigmoid(self.recommender.logits(batch.inputs)))

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return the optimiser over what is trainable, and its schedule."""
        words = {
            vectors
            for layer in self.modules()
            if isinstance(layer, WordEmbedding)
            for vectors in layer.parameters()
        }
        pretrained = None
        if isinstance(self.network, RecommenderNetwork):
            pretrained = self.network.pretrained_encoder
        encoder = set(pretrained.parameters()) if pretrained is not None else set()
        apart = words | encoder
        trainable = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return self.recommender.optimizer.build(
            [parameter for parameter in trainable if parameter not in apart],
            self._steps_per_epoch(),
            word_vectors=[parameter for parameter in trainable if parameter in words],
            encoder=[parameter for parameter in trainable if parameter in encoder],
        )

    def _steps_per_epoch(self) -> int:
        # Asking for all steps makes the trainer count the batches of one epoch.
        _ = self.trainer.estimated_stepping_batches
        batches = int(self.trainer.num_training_batches)
        return -(-batches // self.trainer.accumulate_grad_batches)

    def _log_mean(self, name: str, loss: Tensor, batch: Batch) -> None:
        self.log(
            name,
            loss.detach(),
            on_step=False,
            on_epoch=True,
            prog_bar=True,
            sync_dist=True,
            batch_size=len(batch.rows),
        )


def scored(batch: Batch, scores: Tensor) -> dict[str, Tensor]:
    """Return (B, L) scores beside the truth of their batch, as the evaluator reads it."""
    return {
        "scores": scores,
        "labels": batch.labels,
        "n_hashtags": batch.n_hashtags,
        "rows": batch.rows,
    }


def ranked(batch: Batch, recommender: SparseRecommender) -> dict[str, Any]:
    """Return the best labels of a batch beside its truth, as the evaluator reads it."""
    labels, scores = map(torch.from_numpy, recommender.top(batch.inputs, recommender.top_k))
    return {
        "top_labels": labels,
        "top_scores": scores,
        "n_labels": len(recommender.label_set),
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
