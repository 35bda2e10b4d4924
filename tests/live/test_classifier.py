"""A classifier learns which words go with which of the hashtags in use, and goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tagfinder.errors import InputError
from tagfinder.live.classifier import (
    HALF_LIFE,
    UNCLASSIFIED,
    Classifier,
    ClassifierSettings,
    Example,
    load_classifier,
    save_classifier,
)
from tagfinder.live.memory import Post

SETTINGS = ClassifierSettings(30, 365, 4, 8, 20, 5, 0.05)
RAIN, VOTE, RARE, COMET = 3, 5, 8, 9


def lessons(words: str, *hashtags: int, n: int = 40) -> list[Example]:
    return [Example(words.split(), hashtags, age=float(day)) for day in range(n)]


WEATHER_AND_POLITICS = [
    *lessons("storm over the bay", RAIN),
    *lessons("go to the polls", VOTE),
    *lessons("storm at the polls", RAIN, VOTE),
    *lessons("a word", RARE, n=3),
]


def best(classifier: Classifier, text: str) -> int:
    found = classifier.classify(text.split())
    return int(found.hashtags[found.logs.argmax()])


def test_words_decide_and_rare_hashtags_are_unknown() -> None:
    classifier = Classifier.learn(7, WEATHER_AND_POLITICS, SETTINGS)
    assert classifier.period == 7
    assert classifier.hashtags.tolist() == [RAIN, VOTE]
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


def test_it_learns_the_same_where_gradients_are_off() -> None:
    expected = Classifier.learn(7, WEATHER_AND_POLITICS, SETTINGS)
    with torch.inference_mode():
        first = Classifier.learn(7, WEATHER_AND_POLITICS, SETTINGS)
        second = Classifier.learn(8, WEATHER_AND_POLITICS, SETTINGS, first)
    np.testing.assert_array_equal(first.words, expected.words)
    again = Classifier.learn(8, WEATHER_AND_POLITICS, SETTINGS, expected)
    np.testing.assert_array_equal(second.weights, again.weights)


def test_it_goes_on_with_what_it_knew() -> None:
    before = Classifier.learn(7, WEATHER_AND_POLITICS, SETTINGS)
    after = Classifier.learn(8, [*lessons("storm bay", RAIN), *lessons("comet tail", COMET)],
                             SETTINGS, before)  # fmt: skip
    assert after.hashtags.tolist() == [RAIN, COMET]
    assert best(after, "the comet") == COMET
    assert best(after, "over") == RAIN  # a word of the earlier posts only


def test_what_goes_on_begins_with_all_that_was_learned() -> None:
    before = Classifier.learn(7, WEATHER_AND_POLITICS, SETTINGS)
    seen = [*lessons("comet", COMET), *lessons("polls", VOTE)]
    after = Classifier.learn(8, seen, replace(SETTINGS, epochs_again=0), before)
    assert after.hashtags.tolist() == [VOTE, COMET]
    np.testing.assert_array_equal(after.words, before.words)
    np.testing.assert_array_equal(after.weights[0], before.weights[1])
    assert after.bias[0] == before.bias[1]
    assert not after.weights[1].any()


def test_late_posts_count_more() -> None:
    late = [Example(["storm"], [RAIN], age=0.0)] * 40
    old = [Example(["storm"], [VOTE], age=3 * HALF_LIFE)] * 40
    classifier = Classifier.learn(7, [*late, *old], SETTINGS)
    shares = np.exp(classifier.classify(["storm"]).logs)
    assert shares[classifier.hashtags.tolist().index(RAIN)] == pytest.approx(8 / 9, abs=0.05)


def test_a_post_with_several_hashtags_counts_as_one() -> None:
    seen = [Example(["storm"], [RAIN, VOTE], age=0.0)] * 40 + [
        Example(["storm"], [COMET], 0.0)
    ] * 30
    classifier = Classifier.learn(7, seen, SETTINGS)
    shares = np.exp(classifier.classify(["storm"]).logs)
    assert shares.tolist() == pytest.approx([2 / 7, 2 / 7, 3 / 7], abs=0.05)


def test_of_posts_those_of_the_days_before_the_period_are_learned() -> None:
    settings = replace(SETTINGS, every_days=5, days=10, least_uses=1)
    posts = [Post(f"{day}", float(day), None, "rain", (f"Day{day}",)) for day in range(40)]
    number_of = {f"day{day}": day for day in range(40)}
    learned = Classifier.of_posts(6, posts, number_of, settings, None)
    assert settings.period_of(30.0) == settings.period_of(34.9) == 6
    assert learned.hashtags.tolist() == list(range(20, 30))


def test_without_posts_nothing_is_known() -> None:
    nothing = Classifier.learn(7, [], SETTINGS)
    assert nothing.classify(["storm"]) is UNCLASSIFIED
    again = Classifier.learn(8, WEATHER_AND_POLITICS, SETTINGS, nothing)
    assert best(again, "the bay") == RAIN


def test_a_file_keeps_it_whatever_numbers_hashtags_have_then(tmp_path: Path) -> None:
    classifier = Classifier.learn(7, WEATHER_AND_POLITICS, SETTINGS)
    names = [f"tag{number}" for number in range(10)]
    save_classifier({**classifier.state(names), "deletions": 4}, tmp_path / "classes.npz")
    state = load_classifier(tmp_path / "classes.npz")
    assert (state["period"], state["deletions"]) == (7, 4)
    other = Classifier.from_state(state, {f"tag{RAIN}": 6, f"tag{VOTE}": 2})
    assert other.hashtags.tolist() == [2, 6]
    assert best(other, "the bay") == 6
    np.testing.assert_array_equal(
        other.classify(["bay"]).logs, classifier.classify(["bay"]).logs[::-1]
    )
    assert Classifier.from_state(state, {f"tag{VOTE}": 0}).hashtags.tolist() == [0]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "classifier.npz"
    file.write_bytes(b"nothing of use")
    with pytest.raises(InputError, match=r"classifier\.npz holds no classifier"):
        load_classifier(file)
