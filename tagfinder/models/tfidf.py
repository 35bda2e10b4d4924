"""TF-IDF and a linear classifier (report 3.2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import torch
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer
from torch import Tensor

from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.features import Features, PlainTexts, require_features
from tagfinder.models.base import WholePartRecommender, as_scores
from tagfinder.models.linear import Learner
from tagfinder.models.ngrams import WORD, count_ngrams


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
        weighting = TfidfTransformer(sublinear_tf=self.sublinear).fit(counts)
        self.vectorizer = self._vectorizer(vocabulary, weighting.idf_)
        return weighting.transform(counts)

    def transform(self, texts: list[str]) -> csr_matrix:
        """Return the (N, F) float32 features of texts."""
        return self.vectorizer.transform(texts)

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text holds an n-gram of the vocabulary."""
        known: np.ndarray = np.diff(self.vectorizer.transform(texts).indptr) > 0
        return known

    def learned(self) -> dict[str, Any]:
        """Return vocabulary and IDF."""
        return {
            "vocabulary": self.vectorizer.get_feature_names_out().tolist(),
            "idf": torch.from_numpy(self.vectorizer.idf_),
        }

    def restore(self, learned: dict[str, Any]) -> None:
        """Take over what `learned` returned."""
        self.vectorizer = self._vectorizer(learned["vocabulary"], learned["idf"].numpy())

    def _vectorizer(self, vocabulary: list[str], idf: np.ndarray) -> TfidfVectorizer:
        vectorizer = TfidfVectorizer(
            ngram_range=self.ngram_range,
            sublinear_tf=self.sublinear,
            dtype=np.float32,
            # The texts are clean already: what is no word is punctuation.
            token_pattern=WORD,
            lowercase=False,
            vocabulary={ngram: index for index, ngram in enumerate(vocabulary)},
        )
        vectorizer.idf_ = idf
        return vectorizer


class TfidfRecommender(WholePartRecommender):
    """Word n-grams weighted by TF-IDF, scored by a linear learner.

    Args:
        label_set: the hashtags to choose from.
        features: plain texts.
        learner: the classifier.
        ngram_range: shortest and longest word n-gram.
        max_features: most n-grams, the most frequent ones; None takes all.
        min_posts: fewest training posts with an n-gram.
        sublinear: weigh a repeated word by 1 + log of its count instead of the count.
    """

    def __init__(
        self,
        label_set: LabelSet,
        features: Features,
        learner: Learner,
        *,
        ngram_range: Sequence[int] = (1, 2),
        max_features: int | None = None,
        min_posts: int = 1,
        sublinear: bool = True,
    ) -> None:
        super().__init__(label_set, require_features(features, PlainTexts, "TfidfRecommender"))
        self.learner = learner
        self.tfidf = Tfidf(ngram_range, max_features, min_posts, sublinear)

    def learn(self, inputs: list[str], labels: csr_matrix) -> None:
        """Learn the vocabulary, its IDF and the classifier."""
        self.learner.fit(self.tfidf.fit(inputs), labels)

    def scores(self, inputs: list[str]) -> Tensor:
        """Return (B, L) scores."""
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
