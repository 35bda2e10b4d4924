"""The recommender that keeps learning: an open vocabulary, a ranker over what is known today.

A closed recommender's knowledge ends with its training part. This one knows every post that is
older than a delay at the moment of asking, and ranks the hashtags of those posts. Only its small
ranker is trained, on posts before those that it is judged on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
from tagfinder.live.durable import DurableKnowledge
from tagfinder.live.features import LiveFeatures
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.questions import Rows, check_parts, column_names
from tagfinder.live.ranker import Ranker, RankerSettings
from tagfinder.live.replay import Asked, Replay
from tagfinder.live.tantivy_index import TantivyIndex
from tagfinder.live.vector_index import VectorIndex
from tagfinder.progress import track


class LiveRecommender(lightning.LightningModule):
    """Ranks the hashtags of all posts that were known a delay before a post.

    Training goes through the corpus once, in order of time: the ranker that is judged on the
    validation part has learned from as many posts before it, and the one that is judged on the
    test part, and kept, from the validation part.

    Args:
        label_set: every hashtag of the corpus; a numbering only, its counts are never read.
        features: `LiveFeatures`, fitted.
        parts: sources that are used (`questions.PARTS`).
        delay_days: days that a post must be old to be known.
        author: whether the author of the posts that are scored is known.
        learn_posts: posts that a ranker learns from.
        hidden_author_share: share of those whose author is hidden, so that the ranker also
            serves where nobody is known.
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
        learn_posts: int,
        hidden_author_share: float,
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
        self.learn_posts = learn_posts
        self.hidden_author_share = hidden_author_share
        self.top_k = top_k
        self.settings = RankerSettings(**ranker)
        self.knowledge_settings = knowledge
        self.seed = seed
        self.ranker: Ranker | None = None
        self._judge: Ranker | None = None
        self._replay: Replay | None = None
        self._rankings: dict[Part, tuple[np.ndarray, np.ndarray]] = {}
        self._pairs: dict[Part, list[tuple[np.ndarray, np.ndarray]]] = {}

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Learn the ranker for the validation part; one pass is all there is."""
        first = int(self._positions("val").min())
        window = np.arange(max(first - len(self._positions("val")), 0), first)
        chosen = self._chosen(window)
        asked = [self._asked_as_learned(position) for position in track(chosen, "learning")]
        self._judge = self._learned(asked)
        self.trainer.should_stop = True

    def configure_optimizers(self) -> None:
        """Nothing is optimised step by step."""

    def on_validation_epoch_start(self) -> None:
        """Go through the validation part, and learn from it for what comes after."""
        if self._judge is None or self.trainer.sanity_checking or "val" in self._rankings:
            return
        kept = set(self._chosen(np.sort(self._positions("val"))).tolist())
        lesson: list[Asked] = []
        self._rankings["val"] = self._ranked("val", self._judge, kept, lesson)
        self.ranker = self._learned(lesson)

    def on_test_epoch_start(self) -> None:
        """Go through the test part.

        Raises:
            InputError: nothing was learned before.
        """
        if self.ranker is None:
            raise InputError("this run has no ranker: its training did not come to an end")
        self._rankings["test"] = self._ranked("test", self.ranker)

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return what the evaluator reads."""
        return self._step("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return what the evaluator reads."""
        return self._step("test", batch)

    def get_extra_state(self) -> dict[str, Any]:
        """Put the rankers into the state dict, as plain data."""
        rankers = {"ranker": self.ranker, "judge": self._judge}
        return {name: ranker.state() for name, ranker in rankers.items() if ranker is not None}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take the rankers out of the state dict."""
        self.ranker = Ranker.from_state(state["ranker"]) if "ranker" in state else None
        self._judge = Ranker.from_state(state["judge"]) if "judge" in state else None

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
        with DurableKnowledge(folder, writable=True, settings=self.knowledge_settings) as durable:
            durable.adopt(replay.knowledge, timeline.posts)

    def _step(self, part: Part, batch: Batch) -> dict[str, Tensor]:
        labels, scores = self._rankings.get(part, (None, None))
        rows = batch.rows.cpu().numpy()
        if labels is None or scores is None:
            labels = np.full((rows.max() + 1, self.top_k), -1)
            scores = np.zeros((rows.max() + 1, self.top_k), np.float32)
        return {
            "top_labels": torch.from_numpy(labels[rows]),
            "top_scores": torch.from_numpy(scores[rows]),
            "labels": batch.labels,
            "n_hashtags": batch.n_hashtags,
            "rows": batch.rows,
        }

    def _positions(self, part: Part) -> np.ndarray:
        assert self.features.timeline is not None
        return self.features.timeline.positions[part]

    def _chosen(self, positions: np.ndarray) -> np.ndarray:
        """Choose the posts that a ranker learns from, in order of time."""
        generator = np.random.default_rng([self.seed, int(positions[0]) if len(positions) else 0])
        n = min(self.learn_posts, len(positions))
        return np.sort(generator.choice(positions, n, replace=False))

    def _asked_as_learned(self, position: int) -> Asked:
        generator = np.random.default_rng([self.seed, int(position)])
        hidden = generator.random() < self.hidden_author_share
        return self._replayed().asked(position, self.parts, with_author=not hidden)

    def _learned(self, asked: Sequence[Asked]) -> Ranker:
        return Ranker.learn(
            column_names(self.parts),
            [one.rows.evidence for one in asked],
            [one.truth for one in asked],
            self.settings,
            self.seed,
        )

    def _replayed(self, before: int | None = None) -> Replay:
        """Return the replay, begun anew where it has gone beyond a position already."""
        if self._replay is None or (before is not None and self._replay.taught > before):
            vectors, timeline = self.features.vectors, self.features.timeline
            assert timeline is not None
            index = None if vectors is None else VectorIndex(vectors.shape[1])
            knowledge = Knowledge(TantivyIndex(), index, **self.knowledge_settings)
            self._replay = Replay(knowledge, timeline.posts, self.delay_days, vectors)
        return self._replay

    def _ranked(
        self,
        part: Part,
        ranker: Ranker,
        kept: Collection[int] = (),
        lesson: list[Asked] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rank the posts of a part, in order of time.

        Args:
            part: which.
            ranker: puts candidates in order.
            kept: positions that are learned from later.
            lesson: takes what they are learned from.

        Returns:
            (P, K) label indices, -1 where there are fewer, and their scores in [0, 1].
        """
        positions = self._positions(part)
        labels = np.full((len(positions), self.top_k), -1, dtype=np.int64)
        scores = np.zeros((len(positions), self.top_k), dtype=np.float32)
        number_of = {name: label for label, name in enumerate(self.label_set.hashtags)}
        replay = self._replayed(before=int(positions.min(initial=0)))
        names = replay.knowledge.memory.hashtags.names
        pairs = self._pairs[part] = []
        for row in track(np.argsort(positions, kind="stable"), f"going through {part}"):
            position = int(positions[row])
            asked = replay.asked(position, self.parts, with_author=self.author)
            order, best = best_of(asked.rows, ranker, self.top_k)
            labels[row, : len(order)] = [number_of[names[hashtag]] for hashtag in order]
            scores[row, : len(order)] = best
            pairs.append((best, asked.truth[np.searchsorted(asked.rows.hashtags, order)]))
            if lesson is not None and position in kept:
                lesson.append(
                    self._asked_as_learned(position) if self.hidden_author_share else asked
                )
        return labels, scores


def best_of(rows: Rows, ranker: Ranker, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the best candidates of a post, equal ones as they first appeared.

    Returns:
        (K,) hashtag numbers, best first, and (K,) float32 scores in (0, 1).
    """
    scores = expit(ranker.scores(rows.evidence))
    order = np.argsort(-scores, kind="stable")[:k]
    return rows.hashtags[order], scores[order].astype(np.float32)
