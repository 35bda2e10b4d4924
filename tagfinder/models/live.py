"""The recommender that keeps learning: an open vocabulary and a ranker of its hashtags.

A closed recommender knows only its training part. This one knows every post that is older than a
delay at the time of a query, and ranks the hashtags of those posts. Its rankers are trained once.
Its classifiers of hashtags and of authors are retrained every few weeks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytorch_lightning as lightning
import torch
from torch import Tensor

from tagfinder.corpus.prepared import LabelSet, Part, PreparedCorpus
from tagfinder.data.batches import Batch
from tagfinder.data.features import Features
from tagfinder.errors import InputError
from tagfinder.live.compiled import sources_digest
from tagfinder.live.durable import DurableKnowledge
from tagfinder.live.features.table import check_sources, column_names
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.postgres_log import PostgresLog
from tagfinder.live.ranking.dataset import RankingDataset
from tagfinder.live.ranking.ensemble import RankerEnsemble
from tagfinder.live.ranking.ranker import Ranker, RankerSettings
from tagfinder.live.rankings import RankedPart, Rankings
from tagfinder.live.search.text_index import OpenTextIndex
from tagfinder.live.timeline import LiveFeatures
from tagfinder.live.timeline_ranking import ReplaySettings, TimelineRanking, rank_candidates
from tagfinder.live.training_progress import TrainingProgress
from tagfinder.progress import phase

# Version of the state in checkpoints; others are refused.
FORMAT = 4
WITHOUT_AUTHOR = "without_author"
# Folder in a run's folder for work that is finished while training still runs.
PROGRESS = "training_progress"


class LiveRecommender(lightning.LightningModule):
    """Ranks the hashtags of all posts that were known a delay before a post.

    Training and ranking replay the timeline from its first post. The rankers that score the
    validation part are trained on posts before it. Those that score the test part, and are kept,
    are trained on these and on the validation part.

    Args:
        label_set: every hashtag of the corpus; only numbers them, its counts are never read.
        features: `LiveFeatures`, fitted.
        sources: which sources are used (`features.table.SOURCES`).
        delay_days: age in days from which a post is known.
        author: whether the author of scored posts is known.
        also_without_author: whether the test part is ranked again with authors hidden.
        train_posts_before_val: posts before the validation part that rankers are trained on.
        train_posts_val: posts of the validation part that the kept rankers are also trained on; no
            others of that part are scored.
        train_candidates: candidates of a training post, the true ones and a sample of the others.
        hidden_author_share: share of the training posts that are added again with the author
            hidden.
        text_index: opens the text index of a folder of posts.
        top_k: hashtags ranked for a post.
        ranker: arguments of `RankerSettings`.
        knowledge: arguments of `Knowledge`.
        seed: decides which posts rankers are trained on.

    Raises:
        InputError: an unknown source.
    """

    open_vocabulary = True

    single_pass = True

    def __init__(
        self,
        label_set: LabelSet,
        features: Features,
        *,
        sources: Sequence[str],
        delay_days: float,
        author: bool,
        also_without_author: bool,
        train_posts_before_val: int,
        train_posts_val: int,
        train_candidates: int,
        hidden_author_share: float,
        text_index: OpenTextIndex,
        top_k: int,
        ranker: dict[str, Any],
        knowledge: dict[str, Any],
        seed: int,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.label_set = label_set
        self.features = cast(LiveFeatures, features)
        check_sources(sources)
        self.sources = frozenset(sources) - ({"meaning"} if self.features.frozen is None else set())
        self.train_posts_before_val = train_posts_before_val
        self.train_posts_val = train_posts_val
        self.train_candidates = train_candidates
        self.text_index = text_index
        self.ranker_settings = RankerSettings(**ranker)
        self.replay_settings = ReplaySettings(
            sources=self.sources,
            delay_days=delay_days,
            author=author,
            also_without_author=also_without_author,
            hidden_author_share=hidden_author_share,
            top_k=top_k,
            knowledge=knowledge,
            seed=seed,
        )
        self.seed = seed
        self.rankers: RankerEnsemble | None = None
        self._validation_rankers: RankerEnsemble | None = None
        self._classifiers: dict[str, dict[str, Any]] = {}
        self._ranked: dict[Part, RankedPart] = {}

    def setup(self, stage: str) -> None:
        """Read the timeline of the corpus if a finished run is scored again."""
        if self.features.timeline is None:
            self.features.fit(self.trainer.datamodule.corpus)  # type: ignore[attr-defined]

    def on_train_start(self) -> None:
        """Stop at once if a checkpoint has trained rankers: there is one pass, not many."""
        corpus = self.trainer.datamodule.corpus  # type: ignore[attr-defined]
        folder = Path(self.trainer.default_root_dir) / PROGRESS
        self._timeline.progress = TrainingProgress(folder, self._progress_key(corpus))
        if self.rankers is not None:
            self.trainer.should_stop = True

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Train the rankers for the validation part and those for everything after it."""
        timeline = self._timeline
        first = int(self._positions("val").min())
        window = np.arange(max(first - len(self._positions("val")), 0), first)
        dataset = RankingDataset(self.train_candidates, self.seed)
        timeline.collect(self._sample(window, self.train_posts_before_val), dataset)
        self._validation_rankers = self._trained("before_val", dataset, for_val=True)
        self._rank_val(dataset)
        self._classifiers = timeline.classifiers
        self.rankers = self._trained("val", dataset)
        self.trainer.should_stop = True

    def configure_optimizers(self) -> None:
        """There is no optimizer: trees are not trained in steps."""

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
        rankers = _required(self.rankers)
        self._ranked["test"] = self._timeline.rank("test", self._positions("test"), rankers)

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return scores and labels as the evaluator reads them."""
        return self._step("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return scores and labels as the evaluator reads them."""
        return self._step("test", batch)

    def get_extra_state(self) -> dict[str, Any]:
        """Return the rankers and classifiers as plain data."""
        rankers = {"rankers": self.rankers, "judges": self._validation_rankers}
        trained = {name: both.state() for name, both in rankers.items() if both is not None}
        return {**trained, "format": FORMAT, "classifiers": self._classifiers}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Load what `get_extra_state` returned.

        Raises:
            InputError: it is from a version with other features.
        """
        of_this_version = state.get("format") == FORMAT
        names = [name for name in ("rankers", "judges") if of_this_version and name in state]
        rankers = {name: RankerEnsemble.from_state(state[name]) for name in names}
        columns = column_names(self.sources)
        if not of_this_version or any(one.columns != columns for one in rankers.values()):
            raise InputError(
                "this run's ranker reads other features than this version of TagFinder computes: "
                "train it again, or use the version that trained it"
            )
        self.rankers, self._validation_rankers = rankers.get("rankers"), rankers.get("judges")
        self._classifiers = dict(state.get("classifiers", {}))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the rankings of the validation part as plain data."""
        if "val" in self._ranked:
            checkpoint["val"] = self._ranked["val"].state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Load the rankings of the validation part."""
        if "val" in checkpoint:
            self._ranked["val"] = RankedPart.from_state(checkpoint["val"])

    def score_pairs(self, part: Part) -> tuple[np.ndarray, np.ndarray]:
        """Return (N,) scores in [0, 1] and (N,) bool truth of suggestions, for calibration."""
        ranked = self._ranked.get(part) or RankedPart.empty(0, 0)
        return ranked.score_pairs()

    def extra_rankings(self) -> dict[str, Rankings]:
        """Return the rankings of the test part with authors hidden, if there are any."""
        ranked = self._ranked.get("test")
        if ranked is None or not ranked.without_author.asked.any():
            return {}
        return {WITHOUT_AUTHOR: ranked.without_author}

    def keep(self, folder: Path) -> None:
        """Write all posts of the timeline to a folder that `open_posts` opens."""
        knowledge = self._timeline.teach_all()
        with DurableKnowledge(
            folder, writable=True, settings=self._knowledge_settings, open_index=self.text_index
        ) as durable:
            durable.adopt(knowledge, self._timeline.timeline.posts)
        if self._timeline.progress is not None:
            self._timeline.progress.clear()

    def open_posts(
        self, folder: Path, *, writable: bool, log: PostgresLog | None = None
    ) -> DurableKnowledge:
        """Open the posts of a run, to suggest from them or to teach more.

        Args:
            folder: of the posts.
            writable: whether they may be taught.
            log: that several machines share; None keeps the posts in the folder alone.
        """
        return DurableKnowledge(
            folder,
            encode=self.features.vectors_of if "meaning" in self.sources else None,
            dimension=self.features.dimension,
            writable=writable,
            settings=self._knowledge_settings,
            open_index=self.text_index,
            log=log,
        )

    def suggest(
        self,
        knowledge: Knowledge,
        text: str,
        day: float,
        k: int,
        *,
        author: str | None,
        typed: list[str],
        vector: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return numbers of the best hashtags for a text and scores, see `OpenVocabulary`."""
        query = knowledge.query(text, day, author, self.sources, vector=vector, typed=typed)
        candidates = knowledge.candidates(query, self.sources)
        return rank_candidates(query, candidates, _required(self.rankers), k)

    @property
    def _knowledge_settings(self) -> dict[str, Any]:
        """Arguments of `Knowledge`; without the source, no classifiers are trained."""
        settings = self.replay_settings.knowledge
        return settings if "classifier" in self.sources else {**settings, "classifier": None}

    @cached_property
    def _timeline(self) -> TimelineRanking:
        label_of = {name: label for label, name in enumerate(self.label_set.hashtags)}
        timeline = TimelineRanking(self.features, label_of, self.replay_settings)
        timeline.classifiers = dict(self._classifiers)
        return timeline

    def _rank_val(self, dataset: RankingDataset | None) -> None:
        """Rank the validation part with the rankers that were trained before it.

        Args:
            dataset: is extended by the ranked posts.

        Raises:
            InputError: there are no rankers.
        """
        rankers = _required(self._validation_rankers)
        chosen = self._sample(np.sort(self._positions("val")), self.train_posts_val)
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
        generator = np.random.default_rng([self.seed, int(positions[0]) if len(positions) else 0])
        n = min(most, len(positions))
        return np.sort(generator.choice(positions, n, replace=False))

    def _trained(
        self, stage: str, dataset: RankingDataset, *, for_val: bool = False
    ) -> RankerEnsemble:
        """Train rankers.

        Args:
            stage: name under which they are kept while training continues.
            dataset: the posts.
            for_val: whether they only score the validation part. If its authors are known, nearly
                all of its posts are ranked by one ranker; the others would take half of the time.
        """
        settings = self.ranker_settings
        if for_val and self.replay_settings.author:
            settings = replace(settings, unknown_author_objectives=())

        def remember(name: str, train: Callable[[], Ranker]) -> Ranker:
            with phase(f"training ranker {name} on {len(dataset):,} examples"):
                progress = self._timeline.progress
                return progress.ranker(f"{stage}-{name}", train) if progress else train()

        columns = column_names(self.sources)
        return RankerEnsemble.learn(columns, dataset, settings, self.seed, remember)

    def _progress_key(self, corpus: PreparedCorpus) -> str:
        """Return a digest of everything that decides the result of training."""
        frozen = self.features.frozen
        decides = (
            *(FORMAT, sources_digest(), corpus.digest, self.features.column),
            str(frozen and frozen.encoder),
            *(self.train_posts_before_val, self.train_posts_val, self.train_candidates),
            *(asdict(self.replay_settings), asdict(self.ranker_settings)),
        )
        text = json.dumps(decides, default=sorted)
        return sha256(text.encode()).hexdigest()


def _required(rankers: RankerEnsemble | None) -> RankerEnsemble:
    if rankers is None:
        raise InputError("this run has no ranker: its training did not finish")
    return rankers
