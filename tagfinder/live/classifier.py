"""A classifier of texts that goes on from what it learned before.

Neighbours say what posts like this one had; a classifier has weighed each word against all labels
at once, and each author's habits against the text. It knows only labels that came several times
when it was learned, so that it is one source beside the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from tagfinder.live.memory import NOBODY
from tagfinder.live.names import Names
from tagfinder.live.network import WORD_BITS, Encoded, Network, fit, places_of
from tagfinder.live.places import place_among

# Days after which a post counts half.
HALF_LIFE = 90.0
# A label that was not there before has few posts.
FIRST_BIAS = -2.0
# Standard deviation of what vectors begin with.
FIRST_SPREAD = 0.1


@dataclass(frozen=True)
class ClassifierSettings:
    """How a classifier learns.

    Attributes:
        every_days: days after which it is learned anew.
        days: age of the oldest posts that it learns from.
        least_uses: posts with a label among them.
        dimension: numbers in the vector of a word or an author.
        epochs: how often each post is seen at first.
        epochs_again: how often when it goes on from an earlier one.
        learning_rate: of Adam, falling to nothing.
    """

    every_days: float
    days: float
    least_uses: int
    dimension: int
    epochs: int
    epochs_again: int
    learning_rate: float

    def period_of(self, day: float) -> int:
        """Return for which of its periods a classifier is to be learned on a day."""
        return int(day // self.every_days)

    def days_of(self, period: int) -> tuple[float, float]:
        """Return the days from and before which posts are learned from for a period."""
        end = period * self.every_days
        return end - self.days, end


@dataclass(frozen=True)
class Example:
    """A post that a classifier learns from.

    Attributes:
        words: of its text.
        labels: distinct numbers.
        age: days.
        author: number, or `NOBODY`.
    """

    words: Sequence[str]
    labels: Sequence[int]
    age: float
    author: int = NOBODY


@dataclass(frozen=True)
class Classified:
    """What a classifier says of a text.

    Attributes:
        labels: (L,) int64 numbers of the labels that it knows, ascending.
        logs: (L,) float32 logarithms of their shares, which sum to one.
    """

    labels: np.ndarray
    logs: np.ndarray

    @cached_property
    def ascending(self) -> np.ndarray:
        """(L,) float32 the logarithms in ascending order."""
        return np.sort(self.logs)

    def likeliest(self, n: int) -> np.ndarray:
        """Return the labels with the `n` largest shares, ascending; more where shares are equal."""
        if len(self.labels) <= n:
            return self.labels
        return self.labels[self.logs >= self.ascending[-n]]


ARRAYS = ("words", "author_vectors", "projection", "weights", "bias")
UNCLASSIFIED = Classified(np.empty(0, np.int64), np.empty(0, np.float32))


@dataclass(frozen=True)
class Classifier:
    """Shares of labels by the mean of the words' vectors, as fastText (Joulin et al., 2017).

    Unlike fastText it computes the whole softmax, for many posts at once, with Adam: with thousands
    of labels that each have few posts, that is much better (`experiments/tables/live.md`). To the
    mean it adds a vector of the author, where one is known, and what it makes of the sentence
    vector, where there is an encoder.

    Attributes:
        period: which of the periods of `every_days` it was learned for.
        labels: (L,) int64 numbers, ascending.
        authors: (A,) int64 numbers, ascending.
        words: (2^16, D) float32 vectors of words, by a hash of them.
        author_vectors: (A, D) float32.
        projection: (E, D) float32, by which sentence vectors of length one are read; E is 0 where
            it learned without.
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
        """Learn from posts.

        Args:
            period: which of the periods of `every_days` it is learned for; also the seed.
            examples: P posts.
            settings: how.
            before: an earlier one to go on from, with `epochs_again` instead of `epochs`.
            vectors: (P, E) float32 of the posts' texts, of length one or 0.
        """
        # Lightning goes through test and validation parts without gradients.
        with torch.inference_mode(False), torch.enable_grad():
            if vectors is None:
                vectors = np.empty((len(examples), 0), np.float32)
            return cls._learned(period, examples, settings, before, vectors)

    @classmethod
    def _learned(
        cls,
        period: int,
        examples: Sequence[Example],
        settings: ClassifierSettings,
        before: Classifier | None,
        vectors: np.ndarray,
    ) -> Classifier:
        uses = Counter(number for example in examples for number in example.labels)
        known = np.array(sorted(n for n, u in uses.items() if u >= settings.least_uses), np.int64)
        authors = np.unique([e.author for e in examples if e.author != NOBODY]).astype(np.int64)
        generator = torch.Generator().manual_seed(period)
        network = _begun(
            known,
            authors,
            width=vectors.shape[1],
            dimension=settings.dimension,
            before=before,
            generator=generator,
        )
        column_of = {number: column for column, number in enumerate(known.tolist())}
        row_of = {NOBODY: 0, **{number: row for row, number in enumerate(authors.tolist(), 1)}}
        encoded = [
            Encoded(
                places_of(example.words),
                [column_of[number] for number in example.labels if number in column_of],
                0.5 ** (example.age / HALF_LIFE),
                row_of[example.author],
                row,
            )
            for row, example in enumerate(examples)
        ]
        useful = [one for one in encoded if one.columns]
        epochs = settings.epochs if before is None else settings.epochs_again
        if useful and epochs:
            fit(
                network,
                useful,
                vectors,
                epochs=epochs,
                learning_rate=settings.learning_rate,
                generator=generator,
            )
        network = network._replace(authors=network.authors[1:])
        return cls(period, known, authors, *(tensor.numpy() for tensor in network))

    def classify(
        self, words: Sequence[str], author: int = NOBODY, vector: np.ndarray | None = None
    ) -> Classified:
        """Return the shares of all labels that it knows.

        Args:
            words: of a text.
            author: number of who writes it.
            vector: (E,) of the text, of any length; left aside where it learned without.
        """
        if not len(self.labels):
            return UNCLASSIFIED
        read = self.words[places_of(words)].mean(axis=0)
        row = place_among(self.authors, author)
        if row >= 0:
            read = read + self.author_vectors[row]
        if vector is not None and len(self.projection):
            read = read + (vector / max(np.linalg.norm(vector), 1e-9)) @ self.projection
        logits = self.weights @ read + self.bias
        highest = logits.max()
        logs = logits - (highest + np.log(np.exp(logits - highest).sum()))
        return Classified(self.labels, logs.astype(np.float32))

    def state(self, labels: Names, authors: Names) -> dict[str, Any]:
        """Return the classifier as plain data, its labels and authors by their names.

        Args:
            labels: knows the names of labels.
            authors: knows the names of authors.
        """
        arrays = {name: torch.from_numpy(getattr(self, name)) for name in ARRAYS}
        return {
            "period": self.period,
            "labels": [labels.names[number] for number in self.labels.tolist()],
            "authors": [authors.names[number] for number in self.authors.tolist()],
            **arrays,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], labels: Names, authors: Names) -> Classifier:
        """Build a classifier from what `state` returned; names that have no number are left out."""
        words, author_vectors, projection, weights, bias = (state[name].numpy() for name in ARRAYS)
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
    """Return ascending numbers of those names that have one, and the names' places."""
    numbers = np.array([known.number_of.get(name, -1) for name in names], np.int64)
    order = np.argsort(numbers, kind="stable")
    order = order[numbers[order] >= 0]
    return numbers[order], order


def _begun(
    labels: np.ndarray,
    authors: np.ndarray,
    *,
    width: int,
    dimension: int,
    before: Classifier | None,
    generator: torch.Generator,
) -> Network:
    """Return a network as it is before learning: what an earlier one knew, and new beginnings."""
    network = Network(
        torch.empty(1 << WORD_BITS, dimension),
        torch.zeros(1 + len(authors), dimension),
        torch.empty(width, dimension),
        torch.zeros(len(labels), dimension),
        torch.full((len(labels),), FIRST_BIAS),
    )
    if before is None:
        torch.nn.init.normal_(network.words, std=FIRST_SPREAD, generator=generator)
    else:
        network.words.copy_(torch.from_numpy(before.words))
        _, new, old = np.intersect1d(labels, before.labels, return_indices=True)
        network.weights[new] = torch.from_numpy(before.weights[old])
        network.bias[new] = torch.from_numpy(before.bias[old])
        _, new, old = np.intersect1d(authors, before.authors, return_indices=True)
        network.authors[1 + new] = torch.from_numpy(before.author_vectors[old])
    if before is None or len(before.projection) != width:
        torch.nn.init.normal_(network.projection, std=FIRST_SPREAD, generator=generator)
    else:
        network.projection.copy_(torch.from_numpy(before.projection))
    return network
