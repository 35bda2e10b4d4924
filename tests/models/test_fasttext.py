"""fastText behind the common interface, and what can go wrong in it."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from fitted_baselines import POSTS, reloaded, scores, train
from made_up import small_corpus
from scipy.sparse import csr_matrix

from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.features import PlainTexts
from tagfinder.errors import InputError, WorkError
from tagfinder.models.fasttext import FastTextRecommender

pytest.importorskip("fasttext", reason="the fasttext package is not installed")


def recommender(**settings: Any) -> FastTextRecommender:
    labels = ["a", "b", "c"]
    label_set = LabelSet(labels, labels, [1] * 3, [1] * 3, n_train=40)
    return FastTextRecommender(label_set, PlainTexts(), **settings)


def taught(**settings: Any) -> FastTextRecommender:
    """Three words that each stand for a label; the third label never occurs."""
    model = recommender(**settings)
    texts = ["red apple", "blue sky"] * 20
    model.learn(texts, csr_matrix(np.array([[1, 0, 0], [0, 1, 0]] * 20, dtype=bool)))
    return model


@pytest.mark.parametrize("loss", ["hs", "ova"])
def test_it_finds_the_topics_and_a_reloaded_checkpoint_scores_alike(
    loss: str, tmp_path: Path
) -> None:
    make = partial(FastTextRecommender, loss=loss, epochs=50, learning_rate=0.5)
    model, results, checkpoint = train(make, tmp_path)
    assert results["ndcg@3"] > 0.62  # frequencies alone give 0.51
    twin = reloaded(make, model, checkpoint)
    assert np.array_equal(scores(twin), scores(model))


def test_every_label_has_a_probability_of_its_own(tmp_path: Path) -> None:
    # `predict` of fasttext-wheel 0.9.2 repeats the best label's probability for all the others.
    model, _, _ = train(partial(FastTextRecommender, loss="softmax"), tmp_path)
    values = scores(model)
    np.testing.assert_allclose(values.sum(axis=1), 1.0, atol=1e-3)
    assert all(len(set(row)) == len(row) for row in values[:2].tolist())


def test_scores_of_a_batch_are_those_of_its_posts(tmp_path: Path) -> None:
    model, _, _ = train(FastTextRecommender, tmp_path)
    assert np.array_equal(scores(model), np.concatenate([scores(model, [post]) for post in POSTS]))


def test_loading_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    recommender().restore(taught().learned())
    assert capsys.readouterr() == ("", "")


def test_a_label_that_never_occurred_scores_zero() -> None:
    values = scores(taught(epochs=20), ["red apple", "blue sky", "", "a\nb"])
    assert values[:, 2].tolist() == [0.0] * 4
    assert values[0].argmax() == 0
    assert values[1].argmax() == 1


def test_words_that_look_like_labels_or_line_ends_stay_words() -> None:
    model = recommender()
    texts = ["red __label__7\napple", "blue\r\nsky __label__x"] * 20
    model.learn(texts, csr_matrix(np.array([[1, 0, 0], [0, 1, 0]] * 20, dtype=bool)))
    assert sorted(model.model.get_labels()) == ["__label__0", "__label__1"]
    assert model.knows(pl.Series(["apple", "sky", "green"])).tolist() == [True, True, False]


def test_equal_seeds_give_equal_models_and_others_do_not() -> None:
    posts = ["red apple", "blue sky", "green grass"]
    scored = [taught(epochs=5, seed=seed).score(posts) for seed in (1, 1, 2)]
    assert np.array_equal(scored[0], scored[1])
    assert not np.array_equal(scored[0], scored[2])


def test_n_grams_get_as_many_threads_as_the_library_needs() -> None:
    assert recommender().settings["thread"] == 1
    assert recommender(word_ngrams=2).settings["thread"] >= 11


def test_training_that_diverges_ends_in_one_sentence(tmp_path: Path) -> None:
    make = partial(FastTextRecommender, learning_rate=1e9)
    with pytest.raises(WorkError, match=r"training diverged .* lower model.learning_rate"):
        train(make, tmp_path)


@pytest.mark.parametrize(
    ("value", "said"), [(np.nan, "Encountered NaN"), (0.0, "every post the same scores")]
)
def test_training_that_diverges_silently_is_noticed(value: float, said: str) -> None:
    model = taught(loss="softmax")
    vectors = np.full_like(model.model.get_input_matrix(), value)
    model.model.set_matrices(vectors, model.model.get_output_matrix())
    with pytest.raises(WorkError, match=said):
        model._check_scores(["red apple", "blue sky"])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "fasttext", None)
    with pytest.raises(InputError, match=r"pip install 'tagfinder\[fasttext\]'"):
        FastTextRecommender(small_corpus(tmp_path / "corpus").label_set, PlainTexts())
