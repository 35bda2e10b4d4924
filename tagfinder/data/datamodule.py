"""The batches of a prepared corpus for Lightning's trainer."""

from __future__ import annotations

from typing import cast

import numpy as np
import polars as pl
import pytorch_lightning as lightning
from pytorch_lightning.trainer.states import TrainerFn
from torch.utils.data import DataLoader, Dataset, Sampler

from tagfinder.configuration.types import PositiveInt, Seed
from tagfinder.corpus.prepared import PARTS, Part, PreparedCorpus
from tagfinder.data.batches import Batch, OrderedBatches, PartDataset, ShuffledBatches, identity
from tagfinder.data.feature_cache import encode_once
from tagfinder.data.features import Features
from tagfinder.data.ragged import Ragged
from tagfinder.data.sampling import ChosenRows, NoSampling, Sampling, sampling_counts


class CorpusDataModule(lightning.LightningDataModule):
    """Texts encoded once, batches padded to their own longest text.

    Args:
        corpus: the prepared corpus.
        features: how texts are encoded.
        batch_size: posts in a training batch; None gives the whole part as one batch, for
            recommenders that learn from all at once.
        eval_batch_size: posts in a batch of scoring; does not change any score.
        seed: decides the order of the training batches, together with the epoch.
        pool: training batches that are sorted by length together.
        drop_last: leave out the last short training batch.
        sampling: which training posts are trained on, and how often in an epoch.
    """

    def __init__(
        self,
        corpus: PreparedCorpus,
        features: Features,
        *,
        batch_size: PositiveInt | None = 1024,
        eval_batch_size: PositiveInt = 1024,
        seed: Seed = 1,
        pool: PositiveInt = 50,
        drop_last: bool = True,
        sampling: Sampling | None = None,
    ) -> None:
        super().__init__()
        self.corpus = corpus
        self.features = features
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.seed = seed
        self.pool = pool
        self.drop_last = drop_last
        self.sampling = sampling or NoSampling()
        self._datasets: dict[Part, PartDataset] = {}

    def dataset(self, part: Part) -> PartDataset:
        """Return one part, encoded at its first use."""
        if part not in self._datasets:
            columns = self.corpus.part(part, [self.features.column, "labels", "n_hashtags"])
            self._datasets[part] = PartDataset(
                encode_once(self.features, columns[self.features.column]),
                Ragged.from_series(columns["labels"]),
                columns["n_hashtags"].to_numpy(),
            )
        return self._datasets[part]

    def prepare_data(self) -> None:
        """Encode all parts, once for all processes of a machine."""
        for part in PARTS:
            self.dataset(part)

    def ids(self, part: Part) -> pl.Series:
        """Return the ids of one part's posts, in corpus order."""
        return self.corpus.part(part, ["id"])["id"]

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return shuffled batches of like-long texts, or the whole part as one."""
        dataset = ChosenRows(self.dataset("train"), self._training_rows())
        if self.batch_size is None:
            return self._loader(dataset, cast(Sampler, [np.arange(len(dataset))]))
        order = ShuffledBatches(
            dataset.lengths,
            self.batch_size,
            self.seed,
            pool=self.pool,
            drop_last=self.drop_last,
            rank=self._rank,
            world_size=self._world_size,
        )
        return self._loader(dataset, order)

    def val_dataloader(self) -> DataLoader[Batch] | list[DataLoader[Batch]]:
        """Return each validation post once.

        While a recommender is trained, posts without a hashtag of the label set are left out: they
        change no score of the closed label set and may be nine of ten. One that learns from all
        posts at once has no epochs to compare, so it is not validated while training.
        """
        if self.trainer is None or self.trainer.state.fn != TrainerFn.FITTING:
            return self._scoring("val")
        if self.batch_size is None:
            return []
        covered = np.flatnonzero(self.dataset("val").labels.lengths)
        return self._scoring("val", covered if len(covered) else None)

    def test_dataloader(self) -> DataLoader[Batch]:
        """Return each test post once."""
        return self._scoring("test")

    def sampled(self) -> dict[str, int]:
        """Return the effect of the sampling on the training part, in posts."""
        rows, part = self._training_rows(), self.dataset("train")
        return sampling_counts(rows, part.labels, self.corpus.label_set.train_counts)

    def _training_rows(self) -> np.ndarray:
        part = self.dataset("train")
        return self.sampling.rows(part.labels, self.corpus.label_set.train_counts)

    def _scoring(self, part: Part, rows: np.ndarray | None = None) -> DataLoader[Batch]:
        dataset = self.dataset(part)
        order = OrderedBatches(
            dataset.texts.lengths, self.eval_batch_size, self._rank, self._world_size, rows
        )
        return self._loader(dataset, order)

    def _loader(self, dataset: Dataset[Batch], order: Sampler) -> DataLoader[Batch]:
        return DataLoader(dataset, sampler=order, batch_size=None, collate_fn=identity)

    @property
    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer else 0

    @property
    def _world_size(self) -> int:
        return self.trainer.world_size if self.trainer else 1
