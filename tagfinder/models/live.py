"""The recommender that keeps learning: an open vocabulary and a ranker of its hashtags.

A closed recommender knows only its training part. This one knows every post that is older than a
delay at the time of a query, and ranks the hashtags of those posts. Its rankers are trained once.
Its classifiers of hashtags and of authors are retrained every few weeks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
from joblib import cpu_count

from tagfinder.configuration.types import (
    ArgumentsOf,
    NonNegativeFloat,
    PositiveInt,
    Seed,
    Share,
)
from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.features import Features
from tagfinder.errors import InputError
from tagfinder.live.durable import AfterDeletions, DurableKnowledge
from tagfinder.live.features.table import Source, column_names
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.postgres_log import PostgresLog
from tagfinder.live.ranking.ensemble import RankerEnsemble
from tagfinder.live.ranking.ranker import RankerSettings
from tagfinder.live.search.text_index import OpenTextIndex
from tagfinder.live.stage import ReplaySettings
from tagfinder.live.timeline import LiveFeatures
from tagfinder.models.base import EXTRA_STATE

# Version of the saved rankers; others are refused.
FORMAT = 4


class LiveRecommender:
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
        processes: most processes that replay the timeline; None takes one for each core that this
            process may use.

    Raises:
        InputError: an unknown source.
    """

    open_vocabulary = True
    training_module = "tagfinder.training.live.LiveModule"

    def __init__(
        self,
        label_set: LabelSet,
        features: Features,
        *,
        sources: Sequence[Source],
        delay_days: NonNegativeFloat,
        author: bool,
        also_without_author: bool,
        train_posts_before_val: PositiveInt,
        train_posts_val: PositiveInt,
        train_candidates: PositiveInt,
        hidden_author_share: Share,
        text_index: OpenTextIndex,
        top_k: PositiveInt,
        ranker: Annotated[dict[str, Any], ArgumentsOf(RankerSettings)],
        knowledge: Annotated[dict[str, Any], ArgumentsOf(Knowledge)],
        seed: Seed,
        processes: PositiveInt | None = None,
    ) -> None:
        self.processes = processes or cpu_count()
        self.label_set = label_set
        self.features = cast(LiveFeatures, features)
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

    def state(self) -> dict[str, Any]:
        """Return what suggesting needs of the training, as plain data and arrays."""
        return {EXTRA_STATE: {"format": FORMAT, "rankers": trained(self.rankers).arrays()}}

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned, or the state dict of a checkpoint.

        Raises:
            InputError: it is from a version with other features, or damaged.
        """
        self.rankers = self.rankers_of(state[EXTRA_STATE], "rankers")

    def rankers_of(self, kept: Mapping[str, Any], name: str) -> RankerEnsemble | None:
        """Return rankers of a saved state by their name there; None if it has none.

        Raises:
            InputError: the state is from a version with other features, or damaged.
        """
        of_this_version = kept.get("format") == FORMAT
        if of_this_version and name not in kept:
            return None
        try:
            rankers = RankerEnsemble.from_state(kept[name]) if of_this_version else None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"the rankers of this run are damaged ({error}); restore it from a copy"
            ) from error
        if rankers is None or rankers.columns != column_names(self.sources):
            raise InputError(
                "this run's ranker reads other features than this version of TagFinder computes: "
                "train it again, or use the version that trained it"
            )
        return rankers

    def open_posts(
        self,
        folder: Path,
        *,
        writable: bool,
        log: PostgresLog | None = None,
        after_deletions: AfterDeletions | None = None,
    ) -> DurableKnowledge:
        """Open the posts of a run, see `OpenVocabulary`."""
        return DurableKnowledge(
            folder,
            encode=self.features.vectors_of if "meaning" in self.sources else None,
            dimension=self.features.dimension,
            writable=writable,
            settings=self.knowledge_settings,
            open_index=self.text_index,
            log=log,
            after_deletions=after_deletions,
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
        return trained(self.rankers).best(query, candidates, k)

    @property
    def knowledge_settings(self) -> dict[str, Any]:
        """Arguments of `Knowledge`; without the source, no classifiers are trained."""
        settings = self.replay_settings.knowledge
        return settings if "classifier" in self.sources else {**settings, "classifier": None}


def trained(rankers: RankerEnsemble | None) -> RankerEnsemble:
    """Return rankers that are there.

    Raises:
        InputError: training has not finished.
    """
    if rankers is None:
        raise InputError("this run has no ranker: its training did not finish")
    return rankers
