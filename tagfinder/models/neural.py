"""What every deep recommender shares; a network adds only what maps inputs to logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.batches import Batch
from tagfinder.data.features import Features
from tagfinder.errors import InputError
from tagfinder.models.base import RecommenderModule, scored
from tagfinder.models.embeddings import WordEmbedding
from tagfinder.models.network import RecommenderNetwork
from tagfinder.models.optimizers import Adam


class NeuralRecommender(RecommenderModule):
    """A network with a loss, an optimiser and a schedule.

    Args:
        label_set: the hashtags to choose from.
        features: what the network sees of a text; fitted already.
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
        super().__init__(label_set, features)
        self.network = network(features=features, n_labels=len(label_set))
        if isinstance(self.network, RecommenderNetwork) and self.network.output_layer is not None:
            start_at_frequencies(self.network.output_layer, label_set)
        self.loss = loss(label_set)
        self.optimizer = optimizer
        if compile_network:
            self.network.compile(dynamic=True)

    def logits(self, inputs: Any) -> Tensor:
        """Return (B, L) float32 logits, whatever precision the network computes in."""
        logits: Tensor = self.network(inputs)
        return logits.float()

    def scores(self, inputs: Any) -> Tensor:
        """Return (B, L) float32 scores in [0, 1]."""
        return torch.sigmoid(self.logits(inputs))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the batch's loss; its mean over the epoch is logged as `train/loss`."""
        logits = self.logits(batch.inputs)
        loss: Tensor = self.loss(logits, multi_hot(batch.labels, logits.shape[1]))
        self._log_mean("train/loss", loss, batch)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return what the evaluator reads; the mean loss is logged as `val/loss`."""
        logits = self.logits(batch.inputs)
        loss: Tensor = self.loss(logits, multi_hot(batch.labels, logits.shape[1]))
        self._log_mean("val/loss", loss, batch)
        return scored(batch, torch.sigmoid(logits)) | {"loss": loss}

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
        return self.optimizer.build(
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


def start_at_frequencies(layer: nn.Linear, label_set: LabelSet) -> None:
    """Let an output layer begin with each hashtag's share of the training posts.

    The first epochs then need not learn that most hashtags are rare, on which a network over
    words can stay stuck. The same idea as the prior of Lin and others (focal loss, 2017). A layer
    without a bias is left as it is.

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
