"""TF-IDF and a linear classifier (report 3.2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tagfinder.configuration.types import NgramRange, NonNegativeInt, PositiveInt
from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.features import Features, PlainTexts, require_features
from tagfinder.models.base import WholePartRecommender, as_scores
from tagfinder.models.linear import Learner
from tagfinder.models.ngrams import count_ngrams
from tagfinder.models.sparse_rows import SparseRows
from tagfinder.models.weighting import NgramWeights, inverse_document_frequencies

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class Tfidf:
    """Word n-grams of cleaned texts, weighted by TF-IDF.

    Args:
        ngram_range: shortest and longest word n-gram.
        max_features: most n-grams, the most frequent ones; None takes all.
        min_posts: fewest training posts with an n-gram.
        sublinear: weigh a repeated word by 1 + log of its count instead of the count.
    """

    def __init__(
        self,
        ngram_range: Sequence[int],
        max_features: int | None,
        min_posts: int,
        sublinear: bool,
    ) -> None:
        self.ngram_range = (ngram_range[0], ngram_range[1])
        self.max_features = max_features
        self.min_posts = min_posts
        self.sublinear = sublinear

    def fit(self, texts: list[str]) -> csr_matrix:
        """Learn the vocabulary and its IDF, and return the (N, F) features of the texts."""
        vocabulary, counts = count_ngrams(
            texts, self.ngram_range, self.max_features, self.min_posts
        )
        idf = inverse_document_frequencies(counts)
        self.weights = NgramWeights(vocabulary, idf, self.ngram_range, sublinear=self.sublinear)
        counts.data = self.weights.weigh(counts)
        return counts

    def transform(self, texts: Sequence[str]) -> SparseRows:
        """Return the (N, F) float32 features of texts."""
        return self.weights.transform(texts)

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text holds an n-gram of the vocabulary."""
        known: np.ndarray = np.diff(self.weights.transform(texts).indptr) > 0
        return known

    def learned(self) -> dict[str, Any]:
        """Return vocabulary and IDF."""
        return {"vocabulary": self.weights.vocabulary, "idf": self.weights.idf}

    def restore(self, learned: dict[str, Any]) -> None:
        """Take over what `learned` returned."""
        self.weights = NgramWeights(
            learned["vocabulary"], learned["idf"], self.ngram_range, sublinear=self.sublinear
        )


class TfidfRecommender(WholePartRecommender):
    """Word n-grams weighted by TF-IDF, scored by a linear learner.

    Args:
        label_set: the hashtags to choose from.
        features: plain texts.
        learner: the classifier.
        ngram_range, max_features, min_posts, sublinear: see `Tfidf`.
    """

    def __init__(
        self,
        label_set: LabelSet,
        features: Features,
        learner: Learner,
        *,
        ngram_range: NgramRange = (1, 2),
        max_features: PositiveInt | None = None,
        min_posts: NonNegativeInt = 1,
        sublinear: bool = True,
    ) -> None:
        super().__init__(label_set, require_features(features, PlainTexts, "TfidfRecommender"))
        self.learner = learner
        self.tfidf = Tfidf(ngram_range, max_features, min_posts, sublinear)

    def learn(self, inputs: list[str], labels: csr_matrix) -> None:
        """Learn the vocabulary, its IDF and the classifier."""
        self.learner.fit(self.tfidf.fit(inputs), labels)

    def score(self, inputs: Sequence[str]) -> np.ndarray:
        """Return (B, L) float32 scores in [0, 1]."""
        return as_scores(self.learner.scores(self.tfidf.transform(inputs)))

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text holds an n-gram of the vocabulary."""
        return self.tfidf.knows(texts)

    def learned(self) -> dict[str, Any]:
        """Return vocabulary, IDF and the classifier's arrays."""
        return {**self.tfidf.learned(), "learner": self.learner.learned()}

    def restore(self, learned: dict[str, Any]) -> None:
        """Take over what `learned` returned."""
        self.tfidf.restore(learned)
        self.learner.restore(learned["learner"])
