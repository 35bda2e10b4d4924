"""A classifier of the hashtags in use, learned anew now and then from late posts.

Neighbours say what posts like this one had; a classifier has weighed each word against all hashtags
at once. It knows only hashtags that were used several times when it was learned, so that it is one
source beside the others.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile
from zlib import crc32

import numpy as np
import torch
from torch.nn.functional import embedding_bag, log_softmax

from tagfinder.errors import InputError
from tagfinder.files import atomic_path
from tagfinder.live.memory import Post
from tagfinder.live.words import words

WORD_BITS = 16
BATCH = 512
DROPPED = 0.1
# Days after which a post counts half.
HALF_LIFE = 90.0
# A hashtag that was not there before has few posts.
FIRST_BIAS = -2.0


@dataclass(frozen=True)
class ClassifierSettings:
    """How a classifier learns.

    Attributes:
        every_days: days after which it is learned anew.
        days: age of the oldest posts that it learns from.
        least_uses: uses of a hashtag among them.
        dimension: numbers in the vector of a word.
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
        hashtags: distinct numbers.
        age: days.
    """

    words: Sequence[str]
    hashtags: Sequence[int]
    age: float


@dataclass(frozen=True)
class Classified:
    """What a classifier says of a text.

    Attributes:
        hashtags: (L,) int64 numbers of the hashtags that it knows, ascending.
        logs: (L,) float32 logarithms of their shares, which sum to one.
    """

    hashtags: np.ndarray
    logs: np.ndarray


# Places of a post's words, columns of its hashtags, and what it counts.
Encoded = tuple[np.ndarray, list[int], float]
ARRAYS = ("words", "weights", "bias")
UNCLASSIFIED = Classified(np.empty(0, np.int64), np.empty(0, np.float32))


class Classifier:
    """Shares of hashtags by the mean of the words' vectors, as fastText (Joulin et al., 2017).

    Unlike fastText it computes the whole softmax, for many posts at once, with Adam: with thousands
    of hashtags that each have few posts, that is much better (`experiments/tables/live.md`).

    Args:
        period: which of the periods of `every_days` it was learned for.
        hashtags: (L,) int64 numbers, ascending.
        words: (2^16, D) float32 vectors of words, by a hash of them.
        weights: (L, D) float32.
        bias: (L,) float32.
    """

    def __init__(
        self,
        period: int,
        hashtags: np.ndarray,
        words: np.ndarray,
        weights: np.ndarray,
        bias: np.ndarray,
    ) -> None:
        self.period = period
        self.hashtags = hashtags
        self.words = words
        self.weights = weights
        self.bias = bias

    @classmethod
    def of_posts(
        cls,
        period: int,
        posts: Iterable[Post],
        number_of: Mapping[str, int],
        settings: ClassifierSettings,
        before: Classifier | None,
    ) -> Classifier:
        """Learn from those of some posts that a period's classifier learns from.

        Args:
            period: see `ClassifierSettings.period_of`.
            posts: the posts.
            number_of: lower-case hashtag -> number.
            settings: how.
            before: see `learn`.
        """
        first, end = settings.days_of(period)
        examples = [
            Example(
                words(post.text),
                [number_of[hashtag.lower()] for hashtag in post.hashtags],
                age=end - post.day,
            )
            for post in posts
            if first <= post.day < end
        ]
        return cls.learn(period, examples, settings, before)

    @classmethod
    def learn(
        cls,
        period: int,
        examples: Sequence[Example],
        settings: ClassifierSettings,
        before: Classifier | None = None,
    ) -> Classifier:
        """Learn from posts.

        Args:
            period: which of the periods of `every_days` it is learned for; also the seed.
            examples: posts.
            settings: how.
            before: an earlier one to go on from, with `epochs_again` instead of `epochs`.
        """
        # Lightning goes through test and validation parts without gradients.
        with torch.inference_mode(False), torch.enable_grad():
            return cls._learned(period, examples, settings, before)

    @classmethod
    def _learned(
        cls,
        period: int,
        examples: Sequence[Example],
        settings: ClassifierSettings,
        before: Classifier | None,
    ) -> Classifier:
        uses = Counter(number for example in examples for number in example.hashtags)
        known = np.array(sorted(n for n, u in uses.items() if u >= settings.least_uses), np.int64)
        generator = torch.Generator().manual_seed(period)
        weights = torch.zeros(len(known), settings.dimension)
        bias = torch.full((len(known),), FIRST_BIAS)
        if before is None:
            table = torch.empty(1 << WORD_BITS, settings.dimension)
            torch.nn.init.normal_(table, std=0.1, generator=generator)
        else:
            table = torch.from_numpy(before.words.copy())
            _, new, old = np.intersect1d(known, before.hashtags, return_indices=True)
            weights[new] = torch.from_numpy(before.weights[old])
            bias[new] = torch.from_numpy(before.bias[old])
        column_of = {number: column for column, number in enumerate(known.tolist())}
        encoded = [
            (
                _places(example.words),
                [column_of[number] for number in example.hashtags if number in column_of],
                0.5 ** (example.age / HALF_LIFE),
            )
            for example in examples
        ]
        useful = [one for one in encoded if one[1]]
        epochs = settings.epochs if before is None else settings.epochs_again
        if useful and epochs:
            _fit((table, weights, bias), useful, epochs, settings.learning_rate, generator)
        return cls(period, known, table.numpy(), weights.numpy(), bias.numpy())

    def classify(self, words: Sequence[str]) -> Classified:
        """Return the shares of all hashtags that it knows."""
        if not len(self.hashtags):
            return UNCLASSIFIED
        logits = self.weights @ self.words[_places(words)].mean(axis=0) + self.bias
        highest = logits.max()
        logs = logits - (highest + np.log(np.exp(logits - highest).sum()))
        return Classified(self.hashtags, logs)

    def state(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the classifier as plain data, its hashtags by their names.

        Args:
            names: hashtag number -> name.
        """
        weights = {name: torch.from_numpy(getattr(self, name)) for name in ARRAYS}
        hashtags = [names[number] for number in self.hashtags.tolist()]
        return {"period": self.period, "hashtags": hashtags, **weights}

    @classmethod
    def from_state(cls, state: dict[str, Any], number_of: Mapping[str, int]) -> Classifier:
        """Build a classifier from what `state` returned.

        Args:
            state: the plain data.
            number_of: hashtag -> number; a hashtag without one is left out.
        """
        numbers = np.array([number_of.get(name, -1) for name in state["hashtags"]], np.int64)
        order = np.argsort(numbers, kind="stable")
        order = order[numbers[order] >= 0]
        words, weights, bias = (state[name].numpy() for name in ARRAYS)
        return cls(state["period"], numbers[order], words, weights[order], bias[order])


def save_classifier(state: dict[str, Any], file: Path) -> None:
    """Write what `Classifier.state` returned and other plain facts, whole or not at all."""
    facts = json.dumps({name: value for name, value in state.items() if name not in ARRAYS})
    arrays = {name: state[name].numpy() for name in ARRAYS}
    with atomic_path(file) as path, path.open("wb") as stream:
        text = np.frombuffer(facts.encode(), dtype=np.uint8)
        np.savez(stream, allow_pickle=False, text=text, **arrays)


def load_classifier(file: Path) -> dict[str, Any]:
    """Read what `save_classifier` wrote.

    Raises:
        InputError: the file is damaged.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            weights = {name: torch.from_numpy(arrays[name]) for name in ARRAYS}
            return {**json.loads(arrays["text"].tobytes()), **weights}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise InputError(f"{file} holds no classifier that can be read: {error}") from error


def _fit(
    tensors: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    examples: Sequence[Encoded],
    epochs: int,
    learning_rate: float,
    generator: torch.Generator,
) -> None:
    """Fit vectors, weights and biases in place to posts: places of words, columns, weight."""
    table, weights, bias = (tensor.requires_grad_() for tensor in tensors)
    optimizer = torch.optim.Adam([table, weights, bias], lr=learning_rate, fused=True)
    n_steps = epochs * -(-len(examples) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / n_steps)
    for _ in range(epochs):
        order = torch.randperm(len(examples), generator=generator).tolist()
        for start in range(0, len(order), BATCH):
            batch = [examples[row] for row in order[start : start + BATCH]]
            places, targets, shares = zip(*batch, strict=True)
            lengths = np.array([len(of_post) for of_post in places])
            starts = torch.from_numpy(np.cumsum(lengths) - lengths)
            texts = embedding_bag(torch.from_numpy(np.concatenate(places)), table, starts)
            kept = torch.rand(texts.shape, generator=generator) >= DROPPED
            logs = log_softmax(torch.addmm(bias, texts * kept / (1 - DROPPED), weights.T), dim=1)
            # A post with several hashtags counts as one, shared between them.
            counts = np.array([len(columns) for columns in targets])
            rows = np.repeat(np.arange(len(batch)), counts)
            weight = torch.from_numpy(np.repeat(np.array(shares) / counts, counts)).float()
            loss = -(logs[rows, np.concatenate(targets)] * weight).sum() / len(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    for tensor in tensors:
        tensor.requires_grad_(False)


def _places(words: Sequence[str]) -> np.ndarray:
    """Return (W,) int64 rows of words; a text without any has the empty word's."""
    mask = (1 << WORD_BITS) - 1
    return np.array([crc32(word.encode()) & mask for word in words or ("",)], dtype=np.int64)
