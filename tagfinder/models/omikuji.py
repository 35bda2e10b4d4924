"""TF-IDF and label trees: the recommender for many thousands of hashtags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tagfinder.configuration.types import NgramRange, NonNegativeInt, PositiveInt
from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.features import Features, PlainTexts, require_features
from tagfinder.models.base import SparseRecommender
from tagfinder.models.label_trees import LabelTrees
from tagfinder.models.tfidf import Tfidf

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class LabelTreeRecommender(SparseRecommender):
    """Word n-grams weighted by TF-IDF, ranked by label trees.

    Args:
        label_set: the hashtags to choose from.
        features: plain texts.
        trees: the forest.
        top_k: hashtags that get a score; all others count as 0.
        ngram_range, max_features, min_posts, sublinear: see `Tfidf`.
    """

    def __init__(
        self,
        label_set: LabelSet,
        features: Features,
        trees: LabelTrees,
        *,
        top_k: PositiveInt = 50,
        ngram_range: NgramRange = (1, 2),
        max_features: PositiveInt | None = None,
        min_posts: NonNegativeInt = 2,
        sublinear: bool = True,
    ) -> None:
        texts = require_features(features, PlainTexts, "LabelTreeRecommender")
        super().__init__(label_set, texts, top_k)
        self.trees = trees
        self.tfidf = Tfidf(ngram_range, max_features, min_posts, sublinear)

    def learn(self, inputs: list[str], labels: csr_matrix) -> None:
        """Learn the vocabulary, its IDF and the trees."""
        self.trees.fit(self.tfidf.fit(inputs), labels)

    def top(self, inputs: list[str], k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (B, k) labels, best first, and their scores."""
        return self.trees.top(self.tfidf.transform(inputs), min(k, len(self.label_set)))

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text holds an n-gram of the vocabulary."""
        return self.tfidf.knows(texts)

    def learned(self) -> dict[str, Any]:
        """Return vocabulary, IDF and the trees."""
        return {**self.tfidf.learned(), "trees": self.trees.learned()}

    def restore(self, learned: dict[str, Any]) -> None:
        """Take over what `learned` returned."""
        self.tfidf.restore(learned)
        self.trees.restore(learned["trees"], len(learned["vocabulary"]))
