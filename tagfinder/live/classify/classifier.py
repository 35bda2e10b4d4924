"""A text classifier with a warm start.

Neighbours show what similar posts had. A classifier weighs each word against all labels at once,
and each author's habits against the text. It knows only labels that were frequent enough when it
was trained, so it is one source among others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from tagfinder.configuration.types import NonNegativeInt, PositiveFloat, PositiveInt
from tagfinder.live.counts.names import Names
from tagfinder.live.index_map import find_sorted
from tagfinder.live.post import NO_AUTHOR
from tagfinder.live.tokens import word_rows

# Age in days at which a post has half the weight.
HALF_LIFE = 90.0
# Initial bias of a new label, which has few posts.
FIRST_BIAS = -2.0


@dataclass(frozen=True)
class ClassifierSettings:
    """How classifiers are trained.

    Attributes:
        interval_days: days after which they are retrained.
        window_days: age of the oldest posts that they are trained on.
        min_uses: fewest of these posts for a label.
        dimension: of the vectors of words and authors.
        epochs: passes over the posts without a warm start.
        warm_start_epochs: passes after a warm start from earlier weights.
        learning_rate: of Adam; falls linearly to zero.
    """

    interval_days: PositiveFloat
    window_days: PositiveFloat
    min_uses: NonNegativeInt
    dimension: PositiveInt
    epochs: PositiveInt
    warm_start_epochs: PositiveInt
    learning_rate: PositiveFloat

    def period_of(self, day: float) -> int:
        """Return the number of the period of `interval_days` that a day falls into."""
        return int(day // self.interval_days)

    def days_of(self, period: int) -> tuple[float, float]:
        """Return the window of a period: the first day, and the day before which it ends."""
        end = period * self.interval_days
        return end - self.window_days, end


@dataclass(frozen=True)
class Example:
    """A post that a classifier is trained on.

    Attributes:
        words: of its text.
        labels: distinct numbers.
        age: days.
        author: number, or `NO_AUTHOR`.
    """

    words: Sequence[str]
    labels: Sequence[int]
    age: float
    author: int = NO_AUTHOR


@dataclass(frozen=True)
class ClassifierOutput:
    """Probabilities of labels for one text.

    Attributes:
        labels: (L,) int64 numbers of the known labels, ascending.
        logs: (L,) float32 log-probabilities.
    """

    labels: np.ndarray
    logs: np.ndarray

    @cached_property
    def ascending(self) -> np.ndarray:
        """(L,) float32 the log-probabilities in ascending order."""
        return np.sort(self.logs)

    def likeliest(self, n: int) -> np.ndarray:
        """Return the `n` most probable labels, ascending; more if there are ties."""
        if len(self.labels) <= n:
            return self.labels
        return self.labels[self.logs >= self.ascending[-n]]


ARRAYS = ("words", "author_vectors", "projection", "weights", "bias")
NO_OUTPUT = ClassifierOutput(np.empty(0, np.int64), np.empty(0, np.float32))


@dataclass(frozen=True)
class Classifier:
    """A softmax over labels on the mean word vector, as fastText (Joulin et al., 2017).

    Unlike fastText, it computes the whole softmax for many posts at once, with Adam. With thousands
    of labels that have few posts each, that is much better (`experiments/tables/live.md`). A vector
    of the author, if known, and a projection of the sentence vector, if there is one, are added.

    Attributes:
        period: number of the period of `interval_days` that it was trained for.
        labels: (L,) int64 numbers, ascending.
        authors: (A,) int64 numbers, ascending.
        words: (2^16, D) float32 vectors of words, by a hash of them.
        author_vectors: (A, D) float32.
        projection: (E, D) float32, of sentence vectors of length one; E is 0 without an encoder.
        weights: (L, D) float32.
        bias: (L,) float32.
    """

    period: int
    labels: np.ndarray
    authors: np.ndarray
    words: np.ndarray
    author_vectors: np.ndarray
    projection: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    @classmethod
    def learn(
        cls,
        period: int,
        examples: Sequence[Example],
        settings: ClassifierSettings,
        before: Classifier | None = None,
        vectors: np.ndarray | None = None,
    ) -> Classifier:
        """Train on posts.

        Args:
            period: number of the period that it is trained for; also the seed.
            examples: P posts.
            settings: how.
            before: an earlier classifier for a warm start, with `warm_start_epochs`.
            vectors: (P, E) float32 of the posts' texts, of length one or 0.
        """
        # Imported here: PyTorch takes seconds, and only learning needs it.
        from tagfinder.live.classify.network import Encoded, Initial, fitted

        if vectors is None:
            vectors = np.empty((len(examples), 0), np.float32)
        uses = Counter(number for example in examples for number in example.labels)
        known = np.array(sorted(n for n, u in uses.items() if u >= settings.min_uses), np.int64)
        authors = np.unique([e.author for e in examples if e.author != NO_AUTHOR]).astype(np.int64)
        column_of = {number: column for column, number in enumerate(known.tolist())}
        row_of = {NO_AUTHOR: 0, **{number: row for row, number in enumerate(authors.tolist(), 1)}}
        encoded = [
            Encoded(
                word_rows(example.words),
                [column_of[number] for number in example.labels if number in column_of],
                0.5 ** (example.age / HALF_LIFE),
                row_of[example.author],
                row,
            )
            for row, example in enumerate(examples)
        ]
        # What an earlier classifier has no values for begins at zero, or is drawn.
        words = projection = None
        author_vectors = np.zeros((len(authors), settings.dimension), np.float32)
        weights = np.zeros((len(known), settings.dimension), np.float32)
        bias = np.full(len(known), FIRST_BIAS, np.float32)
        if before is not None:
            words = before.words
            projection = before.projection
            _, new, old = np.intersect1d(known, before.labels, return_indices=True)
            weights[new], bias[new] = before.weights[old], before.bias[old]
            _, new, old = np.intersect1d(authors, before.authors, return_indices=True)
            author_vectors[new] = before.author_vectors[old]
        arrays = fitted(
            [one for one in encoded if one.columns],
            vectors,
            Initial(words, author_vectors, projection, weights, bias),
            epochs=settings.epochs if before is None else settings.warm_start_epochs,
            learning_rate=settings.learning_rate,
            seed=period,
        )
        return cls(period, known, authors, *arrays)

    def classify(
        self, words: Sequence[str], author: int = NO_AUTHOR, vector: np.ndarray | None = None
    ) -> ClassifierOutput:
        """Return the probabilities of all known labels.

        Args:
            words: of a text.
            author: number of the author.
            vector: (E,) of the text, of any length; ignored by a classifier without an encoder.
        """
        if not len(self.labels):
            return NO_OUTPUT
        embedded = self.words[word_rows(words)].mean(axis=0)
        row = find_sorted(self.authors, author)
        if row >= 0:
            embedded = embedded + self.author_vectors[row]
        if vector is not None and len(self.projection):
            sentence = vector / max(np.linalg.norm(vector), 1e-9)
            embedded = embedded + sentence @ self.projection
        logits = self.weights @ embedded + self.bias
        highest = logits.max()
        logs = logits - (highest + np.log(np.exp(logits - highest).sum()))
        return ClassifierOutput(self.labels, logs.astype(np.float32))

    def with_words(self, words: Iterable[str], settings: ClassifierSettings) -> Classifier:
        """Return the classifier without what it learned of any other words."""
        gone = np.ones(len(self.words), dtype=bool)
        gone[word_rows(list(words))] = False
        fresh = Classifier.learn(self.period, [], settings).words
        return replace(self, words=np.where(gone[:, None], fresh, self.words))

    def state(self, labels: Names, authors: Names) -> dict[str, Any]:
        """Return the classifier as plain data, its labels and authors by name.

        Args:
            labels: has the names of labels.
            authors: has the names of authors.
        """
        arrays = {name: getattr(self, name) for name in ARRAYS}
        return {
            "period": self.period,
            "labels": [labels.names[number] for number in self.labels.tolist()],
            "authors": [authors.names[number] for number in self.authors.tolist()],
            **arrays,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], labels: Names, authors: Names) -> Classifier:
        """Build a classifier from what `state` returned, without names that have no number."""
        words, author_vectors, projection, weights, bias = (state[name] for name in ARRAYS)
        of_labels, rows = _numbered(state["labels"], labels)
        of_authors, author_rows = _numbered(state["authors"], authors)
        return cls(
            state["period"],
            of_labels,
            of_authors,
            words,
            author_vectors[author_rows],
            projection,
            weights[rows],
            bias[rows],
        )


def _numbered(names: Sequence[str], known: Names) -> tuple[np.ndarray, np.ndarray]:
    """Return ascending numbers of the names that have one, and the names' positions."""
    numbers = np.array([known.number_of.get(name, -1) for name in names], np.int64)
    order = np.argsort(numbers, kind="stable")
    order = order[numbers[order] >= 0]
    return numbers[order], order
