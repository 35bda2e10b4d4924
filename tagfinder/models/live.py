"""The recommender that keeps learning: an open vocabulary, a ranker over what is known today.

A closed recommender's knowledge ends with its training part. This one knows every post that is
older than a delay at the moment of asking, and ranks the hashtags of those posts. Its small rankers
are trained once, on posts before those that they are judged on, and classifiers of the hashtags in
use and of their authors now and then, on what is known by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytorch_lightning as lightning
import torch
from scipy.special import expit
from torch import Tensor

from tagfinder.corpus.prepared import LabelSet, Part
from tagfinder.data.batches import Batch
from tagfinder.data.features import Features
from tagfinder.errors import InputError
from tagfinder.live.asking import Question
from tagfinder.live.durable import DurableKnowledge
from tagfinder.live.features import LiveFeatures
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.memory import NOBODY
from tagfinder.live.questions import Rows, check_parts, column_names
from tagfinder.live.ranker import Lessons, Rankers, RankerSettings
from tagfinder.live.replay import Asked, Replay
from tagfinder.live.tantivy_index import TantivyIndex
from tagfinder.live.text_index import OpenTextIndex
from tagfinder.live.vector_index import VectorIndex
from tagfinder.progress import track

# Of what is kept in checkpoints; older ones are refused.
FORMAT = 4


class LiveRecommender(lightning.LightningModule):
    """Ranks the hashtags of all posts that were known a delay before a post.

    Learning and ranking each go through the timeline in order, from its beginning. The rankers that
    are judged on the validation part have learned from posts before it, and those that are judged
    on the test part, and kept, from these and the validation part.

    Args:
        label_set: every hashtag of the corpus; a numbering only, its counts are never read.
        features: `LiveFeatures`, fitted.
        parts: sources that are used (`questions.PARTS`).
        delay_days: days that a post must be old to be known.
        author: whether the author of the posts that are scored is known.
        also_without_author: whether the test part is ranked a second time without it.
        judge_posts: posts from before the validation part that rankers learn from; the one that
            scores it from no others.
        learn_posts: posts of the validation part that the ranker which is kept learns from
            besides; no others of that part are scored.
        learn_candidates: candidates of such a post, the true ones and some of the others.
        hidden_author_share: share of those that are learned from a second time with their author
            hidden, for where nobody is known.
        text_index: opens the text index of a folder in which the posts are kept.
        top_k: hashtags ranked for a post.
        ranker: how rankers learn.
        knowledge: arguments of `Knowledge`.
        seed: decides which posts are learned from.

    Raises:
        InputError: an unknown part, or `meaning` without an encoder.
    """

    def __init__(
        self,
        label_set: LabelSet,
        features: Features,
        *,
        parts: Sequence[str],
        delay_days: float,
        author: bool,
        also_without_author: bool,
        judge_posts: int,
        learn_posts: int,
        learn_candidates: int,
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
        check_parts(parts)
        self.parts = frozenset(parts) - ({"meaning"} if self.features.frozen is None else set())
        self.delay_days = delay_days
        self.author = author
        self.also_without_author = also_without_author
        self.judge_posts = judge_posts
        self.learn_posts = learn_posts
        self.learn_candidates = learn_candidates
        self.hidden_author_share = hidden_author_share
        self.text_index = text_index
        self.top_k = top_k
        self.settings = RankerSettings(**ranker)
        self.knowledge_settings = knowledge
        self.seed = seed
        self.rankers: Rankers | None = None
        self._judges: Rankers | None = None
        self._number_of = {name: label for label, name in enumerate(label_set.hashtags)}
        self._replay: Replay | None = None
        self._rankings: dict[Part, Rankings] = {}
        self.without_author: Rankings | None = None
        self._pairs: dict[Part, list[tuple[np.ndarray, np.ndarray]]] = {}
        # The classifiers as they were when a part began, so that a part can be gone through again.
        self._classifiers: dict[str, dict[str, Any]] = {}

    def setup(self, stage: str) -> None:
        """Read the corpus's timeline, where a finished run was opened to be scored again."""
        if self.features.timeline is None:
            self.features.fit(self.trainer.datamodule.corpus)  # type: ignore[attr-defined]

    def on_train_start(self) -> None:
        """End at once where a checkpoint brought what is learned: there is one pass, not many."""
        if self.rankers is not None:
            self.trainer.should_stop = True

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Learn the rankers for the validation part and for what comes after it."""
        first = int(self._positions("val").min())
        window = np.arange(max(first - len(self._positions("val")), 0), first)
        lessons = Lessons(self.learn_candidates, self.seed)
        for position in track(self._chosen(window, self.judge_posts), "learning"):
            self._study(position, lessons)
        self._judges = self._learned(lessons)
        self._remember_classifiers("val")
        self._rank_val(lessons)
        self._remember_classifiers("test")
        self.rankers = self._learned(lessons)
        self.trainer.should_stop = True

    def configure_optimizers(self) -> None:
        """Nothing is optimised step by step."""

    def on_validation_epoch_start(self) -> None:
        """Rank the validation part, where training has not just done so.

        Raises:
            InputError: nothing was learned before.
        """
        if "val" not in self._rankings:
            self._rank_val(None)

    def on_test_epoch_start(self) -> None:
        """Go through the test part.

        Raises:
            InputError: nothing was learned before.
        """
        if self.rankers is None:
            raise InputError("this run has no ranker: its training did not come to an end")
        self._rankings["test"] = self._ranked("test", self._positions("test"), self.rankers)

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return what the evaluator reads."""
        return self._step("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return what the evaluator reads."""
        return self._step("test", batch)

    def get_extra_state(self) -> dict[str, Any]:
        """Put the rankers into the state dict, as plain data."""
        rankers = {"rankers": self.rankers, "judges": self._judges}
        learned = {name: both.state() for name, both in rankers.items() if both is not None}
        return {**learned, "format": FORMAT, "classifiers": self._classifiers}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take the rankers out of the state dict.

        Raises:
            InputError: they were trained by a version that gathered other evidence.
        """
        of_this_version = state.get("format") == FORMAT
        names = [name for name in ("rankers", "judges") if of_this_version and name in state]
        rankers = {name: Rankers.from_state(state[name]) for name in names}
        columns = column_names(self.parts)
        if not of_this_version or any(one.columns != columns for one in rankers.values()):
            raise InputError(
                "this run's ranker reads other evidence than this version of TagFinder gathers: "
                "train it anew, or use the version that trained it"
            )
        self.rankers, self._judges = rankers.get("rankers"), rankers.get("judges")
        self._classifiers = dict(state.get("classifiers", {}))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the ranking of the validation part into the checkpoint, as plain data."""
        if "val" in self._rankings:
            scores, truth = map(torch.from_numpy, self.score_pairs("val"))
            checkpoint["val"] = {**self._rankings["val"].state(), "pairs": (scores, truth)}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the ranking of the validation part out of the checkpoint."""
        if "val" in checkpoint:
            self._rankings["val"] = Rankings.from_state(checkpoint["val"])
            scores, truth = checkpoint["val"]["pairs"]
            self._pairs["val"] = [(scores.numpy(), truth.numpy())]

    def score_pairs(self, part: Part) -> tuple[np.ndarray, np.ndarray]:
        """Return scores in [0, 1] and truth of what a part's posts were given, for calibration."""
        pairs = self._pairs.get(part) or [(np.empty(0, np.float32), np.empty(0, bool))]
        scores, truth = zip(*pairs, strict=True)
        return np.concatenate(scores), np.concatenate(truth)

    def keep(self, folder: Path) -> None:
        """Write all posts of the timeline as knowledge that can go on learning."""
        timeline = self.features.timeline
        assert timeline is not None
        replay = self._replayed()
        replay.teach_before(np.inf)
        with DurableKnowledge(
            folder,
            writable=True,
            settings=self.knowledge_settings,
            open_index=self.text_index,
        ) as durable:
            durable.adopt(replay.knowledge, timeline.posts)

    def _remember_classifiers(self, part: Part) -> None:
        state = self._replayed().knowledge.classifiers_state()
        if state is not None:
            self._classifiers[part] = state

    def _rank_val(self, lessons: Lessons | None) -> None:
        """Rank the validation part, by the rankers that learned before it.

        Args:
            lessons: take the posts as the next rankers are to learn from them.

        Raises:
            InputError: nothing was learned before.
        """
        if self._judges is None:
            raise InputError("this run has no ranker: its training did not come to an end")
        chosen = self._chosen(np.sort(self._positions("val")), self.learn_posts)
        self._rankings["val"] = self._ranked("val", chosen, self._judges, lessons)

    def _step(self, part: Part, batch: Batch) -> dict[str, Tensor]:
        rankings = self._rankings[part]
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
        assert self.features.timeline is not None
        return self.features.timeline.positions[part]

    def _chosen(self, positions: np.ndarray, most: int) -> np.ndarray:
        """Choose the posts that a ranker learns from, in order of time."""
        generator = np.random.default_rng([self.seed, int(positions[0]) if len(positions) else 0])
        n = min(most, len(positions))
        return np.sort(generator.choice(positions, n, replace=False))

    def _study(self, position: int, lessons: Lessons, asked: Asked | None = None) -> None:
        """Add a post to lessons, some also with their author hidden.

        Args:
            position: of the post.
            lessons: take it.
            asked: the post as it was asked about with its author, where it was.
        """
        replay = self._replayed()
        asked = asked or replay.asked(position, self.parts)
        lessons.add(asked.question, asked.rows.evidence, asked.truth)
        generator = np.random.default_rng([self.seed, int(position)])
        known = asked.question.author != NOBODY
        if known and generator.random() < self.hidden_author_share:
            asked = replay.without_author(asked, self.parts)
            lessons.add(asked.question, asked.rows.evidence, asked.truth)

    def _learned(self, lessons: Lessons) -> Rankers:
        return Rankers.learn(column_names(self.parts), lessons, self.settings, self.seed)

    def _replayed(self) -> Replay:
        """Return the replay, begun where there is none."""
        return self._replay or self._begin_replay(None)

    def _begin_replay(self, part: Part | None) -> Replay:
        """Return a replay from the first post on, with the classifiers as before a part."""
        timeline = self.features.timeline
        assert timeline is not None
        vectors = self.features.vectors if "meaning" in self.parts else None
        index = None if vectors is None else VectorIndex(vectors.shape[1])
        knowledge = Knowledge(TantivyIndex(), index, **self.knowledge_settings)
        classifiers = self._classifiers.get(part) if part else None
        self._replay = Replay(knowledge, timeline.posts, self.delay_days, vectors, classifiers)
        return self._replay

    def _ranked(
        self, part: Part, chosen: np.ndarray, rankers: Rankers, lessons: Lessons | None = None
    ) -> Rankings:
        """Rank posts of a part, in order of time.

        Args:
            part: which.
            chosen: positions of the posts in the timeline.
            rankers: put candidates in order.
            lessons: take the posts as the next rankers are to learn from them.
        """
        positions = self._positions(part)
        rankings = Rankings(len(positions), self.top_k)
        hidden = Rankings(len(positions), self.top_k)
        row_of = {int(position): row for row, position in enumerate(positions)}
        # Anew for each part, so that a part that is gone through again is ranked the same.
        replay = self._begin_replay(part)
        pairs = self._pairs[part] = []
        for position in track(np.sort(chosen).tolist(), f"going through {part}"):
            asked = replay.asked(position, self.parts, with_author=self.author)
            hashtags, scores = best_of(asked.question, asked.rows, rankers, self.top_k)
            rankings.put(row_of[position], self._labels(hashtags), scores)
            pairs.append((scores, asked.truth[np.searchsorted(asked.rows.hashtags, hashtags)]))
            if lessons is not None:
                self._study(position, lessons, asked if self.author else None)
            elif part == "test" and self.also_without_author and self.author:
                asked = replay.without_author(asked, self.parts)
                hashtags, scores = best_of(asked.question, asked.rows, rankers, self.top_k)
                hidden.put(row_of[position], self._labels(hashtags), scores)
        if hidden.asked.any():
            self.without_author = hidden
        return rankings

    def _labels(self, hashtags: np.ndarray) -> list[int]:
        names = self._replayed().knowledge.memory.hashtags.names
        return [self._number_of[names[hashtag]] for hashtag in hashtags]


ARRAYS = ("labels", "scores", "asked")


class Rankings:
    """The best hashtags of each post of a part.

    Attributes:
        labels: (P, K) int64 label indices, best first, -1 where there are fewer.
        scores: (P, K) float32 in [0, 1].
        asked: (P,) bool, which posts were ranked.
    """

    def __init__(self, n: int, k: int) -> None:
        self.labels = np.full((n, k), -1, dtype=np.int64)
        self.scores = np.zeros((n, k), dtype=np.float32)
        self.asked = np.zeros(n, dtype=bool)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Rankings:
        """Build rankings from what `state` returned."""
        rankings = cls(*state["labels"].shape)
        for name in ARRAYS:
            setattr(rankings, name, state[name].numpy())
        return rankings

    def state(self) -> dict[str, Tensor]:
        """Return the rankings as plain data."""
        return {name: torch.from_numpy(getattr(self, name)) for name in ARRAYS}

    def put(self, row: int, labels: Sequence[int], scores: np.ndarray) -> None:
        """Write the ranking of one post."""
        self.labels[row, : len(labels)] = labels
        self.scores[row, : len(scores)] = scores
        self.asked[row] = True


def best_of(
    question: Question, rows: Rows, rankers: Rankers, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the best candidates of a post, equal ones as they first appeared.

    Returns:
        (K,) hashtag numbers, best first, and (K,) float32 scores in (0, 1).
    """
    places, scores = rankers.of(question).best(rows.evidence, k)
    return rows.hashtags[places], expit(scores).astype(np.float32)
