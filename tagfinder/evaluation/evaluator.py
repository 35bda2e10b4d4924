"""The callback that scores any recommender while it is validated or tested."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytorch_lightning as lightning
import torch
from pytorch_lightning.trainer.states import TrainerFn

from tagfinder.errors import InputError
from tagfinder.escaping import for_csv
from tagfinder.evaluation.part_callback import PartCallback, PartName
from tagfinder.evaluation.predictions import Predictions
from tagfinder.evaluation.step_outputs import SparseScores, scored_blocks
from tagfinder.evaluation.tally import Tally
from tagfinder.files import atomic_path


class Evaluator(PartCallback):
    """Reads what validation and test steps return, and keeps sums and top-k lists of it.

    A step returns `labels` (B, M) int64 padded with -1, `n_hashtags` (B,), `rows` (B,), and
    either `scores` (B, L) float32 in [0, 1] for a closed label set or, for an open one,
    `top_labels` and `top_scores` (B, K), best first, padded with -1 and 0. With these, `n_labels`
    says that the label set is closed, but too large for a score of every label.

    Logged under `val/` and `test/`, in [0, 1], higher is better for each of them:

    * at every k of `ks`: the metrics of `metrics.standard_metrics()` and `metrics.REPORT_METRICS`;
    * from every label's score: `mrr` and `lrap` over the whole ranking, `micro_`, `macro_` and
      `samples_` `precision`, `recall` and `f1` at the threshold, `macro_auc` and
      `macro_average_precision` over the labels for which they are defined. Without a closed label
      set these are left out (`tally.NEED_ALL_SCORES`); where only the best labels have a score,
      the others count as 0, and `mrr` and `lrap` are left out;
    * with open scoring: `open_ndcg@k` ... `open_mrr@k` over every tagged post, a hashtag outside
      the label set being a miss, and `coverage`, the share of tagged posts with a hashtag in the
      set.

    All but the open ones are means over posts with at least one hashtag in the label set.
    `results` has the same names and the counts: `n` (posts scored), `n_without_labels` (left
    out), `n_without_hits@k`, `open_n`. The sanity check before training is not scored. While
    training there are no open scores: `CorpusDataModule` leaves out the posts that only they need.

    Args:
        ks: ranks at which rankings are scored.
        threshold: a label counts as given where its score is at least this.
        open: score every tagged post as well.
        top_k: ranks kept for each test post.
        run_dir: where the files of the test part go; None writes none.

    Attributes:
        results: metric -> value, for "val" (the last validation) and "test"; None if no post
            takes part.
        per_label: for each part a frame with `hashtag`, `support`, `true_positives`,
            `false_positives`, `false_negatives`, `precision`, `recall`, `f1`, `auc` and
            `average_precision` (null if undefined); absent without a closed label set.
        not_measured: for each part the metrics that had to be left out.
        rankings: for each part that was scored outside training, the rankings as
            `predictions.parquet` has them.

    Raises:
        InputError: an argument is out of its range.
    """

    def __init__(
        self,
        ks: Sequence[int],
        threshold: float,
        open: bool,
        top_k: int,
        run_dir: str | Path | None = None,
    ) -> None:
        self.ks = sorted({int(k) for k in ks})
        self.threshold = float(threshold)
        self.open = open
        self.top_k = top_k
        self.run_dir = None if run_dir is None else Path(run_dir)
        self.results: dict[str, dict[str, float | None]] = {}
        self.per_label: dict[str, pl.DataFrame] = {}
        self.not_measured: dict[str, tuple[str, ...]] = {}
        self.rankings: dict[str, pl.DataFrame] = {}
        self._tallies: dict[str, Tally | None] = {}
        self._fitting = False
        self._collected = Predictions()
        self._check_arguments()

    def begin(self, part: PartName, trainer: lightning.Trainer) -> None:
        """Begin new sums."""
        self._fitting = trainer.state.fn == TrainerFn.FITTING
        self._tallies[part] = None
        self._collected = Predictions()

    def add(self, part: PartName, outputs: Any) -> None:
        """Add a batch."""
        for block in scored_blocks(outputs, self.top_k):
            tally = self._tallies.get(part)
            if tally is None:
                sparse = isinstance(block.scores, SparseScores)
                tally = self._new_tally(block.label_set_size, sparse, block.labels.device)
                self._tallies[part] = tally
            tally.update(block)
            if not self._fitting:
                self._collected.add(block)

    def on_validation_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Log the validation scores, in time for `ModelCheckpoint(monitor="val/ndcg@5")`."""
        if not trainer.sanity_checking:
            self._finish("val", trainer, pl_module)
            self._keep_rankings("val", trainer, pl_module)

    def on_test_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Log the test scores and bring the rankings of all processes together."""
        self._finish("test", trainer, pl_module)
        self._keep_rankings("test", trainer, pl_module)

    def on_test_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Write `predictions.parquet` and `per_label.csv` into the run's folder."""
        if self.run_dir is None or not trainer.is_global_zero or self.predictions is None:
            return
        with atomic_path(self.run_dir / "predictions.parquet") as path:
            self.predictions.write_parquet(path)
        if "test" in self.per_label:
            with atomic_path(self.run_dir / "per_label.csv") as path:
                for_csv(self.per_label["test"]).write_csv(path)

    @property
    def predictions(self) -> pl.DataFrame | None:
        """The test part's rankings as `predictions.parquet` has them."""
        return self.rankings.get("test")

    def _keep_rankings(
        self, part: PartName, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        if not self._fitting:
            self.rankings[part] = self._collected.frame(pl_module.device, _ids(trainer, part))
        self._collected = Predictions()

    def _check_arguments(self) -> None:
        if not self.ks or self.ks[0] < 1:
            raise InputError(f"evaluation.ks is {self.ks}; expected ranks from 1, as in [1, 3, 5]")
        if self.top_k < self.ks[-1]:
            raise InputError(
                f"evaluation.top_k is {self.top_k}, less than the largest of evaluation.ks "
                f"{self.ks}; raise evaluation.top_k to at least {self.ks[-1]}"
            )
        if not 0 <= self.threshold <= 1:
            raise InputError(f"evaluation.threshold is {self.threshold}; expected 0 to 1")

    def _new_tally(self, n_labels: int | None, sparse: bool, device: torch.device) -> Tally:
        with_open = self.open and not self._fitting
        return Tally(self.ks, self.threshold, with_open, n_labels, device, sparse=sparse)

    def _finish(
        self, part: PartName, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        tally = self._tallies.pop(part, None)
        n_labels, sparse = _agreed_label_set(tally, trainer, pl_module.device)
        results = (tally or self._new_tally(n_labels, sparse, pl_module.device)).compute()
        scores = {f"{part}/{name}": value for name, value in results.scores.items()}
        pl_module.log_dict(scores, sync_dist=True)
        self.results[part] = _nan_to_none(results.scores) | results.counts
        self.not_measured[part] = results.not_measured
        if results.per_label is not None:
            self.per_label[part] = _with_hashtags(results.per_label, pl_module)


def _agreed_label_set(
    tally: Tally | None, trainer: lightning.Trainer, device: torch.device
) -> tuple[int | None, bool]:
    """Return size and sparsity of the label set, also in a process that was given no rows."""
    own = torch.tensor([0, 0] if tally is None else [tally.n_labels or 0, tally.sparse])
    n_labels, sparse = trainer.strategy.reduce(own.to(device), reduce_op="max").tolist()
    return n_labels or None, bool(sparse)


def _ids(trainer: lightning.Trainer, part: PartName) -> pl.Series | None:
    """Return the ids of a part's posts where the trainer's data module offers them."""
    ids_of = getattr(getattr(trainer, "datamodule", None), "ids", None)
    return None if ids_of is None else ids_of(part)


def _with_hashtags(per_label: pl.DataFrame, pl_module: lightning.LightningModule) -> pl.DataFrame:
    label_set = getattr(pl_module, "label_set", None)
    names = per_label["index"].cast(pl.String) if label_set is None else label_set.hashtags
    return per_label.select(pl.Series("hashtag", names), pl.exclude("index"))


def _nan_to_none(scores: dict[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in scores.items()}
