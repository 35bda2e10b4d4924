"""Trains and scores the recommender that keeps learning."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tagfinder.corpus.prepared import Part, PreparedCorpus
from tagfinder.data.batches import Batch
from tagfinder.live.compiled import sources_digest
from tagfinder.live.durable import DurableKnowledge
from tagfinder.live.features.table import column_names
from tagfinder.live.ranking.dataset import RankingDataset
from tagfinder.live.ranking.ensemble import RankerEnsemble
from tagfinder.live.ranking.ranker import Ranker
from tagfinder.live.rankings import RankedPart, Rankings
from tagfinder.live.timeline_ranking import TimelineRanking
from tagfinder.live.training_progress import TrainingProgress
from tagfinder.models.base import arrays_of, tensors_of
from tagfinder.models.live import FORMAT, LiveRecommender, trained
from tagfinder.progress import phase
from tagfinder.training.single_pass import SinglePassModule

# Folder in a run's folder for work that is finished while training still runs.
PROGRESS = "training_progress"


class LiveModule(SinglePassModule):
    """Replays the timeline of a corpus, trains the rankers and ranks its parts.

    Args:
        recommender: whose rankers are trained.
    """

    open_vocabulary = True

    def __init__(self, recommender: LiveRecommender) -> None:
        super().__init__(recommender.label_set)
        self.recommender = recommender
        self._validation_rankers: RankerEnsemble | None = None
        self._classifiers: dict[str, dict[str, Any]] = {}
        self._ranked: dict[Part, RankedPart] = {}

    def setup(self, stage: str) -> None:
        """Read the timeline of the corpus if a finished run is scored again."""
        features = self.recommender.features
        if features.timeline is None:
            features.fit(self.trainer.datamodule.corpus)  # type: ignore[attr-defined]

    def on_train_start(self) -> None:
        """Stop at once if a checkpoint has trained rankers: there is one pass, not many."""
        corpus = self.trainer.datamodule.corpus  # type: ignore[attr-defined]
        folder = Path(self.trainer.default_root_dir) / PROGRESS
        self._timeline.progress = TrainingProgress(folder, self._progress_key(corpus))
        if self.recommender.rankers is not None:
            self.trainer.should_stop = True

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Train the rankers for the validation part and those for everything after it."""
        live, timeline = self.recommender, self._timeline
        first = int(self._positions("val").min())
        window = np.arange(max(first - len(self._positions("val")), 0), first)
        dataset = RankingDataset(live.train_candidates, live.seed)
        timeline.collect(self._sample(window, live.train_posts_before_val), dataset)
        self._validation_rankers = self._trained("before_val", dataset)
        self._rank_val(dataset)
        self._classifiers = timeline.classifiers
        live.rankers = self._trained("val", dataset)
        self.trainer.should_stop = True

    def on_validation_epoch_start(self) -> None:
        """Rank the validation part, unless training has just done so.

        Raises:
            InputError: there are no rankers.
        """
        if "val" not in self._ranked:
            self._rank_val(None)

    def on_test_epoch_start(self) -> None:
        """Rank the test part.

        Raises:
            InputError: there are no rankers.
        """
        rankers = trained(self.recommender.rankers)
        self._ranked["test"] = self._timeline.rank("test", self._positions("test"), rankers)

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return scores and labels as the evaluator reads them."""
        return self._step("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return scores and labels as the evaluator reads them."""
        return self._step("test", batch)

    def get_extra_state(self) -> dict[str, Any]:
        """Return the rankers and classifiers as plain data."""
        rankers = {"rankers": self.recommender.rankers, "judges": self._validation_rankers}
        states = {name: both.state() for name, both in rankers.items() if both is not None}
        return {**states, "format": FORMAT, "classifiers": tensors_of(self._classifiers)}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Load what `get_extra_state` returned.

        Raises:
            InputError: it is from a version with other features.
        """
        live = self.recommender
        live.rankers = live.rankers_of(state, "rankers")
        self._validation_rankers = live.rankers_of(state, "judges")
        self._classifiers = arrays_of(state.get("classifiers", {}))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the rankings of the validation part as plain data."""
        if "val" in self._ranked:
            checkpoint["val"] = tensors_of(self._ranked["val"].state())

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Load the rankings of the validation part."""
        if "val" in checkpoint:
            self._ranked["val"] = RankedPart.from_state(arrays_of(checkpoint["val"]))

    def without_author(self, part: Part) -> Rankings | None:
        """Return the rankings of a part with authors hidden, None if there are none."""
        hidden = self._ranked[part].without_author if part in self._ranked else None
        return hidden if hidden is not None and hidden.asked.any() else None

    def keep(self, folder: Path) -> None:
        """Write all posts of the timeline to a folder that `open_posts` opens."""
        knowledge = self._timeline.teach_all()
        live = self.recommender
        with DurableKnowledge(
            folder, writable=True, settings=live.knowledge_settings, open_index=live.text_index
        ) as durable:
            durable.adopt(knowledge, self._timeline.timeline.posts)
        if self._timeline.progress is not None:
            self._timeline.progress.clear()

    @cached_property
    def _timeline(self) -> TimelineRanking:
        label_of = {name: label for label, name in enumerate(self.label_set.hashtags)}
        live = self.recommender
        timeline = TimelineRanking(
            live.features, label_of, live.replay_settings, processes=live.processes
        )
        timeline.classifiers = dict(self._classifiers)
        return timeline

    def _rank_val(self, dataset: RankingDataset | None) -> None:
        """Rank the validation part with the rankers that were trained before it.

        Args:
            dataset: is extended by the ranked posts.

        Raises:
            InputError: there are no rankers.
        """
        rankers = trained(self._validation_rankers)
        chosen = self._sample(np.sort(self._positions("val")), self.recommender.train_posts_val)
        self._ranked["val"] = self._timeline.rank("val", chosen, rankers, dataset)

    def _step(self, part: Part, batch: Batch) -> dict[str, Tensor]:
        rankings = self._ranked[part].rankings
        rows = batch.rows.cpu().numpy()
        asked = rankings.asked[rows]
        return {
            "top_labels": torch.from_numpy(rankings.labels[rows[asked]]),
            "top_scores": torch.from_numpy(rankings.scores[rows[asked]]),
            "labels": batch.labels[asked],
            "n_hashtags": batch.n_hashtags[asked],
            "rows": batch.rows[asked],
        }

    def _positions(self, part: Part) -> np.ndarray:
        return self._timeline.timeline.positions[part]

    def _sample(self, positions: np.ndarray, most: int) -> np.ndarray:
        """Sample the posts that a ranker is trained on, in order of time."""
        first = int(positions[0]) if len(positions) else 0
        generator = np.random.default_rng([self.recommender.seed, first])
        n = min(most, len(positions))
        return np.sort(generator.choice(positions, n, replace=False))

    def _trained(self, stage: str, dataset: RankingDataset) -> RankerEnsemble:
        """Train rankers on a dataset.

        Args:
            stage: name under which they are kept while training continues.
            dataset: the posts.
        """
        live = self.recommender

        def remember(name: str, train: Callable[[], Ranker]) -> Ranker:
            with phase(f"training ranker {name} on {len(dataset):,} examples"):
                progress = self._timeline.progress
                return progress.ranker(f"{stage}-{name}", train) if progress else train()

        columns = column_names(live.sources)
        settings = live.ranker_settings
        return RankerEnsemble.learn(columns, dataset, settings, live.seed, remember)

    def _progress_key(self, corpus: PreparedCorpus) -> str:
        """Return a digest of everything that decides the result of training."""
        live = self.recommender
        frozen = live.features.frozen
        decides = (
            *(FORMAT, sources_digest(), corpus.digest, live.features.column),
            str(frozen and frozen.encoder),
            *(live.train_posts_before_val, live.train_posts_val, live.train_candidates),
            *(asdict(live.replay_settings), asdict(live.ranker_settings)),
        )
        text = json.dumps(decides, default=sorted)
        return sha256(text.encode()).hexdigest()
