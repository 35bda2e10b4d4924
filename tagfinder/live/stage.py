"""One stage of a training: posts of a timeline become queries, examples and rankings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tagfinder.data.vector_store import StoredVectors
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.post import NO_AUTHOR, Post
from tagfinder.live.ranking.dataset import RankingDataset
from tagfinder.live.ranking.ensemble import RankerEnsemble
from tagfinder.live.rankings import RankedPart, Rankings
from tagfinder.live.replay import ClassifiersOf, LabelledQuery, Replay
from tagfinder.live.search.tantivy_index import TantivyIndex
from tagfinder.live.search.vector_index import VectorIndex
from tagfinder.live.training_progress import packed

# Keeps the draws that decide it apart from those that sample candidates (0 and 1 there, and a
# missing number is as 0).
HIDING = 2
Vectors = np.ndarray | StoredVectors


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


@dataclass(frozen=True)
class Stage:
    """Posts that become queries in order of time, and what is done with each.

    Attributes:
        name: of the stage.
        posts: the timeline.
        vectors: (T, D) of the timeline's posts, if there is an encoder.
        label_of: lower-case hashtag -> label index.
        settings: how posts become queries.
        positions: (N,) of the posts in the timeline, in order of time.
        rows: (N,) of the posts in their part.
        blocks: (B + 1,) where blocks of these posts begin and the last one ends.
        rankers: rank the candidates; None ranks nothing.
        hidden: whether posts are ranked again with their author hidden.
        dataset: an empty one of the kind that the posts are added to; None adds nothing.
        classifiers: state of the classifiers from before the first post, if there are any.
    """

    name: str
    posts: Sequence[Post]
    vectors: Vectors | None
    label_of: Mapping[str, int]
    settings: ReplaySettings
    positions: np.ndarray
    rows: np.ndarray
    blocks: np.ndarray
    rankers: RankerEnsemble | None = None
    hidden: bool = False
    dataset: RankingDataset | None = None
    classifiers: dict[str, Any] | None = None


class StageReplay:
    """Replays a timeline for a stage, block by block.

    What a block gives does not depend on which other blocks were replayed before it.

    Args:
        stage: the posts, and what is done with them.
        classifiers_of: returns the state of a period's classifiers; None if there are no queries.
    """

    def __init__(self, stage: Stage, classifiers_of: ClassifiersOf | None) -> None:
        settings, vectors = stage.settings, stage.vectors
        index = None if vectors is None else VectorIndex(vectors.shape[1])
        knowledge = Knowledge(TantivyIndex(), index, **settings.knowledge)
        self._replay = Replay(
            knowledge, stage.posts, settings.delay_days, vectors, classifiers_of=classifiers_of
        )
        self._stage, self._settings = stage, settings
        self._done = 0

    def block(self, number: int) -> dict[str, np.ndarray]:
        """Return what a block gives, as `unpack` reads it.

        Args:
            number: of the block, higher than in earlier calls.
        """
        stage = self._stage
        first, last = stage.blocks[number : number + 2].tolist()
        self._skip_to(first)
        top_k = self._settings.top_k
        ranked = None if stage.rankers is None else RankedPart.empty(last - first, top_k)
        dataset = None if stage.dataset is None else stage.dataset.empty()
        for row, position in enumerate(stage.positions[first:last].tolist()):
            self._visit(row, position, ranked, dataset)
        self._done = last
        return packed(stage.rows[first:last], ranked, dataset)

    def teach_all(self, classifiers: dict[str, Any] | None) -> Knowledge:
        """Return knowledge of all posts of the timeline, with some classifiers."""
        self._skip_to(len(self._stage.positions))
        self._replay.teach_before(np.inf)
        if classifiers is not None:
            self._replay.knowledge.use_classifiers(classifiers)
        return self._replay.knowledge

    def _skip_to(self, end: int) -> None:
        self._replay.skip(self._stage.positions[self._done : end].tolist())
        self._done = end

    def _visit(
        self, row: int, position: int, ranked: RankedPart | None, dataset: RankingDataset | None
    ) -> None:
        """Rank a post and add it to the examples, as the stage wants."""
        replay, sources = self._replay, self._settings.sources
        known = hidden = None
        if ranked is not None:
            query = replay.query(position, sources, with_author=self._settings.author)
            self._put(ranked.rankings, row, query)
            if self._settings.author:
                known = query
            if self._stage.hidden:
                hidden = replay.without_author(query, sources)
                self._put(ranked.without_author, row, hidden)
        if dataset is not None:
            self._add_example(known or replay.query(position, sources), hidden, dataset)

    def _put(self, rankings: Rankings, row: int, query: LabelledQuery) -> None:
        """Rank the candidates of a post."""
        assert self._stage.rankers is not None
        top_k, label_of = self._settings.top_k, self._stage.label_of
        hashtags, scores = self._stage.rankers.best(query.query, query.candidates, top_k)
        names = self._replay.knowledge.statistics.hashtags.names
        rankings.put(row, [label_of[names[hashtag]] for hashtag in hashtags], scores)

    def _add_example(
        self, query: LabelledQuery, hidden: LabelledQuery | None, dataset: RankingDataset
    ) -> None:
        """Add a post with its author to a dataset, and maybe again with the author hidden.

        Args:
            query: the post with its author, if that is known.
            hidden: the post with the author hidden; None computes it where it is needed.
            dataset: is extended.
        """
        dataset.add(query.position, query.query, query.candidates.features, query.truth)
        generator = np.random.default_rng([self._settings.seed, int(query.position), HIDING])
        known = query.query.author != NO_AUTHOR
        if known and generator.random() < self._settings.hidden_author_share:
            hidden = hidden or self._replay.without_author(query, self._settings.sources)
            dataset.add(hidden.position, hidden.query, hidden.candidates.features, hidden.truth)
