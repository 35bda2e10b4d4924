"""Vocabulary and token numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from made_up import small_corpus

from tagfinder.data.feature_cache import encode_once
from tagfinder.data.tokens import PADDING, UNKNOWN, TokenFeatures, Vocabulary
from tagfinder.data.word_vectors import EmbeddingTables, Scratch

TEXTS = pl.Series(["the flood  the river", "the\tflood", "a river <unk>", ""])


def test_the_vocabulary_has_frequent_words_in_the_order_of_their_frequency() -> None:
    vocabulary = Vocabulary.learn(TEXTS, min_freq=2)
    assert vocabulary.words == ["<pad>", "<unk>", "the", "flood", "river"]
    assert vocabulary.counts == [0, 0, 3, 2, 2]


def test_unknown_words_are_numbered_as_unknown_and_long_texts_are_cut() -> None:
    vocabulary = Vocabulary.learn(TEXTS, min_freq=2)
    numbers = vocabulary.encode(pl.Series(["the sea river", "the the the the", ""]), max_length=3)
    assert numbers.lengths.tolist() == [3, 3, 0]
    assert numbers.values.tolist() == [2, UNKNOWN, 4, 2, 2, 2]


def test_batches_are_padded_to_their_own_longest_text() -> None:
    features = TokenFeatures(EmbeddingTables(Scratch(4)), max_length=200)
    features.vocabulary = Vocabulary.learn(TEXTS, min_freq=1)
    encoded = features.encode(TEXTS)
    assert encoded.take(np.array([1, 3])).shape == (2, 2)
    assert encoded.take(np.array([3])).tolist() == [[PADDING]]


def test_only_the_training_part_makes_the_vocabulary(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path / "corpus")
    features = TokenFeatures(EmbeddingTables(Scratch(4)), min_freq=1)
    features.fit(corpus)
    train_words = set(" ".join(corpus.part("train", ["clean"])["clean"]).split())
    assert set(features.vocabulary.words[2:]) == train_words


def test_saved_features_number_texts_alike(tmp_path: Path) -> None:
    features = TokenFeatures(EmbeddingTables(Scratch(4)), min_freq=1)
    features.fit(small_corpus(tmp_path / "corpus"))
    features.save(tmp_path / "features")
    again = TokenFeatures(EmbeddingTables(Scratch(4)), min_freq=1)
    again.load(tmp_path / "features")
    texts = pl.Series(["flood1 word3 nowhere"])
    assert (
        again.encode(texts).take(np.array([0])).tolist()
        == features.encode(texts).take(np.array([0])).tolist()
    )
    assert again.tables == features.tables


def test_texts_of_a_part_are_encoded_once(tmp_path: Path) -> None:
    features = TokenFeatures(EmbeddingTables(Scratch(4)), min_freq=1)
    features.fit(small_corpus(tmp_path / "corpus"))
    texts = pl.Series([f"flood{i % 4} word{i % 7}" for i in range(50)])
    first = encode_once(features, texts)
    features.write = None  # type: ignore[method-assign,assignment]
    second = encode_once(features, texts)
    rows = np.arange(50)
    assert second.take(rows).tolist() == first.take(rows).tolist()


def test_other_words_or_other_texts_are_encoded_again(tmp_path: Path) -> None:
    features = TokenFeatures(EmbeddingTables(Scratch(4)))
    features.vocabulary = Vocabulary.learn(pl.Series(["a b"]), min_freq=1)
    before = encode_once(features, pl.Series(["a b c"])).take(np.array([0])).tolist()
    features.vocabulary = Vocabulary.learn(pl.Series(["c b b"]), min_freq=1)
    after = encode_once(features, pl.Series(["a b c"])).take(np.array([0])).tolist()
    assert before == [[2, 3, UNKNOWN]] and after == [[UNKNOWN, 2, 3]]


def test_a_part_of_texts_without_a_word_can_be_kept_too() -> None:
    features = TokenFeatures(EmbeddingTables(Scratch(4)))
    features.vocabulary = Vocabulary.learn(TEXTS, min_freq=1)
    encoded = encode_once(features, pl.Series(["", " "]))
    assert encoded.take(np.arange(2)).tolist() == [[PADDING], [PADDING]]
