"""Ranks posts of a timeline, each from earlier posts only, and collects training examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tagfinder.corpus.prepared import Part
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.post import NO_AUTHOR
from tagfinder.live.ranking.dataset import RankingDataset
from tagfinder.live.ranking.ensemble import RankerEnsemble
from tagfinder.live.rankings import RankedPart, Rankings
from tagfinder.live.replay import LabelledQuery, Replay
from tagfinder.live.search.tantivy_index import TantivyIndex
from tagfinder.live.search.vector_index import VectorIndex
from tagfinder.live.timeline import LiveFeatures
from tagfinder.live.training_progress import BLOCK, BlockRecorder, TrainingProgress
from tagfinder.progress import track


@dataclass(frozen=True)
class ReplaySettings:
    """How posts of a timeline become queries.

    Attributes:
        sources: which sources are used.
        delay_days: age from which a post is known.
        author: whether the author of a query is known.
        also_without_author: whether the test part is ranked again with authors hidden. Posts
            that rankers are then trained on always are, for the calibration.
        hidden_author_share: share of the training posts that are added again with the author
            hidden.
        top_k: hashtags ranked for a post.
        knowledge: arguments of `Knowledge`.
        seed: decides which posts are added again.
    """

    sources: frozenset[str]
    delay_days: float
    author: bool
    also_without_author: bool
    hidden_author_share: float
    top_k: int
    knowledge: dict[str, Any]
    seed: int


class TimelineRanking:
    """Replays the timeline of a corpus, from its first post for each part.

    Args:
        features: fitted, with the timeline and the vectors.
        label_of: lower-case hashtag -> label index.
        settings: how posts become queries.

    Attributes:
        classifiers: part -> classifiers before its first query, so that the part can be ranked
            again with the same result.
        progress: keeps finished work, so that a training that was stopped can continue.
    """

    def __init__(
        self,
        features: LiveFeatures,
        label_of: Mapping[str, int],
        settings: ReplaySettings,
        progress: TrainingProgress | None = None,
    ) -> None:
        assert features.timeline is not None
        self.timeline = features.timeline
        self.settings = settings
        self.progress = progress
        self.classifiers: dict[str, dict[str, Any]] = {}
        self._vectors = features.vectors if "meaning" in settings.sources else None
        self._label_of = label_of
        self._replay: Replay | None = None

    @property
    def knowledge(self) -> Knowledge:
        """What the latest replay has taught so far."""
        return self._current().knowledge

    def teach_all(self) -> Knowledge:
        """Return knowledge of all posts of the timeline."""
        self._current().teach_before(np.inf)
        return self.knowledge

    def collect(self, positions: np.ndarray, dataset: RankingDataset) -> None:
        """Add posts before the validation part to a dataset.

        Args:
            positions: of the posts in the timeline, in order of time.
            dataset: is extended.
        """
        replay = self._begin(None)

        def visit(position: int) -> None:
            self._add_example(replay.query(position, self.settings.sources), dataset)

        recorder = BlockRecorder(None, dataset)
        self._visit("before_val", replay, positions, rows=positions, recorder=recorder, visit=visit)
        self._set_classifiers("val")

    def rank(
        self,
        part: Part,
        positions: np.ndarray,
        rankers: RankerEnsemble,
        dataset: RankingDataset | None = None,
    ) -> RankedPart:
        """Rank posts of a part in order of time.

        Args:
            part: which part.
            positions: of the posts in the timeline.
            rankers: rank the candidates.
            dataset: is extended by the posts, if given.
        """
        settings, sources = self.settings, self.settings.sources
        of_part = self.timeline.positions[part]
        row_of = {int(position): row for row, position in enumerate(of_part)}
        ranked = RankedPart.empty(len(of_part), settings.top_k)
        # A new replay for each part, so that a part that is ranked again has the same result.
        replay = self._begin(part)

        again = part == "test" and settings.also_without_author

        def visit(position: int) -> None:
            row = row_of[position]
            query = replay.query(position, sources, with_author=settings.author)
            self._put(ranked.rankings, row, query, rankers)
            hidden = None
            if settings.author and (dataset is not None or again):
                hidden = replay.without_author(query, sources)
                self._put(ranked.without_author, row, hidden, rankers)
            if dataset is not None:
                known = query if settings.author else replay.query(position, sources)
                self._add_example(known, dataset, hidden)

        ordered = np.sort(positions)
        rows = np.array([row_of[position] for position in ordered.tolist()], np.int64)
        recorder = BlockRecorder(ranked, dataset)
        self._visit(part, replay, ordered, rows=rows, recorder=recorder, visit=visit)
        if part == "val" and dataset is not None:
            self._set_classifiers("test")
        return ranked

    def _visit(
        self,
        stage: str,
        replay: Replay,
        positions: np.ndarray,
        *,
        rows: np.ndarray,
        recorder: BlockRecorder,
        visit: Callable[[int], None],
    ) -> None:
        """Visit posts in order; blocks that were kept are restored instead.

        Args:
            stage: name of the blocks.
            replay: goes through the posts.
            positions: (N,) of the posts in the timeline, in order of time.
            rows: (N,) of the posts in their part.
            recorder: collects what a block adds.
            visit: does the work for one post.
        """
        done = number = 0
        for arrays in self.progress.blocks(stage) if self.progress else ():
            recorder.restore(arrays)
            done, number = done + len(arrays["rows"]), number + 1
        classifiers = self.progress.classifiers(stage, number) if self.progress else None
        replay.skip(positions[:done].tolist(), classifiers)
        kept = replay.knowledge.classifiers
        recorder.begin()
        first = done
        for position in track(positions[done:].tolist(), f"{stage.replace('_', ' ')}: replaying"):
            visit(position)
            done += 1
            if self.progress and (done - first == BLOCK or done == len(positions)):
                trained = replay.knowledge.classifiers
                state = None if trained is kept else replay.knowledge.classifiers_state()
                if state is not None:
                    self.progress.keep_classifiers(stage, number, state)
                self.progress.keep_block(stage, number, recorder.arrays(rows[first:done]))
                kept, first, number = trained, done, number + 1
                recorder.begin()

    def _set_classifiers(self, part: Part) -> None:
        """Keep the present classifiers as those before the first query of a part."""
        state = self.knowledge.classifiers_state()
        if state is not None:
            self.classifiers[part] = state

    def _put(
        self, rankings: Rankings, row: int, query: LabelledQuery, rankers: RankerEnsemble
    ) -> None:
        """Rank the candidates of a post."""
        hashtags, scores = rankers.best(query.query, query.candidates, self.settings.top_k)
        names = self.knowledge.statistics.hashtags.names
        rankings.put(row, [self._label_of[names[hashtag]] for hashtag in hashtags], scores)

    def _add_example(
        self, query: LabelledQuery, dataset: RankingDataset, hidden: LabelledQuery | None = None
    ) -> None:
        """Add a post with its author to a dataset, and maybe again with the author hidden.

        Args:
            query: the post with its author, if that is known.
            dataset: is extended.
            hidden: the post with the author hidden; None computes it where it is needed.
        """
        dataset.add(query.position, query.query, query.candidates.features, query.truth)
        generator = np.random.default_rng([self.settings.seed, int(query.position)])
        known = query.query.author != NO_AUTHOR
        if known and generator.random() < self.settings.hidden_author_share:
            hidden = hidden or self._current().without_author(query, self.settings.sources)
            dataset.add(hidden.position, hidden.query, hidden.candidates.features, hidden.truth)

    def _current(self) -> Replay:
        return self._replay or self._begin(None)

    def _begin(self, part: Part | None) -> Replay:
        """Start a replay at the first post, with the classifiers from before a part."""
        index = None if self._vectors is None else VectorIndex(self._vectors.shape[1])
        knowledge = Knowledge(TantivyIndex(), index, **self.settings.knowledge)
        classifiers = self.classifiers.get(part) if part else None
        posts, delay = self.timeline.posts, self.settings.delay_days
        self._replay = Replay(knowledge, posts, delay, self._vectors, classifiers)
        return self._replay
