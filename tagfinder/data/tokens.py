"""Texts as the numbers of their white-space tokens, for networks that learn their own words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import torch
from torch import Tensor

from tagfinder.configuration.types import NonNegativeInt, PositiveInt
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.data.ragged import Ragged
from tagfinder.data.word_vectors import EmbeddingTable, EmbeddingTables
from tagfinder.files import digest_of, read_json, write_json

PADDING = 0
UNKNOWN = 1
RESERVED = ["<pad>", "<unk>"]


class Vocabulary:
    """The words of the vocabulary.

    Args:
        words: number -> word; the first two are `<pad>` and `<unk>`.
        counts: number -> how often the word occurs in the training part; 0 for the reserved.
    """

    def __init__(self, words: list[str], counts: list[int]) -> None:
        self.words = words
        self.counts = counts
        self._numbers = {word: number for number, word in enumerate(words)}

    @classmethod
    def learn(cls, texts: pl.Series, min_freq: int) -> Vocabulary:
        """Take each token that occurs at least `min_freq` times, the most frequent first."""
        counted = (
            split(texts)
            .explode(empty_as_null=False)
            .alias("word")
            .value_counts(name="count")
            .filter((pl.col("count") >= min_freq) & ~pl.col("word").is_in(RESERVED))
            .sort(["count", "word"], descending=[True, False])
        )
        return cls(RESERVED + counted["word"].to_list(), [0, 0, *counted["count"].to_list()])

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, texts: pl.Series, max_length: int) -> Ragged:
        """Return the token numbers of each text, int32, at most `max_length` of them."""
        tokens = split(texts).list.head(max_length)
        lengths = tokens.list.len().to_numpy()
        words = tokens.explode(empty_as_null=False)
        # Looking up the distinct words costs a short text little, however large the vocabulary.
        distinct = words.unique()
        known = [self._numbers.get(word, UNKNOWN) for word in distinct]
        numbers = words.replace_strict(distinct, known, return_dtype=pl.Int32)
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        return Ragged(numbers.cast(pl.Int32).to_numpy(), offsets)


def split(texts: pl.Series) -> pl.Series:
    """Return the white-space tokens of each text, List(String)."""
    return texts.str.extract_all(r"\S+")


class Sentences:
    """The tokens of each text, again and again, without all of them in memory as Python lists.

    Args:
        texts: String.
    """

    def __init__(self, texts: pl.Series) -> None:
        self.texts = texts

    def __iter__(self) -> Iterator[list[str]]:
        for part in self.texts.to_frame().iter_slices(10_000):
            yield from split(part.to_series()).to_list()


class EncodedTokens:
    """Token numbers of texts.

    Attributes:
        lengths: (N,) tokens.
    """

    def __init__(self, numbers: Ragged) -> None:
        self.numbers = numbers
        self.lengths = numbers.lengths

    def take(self, rows: np.ndarray) -> Tensor:
        """Return (B, T) int64 token numbers, padded at the end with `PADDING`."""
        return torch.from_numpy(self.numbers.padded(rows, fill=PADDING))


class TokenFeatures:
    """White-space tokens, numbered by a vocabulary of the training part.

    Args:
        column: the column of the corpus that is read.
        min_freq: how often the training part must have a token for it to get a number.
        max_length: tokens of a text that are read.
        embedding: initial word vectors.

    Attributes:
        vocabulary: the words, after `fit` or `load`.
        tables: one or more vectors per word, side by side, after `fit` or `load`.
    """

    option: ClassVar[str] = "tokens"

    def __init__(
        self,
        embedding: EmbeddingTables,
        column: str = "clean",
        min_freq: NonNegativeInt = 2,
        max_length: PositiveInt = 200,
    ) -> None:
        self.embedding = embedding
        self.column = column
        self.min_freq = min_freq
        self.max_length = max_length
        self.vocabulary = Vocabulary(list(RESERVED), [0, 0])
        self.tables: list[EmbeddingTable] = []

    def fit(self, corpus: PreparedCorpus) -> None:
        """Learn vocabulary and word vectors from the training part."""
        texts = corpus.part("train", [self.column])[self.column]
        self.vocabulary = Vocabulary.learn(texts, self.min_freq)
        self.tables = self.embedding.tables(
            self.vocabulary.words, self.vocabulary.counts, Sentences(texts)
        )

    def encode(self, texts: pl.Series) -> EncodedTokens:
        """Number the tokens of texts."""
        return EncodedTokens(self.vocabulary.encode(texts, self.max_length))

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text holds a word of the vocabulary."""
        numbers = self.vocabulary.encode(texts, self.max_length)
        padded = numbers.padded(np.arange(len(numbers)), fill=PADDING)
        return np.asarray((padded > UNKNOWN).any(axis=1))

    def key(self) -> dict[str, Any]:
        """Return the settings that determine a text's token numbers."""
        words = digest_of(self.vocabulary.words)
        return {"kind": "tokens", "words": words, "max_length": self.max_length}

    def write(self, texts: pl.Series, folder: Path) -> None:
        """Write the numbers of the texts' tokens."""
        numbers = self.vocabulary.encode(texts, self.max_length)
        np.save(folder / "values.npy", numbers.values)
        np.save(folder / "offsets.npy", numbers.offsets)

    def read(self, folder: Path) -> EncodedTokens:
        """Map the numbers that `write` left."""
        offsets = np.load(folder / "offsets.npy")
        # An empty array cannot be memory-mapped: texts of which cleaning leaves no word.
        values = np.load(folder / "values.npy", mmap_mode="r" if offsets[-1] else None)
        return EncodedTokens(Ragged(values, offsets))

    def save(self, folder: Path) -> None:
        """Write the vocabulary and the shape of the word vectors, not their values."""
        folder.mkdir(parents=True, exist_ok=True)
        write_json(
            folder / "vocabulary.json",
            {
                "words": self.vocabulary.words,
                "counts": self.vocabulary.counts,
                "tables": [table.description() for table in self.tables],
            },
        )

    def load(self, folder: Path) -> None:
        """Read what `save` wrote; the model's weights hold the word vectors."""
        saved = read_json(folder / "vocabulary.json")
        self.vocabulary = Vocabulary(saved["words"], saved["counts"])
        self.tables = [EmbeddingTable(**table) for table in saved["tables"]]
