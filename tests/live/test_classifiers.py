"""Classifiers of hashtags and of authors learn from the same posts and are kept together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tagfinder.errors import InputError
from tagfinder.live.classify.classifier import NO_OUTPUT, Classifier, ClassifierSettings
from tagfinder.live.classify.classifiers import Classifiers, load_classifiers, save_classifiers
from tagfinder.live.counts.statistics import PostStatistics
from tagfinder.live.post import NO_AUTHOR, Post

SETTINGS = ClassifierSettings(5, 10, 1, 8, 20, 5, 0.05)
EAST = np.eye(1, 3, dtype=np.float32)[0]


def statistics_with(hashtags: Sequence[str], authors: Sequence[str] = ()) -> PostStatistics:
    """Return a memory in which hashtags and authors have their places as numbers."""
    statistics = PostStatistics()
    for hashtag in hashtags:
        statistics.hashtags.number(hashtag.lower())
    for author in authors:
        statistics.authors.number(author)
    return statistics


def post(day: int, author: str | None, text: str = "rain", hashtag: str = "Day") -> Post:
    return Post(f"{day}", float(day), author, text, (hashtag,))


def vectors_of(numbers: np.ndarray) -> np.ndarray:
    return np.tile(EAST, (len(numbers), 1))


def likeliest(classifier: Classifier, text: str, author: int = NO_AUTHOR) -> int:
    found = classifier.classify(text.split(), author, EAST)
    return int(found.labels[found.logs.argmax()])


def of_two() -> tuple[PostStatistics, Classifiers]:
    """Return what ann, who writes of storms, and bo, who writes of votes, taught."""
    statistics = statistics_with(["rain", "polls"], ["bo", "cy", "ann"])
    posts = [
        one
        for day in range(20, 30)
        for one in (
            post(day, "ann", "storm over the bay", "Rain"),
            post(day, "bo", "go and vote", "Polls"),
            post(day, None, "go and vote", "Rain"),
        )
    ]
    return statistics, Classifiers.of_posts(
        6, enumerate(posts), statistics, SETTINGS, vectors_of=vectors_of
    )


def test_a_period_trains_on_the_posts_of_its_window() -> None:
    posts = [post(day, None, hashtag=f"Day{day}") for day in range(40)]
    statistics = statistics_with([f"Day{day}" for day in range(40)])
    learned = Classifiers.of_posts(6, enumerate(posts), statistics, SETTINGS)
    assert SETTINGS.period_of(30.0) == SETTINGS.period_of(34.9) == learned.period == 6
    assert learned.hashtags.labels.tolist() == list(range(20, 30))
    assert learned.writers.classify(["rain"]) is NO_OUTPUT


def test_posts_bring_their_authors_and_their_vectors() -> None:
    posts = [post(day, "bo" if day % 2 else None) for day in range(0, 40, 3)]
    asked: list[np.ndarray] = []

    def watched(numbers: np.ndarray) -> np.ndarray:
        asked.append(numbers)
        return vectors_of(numbers)

    statistics = statistics_with(["day"], ["ada", "bo"])
    numbered = zip(range(100, 200), posts, strict=False)
    learned = Classifiers.of_posts(6, numbered, statistics, SETTINGS, vectors_of=watched)
    assert [numbers.tolist() for numbers in asked] == [[107, 108, 109]]
    assert learned.hashtags.authors.tolist() == learned.writers.labels.tolist() == [1]
    assert learned.hashtags.projection.shape == learned.writers.projection.shape == (3, 8)


def test_authors_are_classified_by_signed_posts_only() -> None:
    statistics, learned = of_two()
    names = statistics.authors.names
    assert [names[number] for number in learned.writers.labels] == ["bo", "ann"]
    assert not len(learned.writers.authors)
    assert names[likeliest(learned.writers, "a storm in the bay")] == "ann"
    assert names[likeliest(learned.writers, "vote and go")] == "bo"


def test_a_warm_start_keeps_earlier_weights() -> None:
    statistics, before = of_two()
    unchanged = replace(SETTINGS, warm_start_epochs=0)
    later = [post(32, "bo", hashtag="Polls"), post(33, "ann", hashtag="Polls")]
    after = Classifiers.of_posts(
        7, enumerate(later), statistics, unchanged, before=before, vectors_of=vectors_of
    )
    for one, other in ((after.hashtags, before.hashtags), (after.writers, before.writers)):
        np.testing.assert_array_equal(one.words, other.words)
        np.testing.assert_array_equal(one.projection, other.projection)
    np.testing.assert_array_equal(after.writers.weights, before.writers.weights)


def test_a_file_keeps_them_whatever_numbers_names_have_then(tmp_path: Path) -> None:
    statistics, learned = of_two()
    save_classifiers(learned.state(statistics), 4, tmp_path / "classes.npz")
    state, deletions = load_classifiers(tmp_path / "classes.npz")
    assert deletions == 4
    other_statistics = statistics_with(["a", "polls", "rain"], ["ann", "bo"])
    other = Classifiers.from_state(state, other_statistics)
    assert other.period == 6
    assert other.hashtags.labels.tolist() == [1, 2]
    assert other.hashtags.authors.tolist() == other.writers.labels.tolist() == [0, 1]
    for name in ("ann", "bo", None):
        was, now = (
            NO_AUTHOR if name is None else known.authors.number_of[name]
            for known in (statistics, other_statistics)
        )
        np.testing.assert_array_equal(
            other.hashtags.classify(["bay"], now, EAST).logs,
            learned.hashtags.classify(["bay"], was, EAST).logs[::-1],
        )
    np.testing.assert_array_equal(
        other.writers.classify(["bay"], vector=EAST).logs,
        learned.writers.classify(["bay"], vector=EAST).logs[::-1],
    )
    fewer = Classifiers.from_state(state, statistics_with(["polls"], ["bo"]))
    assert fewer.hashtags.labels.tolist() == fewer.hashtags.authors.tolist() == [0]
    assert fewer.writers.labels.tolist() == [0]
    assert likeliest(fewer.hashtags, "vote", 0) == likeliest(fewer.writers, "vote") == 0


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "classifiers.npz"
    file.write_bytes(b"nothing of use")
    with pytest.raises(InputError, match=r"classifiers\.npz holds no classifiers"):
        load_classifiers(file)
