"""A classifier learns which words go with which of the hashtags in use, and continues later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tagfinder.live.classify.classifier import (
    HALF_LIFE,
    NO_OUTPUT,
    Classifier,
    ClassifierOutput,
    ClassifierSettings,
    Example,
)
from tagfinder.live.post import NO_AUTHOR

SETTINGS = ClassifierSettings(30, 365, 4, 8, 20, 5, 0.05)
RAIN, VOTE, RARE, COMET = 3, 5, 8, 9
ADA, BO = 0, 2


def dataset(words: str, *hashtags: int, n: int = 40, author: int = NO_AUTHOR) -> list[Example]:
    return [Example(words.split(), hashtags, float(day), author) for day in range(n)]


WEATHER_AND_POLITICS = [
    *dataset("storm over the bay", RAIN),
    *dataset("go to the polls", VOTE),
    *dataset("storm at the polls", RAIN, VOTE),
    *dataset("a word", RARE, n=3),
]
# The same words by two, who use different hashtags.
BY_TWO = [
    *dataset("good morning", RAIN, author=ADA),
    *dataset("good morning", VOTE, author=BO),
    *dataset("storm over the bay", RAIN, author=ADA),
    *dataset("storm over the bay", RAIN, author=BO),
    *dataset("go to the polls", VOTE, author=ADA),
    *dataset("go to the polls", VOTE, author=BO),
]


def best(
    classifier: Classifier, text: str, author: int = NO_AUTHOR, vector: np.ndarray | None = None
) -> int:
    found = classifier.classify(text.split(), author, vector)
    return int(found.labels[found.logs.argmax()])


def test_words_decide_and_rare_hashtags_are_unknown() -> None:
    classifier = Classifier.learn(7, WEATHER_AND_POLITICS, SETTINGS)
    assert classifier.period == 7
    assert classifier.labels.tolist() == [RAIN, VOTE]
    assert best(classifier, "a bay") == RAIN
    assert best(classifier, "go to it") == VOTE
    both = classifier.classify(["storm", "polls"])
    assert np.exp(both.logs).sum() == pytest.approx(1, abs=1e-5)
    assert np.exp(both.logs).min() > 0.2


def test_the_same_posts_give_the_same_classifier_and_no_words_an_answer() -> None:
    one, two = (Classifier.learn(7, WEATHER_AND_POLITICS, SETTINGS) for _ in range(2))
    for name in ("words", "weights", "bias"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert np.isfinite(one.classify([]).logs).all()


def test_training_works_with_gradients_disabled() -> None:
    expected = Classifier.learn(7, WEATHER_AND_POLITICS, SETTINGS)
    with torch.inference_mode():
        first = Classifier.learn(7, WEATHER_AND_POLITICS, SETTINGS)
        second = Classifier.learn(8, WEATHER_AND_POLITICS, SETTINGS, first)
    np.testing.assert_array_equal(first.words, expected.words)
    again = Classifier.learn(8, WEATHER_AND_POLITICS, SETTINGS, expected)
    np.testing.assert_array_equal(second.weights, again.weights)


def test_a_warm_start_improves_earlier_weights() -> None:
    before = Classifier.learn(7, WEATHER_AND_POLITICS, SETTINGS)
    after = Classifier.learn(8, [*dataset("storm bay", RAIN), *dataset("comet tail", COMET)],
                             SETTINGS, before)  # fmt: skip
    assert after.labels.tolist() == [RAIN, COMET]
    assert best(after, "the comet") == COMET
    assert best(after, "over") == RAIN  # a word of the earlier posts only


def test_a_warm_start_copies_all_weights() -> None:
    before = Classifier.learn(7, WEATHER_AND_POLITICS, SETTINGS)
    seen = [*dataset("comet", COMET), *dataset("polls", VOTE)]
    after = Classifier.learn(8, seen, replace(SETTINGS, warm_start_epochs=0), before)
    assert after.labels.tolist() == [VOTE, COMET]
    np.testing.assert_array_equal(after.words, before.words)
    np.testing.assert_array_equal(after.weights[0], before.weights[1])
    assert after.bias[0] == before.bias[1]
    assert not after.weights[1].any()


def test_late_posts_count_more() -> None:
    late = [Example(["storm"], [RAIN], age=0.0)] * 40
    old = [Example(["storm"], [VOTE], age=3 * HALF_LIFE)] * 40
    classifier = Classifier.learn(7, [*late, *old], SETTINGS)
    shares = np.exp(classifier.classify(["storm"]).logs)
    assert shares[classifier.labels.tolist().index(RAIN)] == pytest.approx(8 / 9, abs=0.05)


def test_a_post_with_several_hashtags_counts_as_one() -> None:
    seen = [Example(["storm"], [RAIN, VOTE], age=0.0)] * 40 + [
        Example(["storm"], [COMET], 0.0)
    ] * 30
    classifier = Classifier.learn(7, seen, SETTINGS)
    shares = np.exp(classifier.classify(["storm"]).logs)
    assert shares.tolist() == pytest.approx([2 / 7, 2 / 7, 3 / 7], abs=0.05)


def test_without_posts_nothing_is_known() -> None:
    nothing = Classifier.learn(7, [], SETTINGS)
    assert nothing.classify(["storm"]) is NO_OUTPUT
    again = Classifier.learn(8, WEATHER_AND_POLITICS, SETTINGS, nothing)
    assert best(again, "the bay") == RAIN


def test_the_author_decides_if_words_do_not() -> None:
    learned = Classifier.learn(7, BY_TWO, SETTINGS)
    assert learned.authors.tolist() == [ADA, BO]
    assert best(learned, "good morning", ADA) == RAIN
    assert best(learned, "good morning", BO) == VOTE
    assert best(learned, "storm over the bay", BO) == RAIN
    nobody, stranger = (learned.classify(["good"], who) for who in (NO_AUTHOR, 99))
    np.testing.assert_array_equal(nobody.logs, stranger.logs)
    assert np.exp(nobody.logs).tolist() == pytest.approx([0.5, 0.5], abs=0.1)


def test_unsigned_posts_train_on_words_only() -> None:
    seen = [*dataset("good", COMET), *dataset("good", RAIN, author=ADA)]
    learned = Classifier.learn(7, seen, SETTINGS)
    # Half of the known author's posts are read without the author.
    shares = np.exp(learned.classify(["good"]).logs)
    assert shares.tolist() == pytest.approx([1 / 3, 2 / 3], abs=0.07)


def test_the_sentence_vector_decides_if_words_are_unknown() -> None:
    east, north = np.eye(2, 3, dtype=np.float32)
    seen = [*dataset("storm", RAIN), *dataset("polls", VOTE)]
    vectors = np.repeat(np.stack([east, north]), 40, axis=0)
    learned = Classifier.learn(7, seen, SETTINGS, vectors=vectors)
    assert best(learned, "unheard", vector=5 * east) == RAIN
    assert best(learned, "unheard", vector=north) == VOTE
    # Only its direction counts.
    short, long = (learned.classify(["unheard"], vector=n * east) for n in (1, 5))
    np.testing.assert_allclose(short.logs, long.logs, rtol=1e-6)
    without = learned.classify(["unheard"])
    np.testing.assert_array_equal(
        without.logs, learned.classify(["unheard"], vector=np.zeros(3, np.float32)).logs
    )
    # A classifier trained without vectors ignores them, and uses them once there are some.
    plain = Classifier.learn(7, seen, SETTINGS)
    np.testing.assert_array_equal(
        plain.classify(["storm"]).logs, plain.classify(["storm"], vector=east).logs
    )
    later = Classifier.learn(8, seen, SETTINGS, plain, vectors)
    assert best(later, "unheard", vector=east) == RAIN


def test_authors_and_vectors_are_gone_on_with() -> None:
    vectors = np.tile(np.eye(1, 3, dtype=np.float32), (len(BY_TWO), 1))
    before = Classifier.learn(7, BY_TWO, SETTINGS, vectors=vectors)
    unchanged = replace(SETTINGS, warm_start_epochs=0)
    seen = [Example(["storm"], [RAIN], 0.0, author) for author in (BO, 4)] * 4
    after = Classifier.learn(8, seen, unchanged, before, vectors[: len(seen)])
    assert after.authors.tolist() == [BO, 4]
    np.testing.assert_array_equal(after.author_vectors[0], before.author_vectors[1])
    assert not after.author_vectors[1].any()
    np.testing.assert_array_equal(after.projection, before.projection)


def test_the_likeliest_labels_have_the_highest_probabilities() -> None:
    said = ClassifierOutput(
        np.array([2, 4, 7, 9]), np.log(np.array([0.1, 0.4, 0.1, 0.4], np.float32))
    )
    assert said.likeliest(2).tolist() == [4, 9]
    assert said.likeliest(3).tolist() == [2, 4, 7, 9]
    assert said.likeliest(9).tolist() == [2, 4, 7, 9]
    assert NO_OUTPUT.likeliest(2).tolist() == []
