"""The two classifiers that are retrained on recent posts, and their file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tagfinder.corpus.hashtags import fold
from tagfinder.corpus.words import stop_words
from tagfinder.errors import InputError
from tagfinder.files import DAMAGED_ZIP, atomic_path
from tagfinder.live.classify.classifier import ARRAYS, Classifier, ClassifierSettings, Example
from tagfinder.live.counts.names import Names
from tagfinder.live.post import NO_AUTHOR, Post
from tagfinder.live.tokens import split_words

VectorsOf = Callable[[np.ndarray], np.ndarray]
BOTH = ("hashtags", "writers")


class Numbered(Protocol):
    """What has numbers for hashtags and authors."""

    @property
    def hashtags(self) -> Names:
        """Lower-case hashtag <-> number."""

    @property
    def authors(self) -> Names:
        """Author <-> number."""


@dataclass(frozen=True)
class Classifiers:
    """Two classifiers that are trained on the same posts.

    Attributes:
        hashtags: classifies by text, author and sentence vector.
        writers: classifies the authors of signed posts by text and sentence vector.
    """

    hashtags: Classifier
    writers: Classifier

    @property
    def period(self) -> int:
        """The period of `interval_days` that they were trained for."""
        return self.hashtags.period

    @classmethod
    def of_posts(
        cls,
        period: int,
        posts: Iterable[tuple[int, Post]],
        statistics: Numbered,
        settings: ClassifierSettings,
        *,
        before: Classifiers | None = None,
        vectors_of: VectorsOf | None = None,
    ) -> Classifiers:
        """Train on the posts that fall into the window of a period.

        Args:
            period: see `ClassifierSettings.period_of`.
            posts: with their numbers.
            statistics: has the numbers of their hashtags and authors.
            settings: how.
            before: earlier classifiers for a warm start, see `Classifier.learn`.
            vectors_of: maps (P,) numbers of posts to their (P, E) vectors of length one; None
                without an encoder.
        """
        first, end = settings.days_of(period)
        number_of, author_of = statistics.hashtags.number_of, statistics.authors.number_of
        numbers, examples = [], []
        for number, post in posts:
            if first <= post.day < end:
                numbers.append(number)
                examples.append(
                    Example(
                        split_words(post.text),
                        [number_of[fold(hashtag)] for hashtag in post.hashtags],
                        age=end - post.day,
                        author=author_of.get(post.author, NO_AUTHOR) if post.author else NO_AUTHOR,
                    )
                )
        signed = [row for row, example in enumerate(examples) if example.author != NO_AUTHOR]
        by_author = [
            Example(examples[row].words, [examples[row].author], examples[row].age)
            for row in signed
        ]
        vectors = None if vectors_of is None else vectors_of(np.array(numbers, dtype=np.int64))
        hashtags, writers = (None, None) if before is None else (before.hashtags, before.writers)
        of_signed = None if vectors is None else vectors[signed]
        return cls(
            Classifier.learn(period, examples, settings, hashtags, vectors),
            Classifier.learn(period, by_author, settings, writers, of_signed),
        )

    def with_words(self, words: Iterable[str], settings: ClassifierSettings) -> Classifiers:
        """Return both without what they learned of any other words."""
        spoken = {*words, *stop_words(), ""}
        return Classifiers(
            self.hashtags.with_words(spoken, settings), self.writers.with_words(spoken, settings)
        )

    def state(self, statistics: Numbered) -> dict[str, Any]:
        """Return both as plain data, hashtags and authors by their names.

        Args:
            statistics: has the names.
        """
        return {
            "hashtags": self.hashtags.state(statistics.hashtags, statistics.authors),
            "writers": self.writers.state(statistics.authors, statistics.authors),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], statistics: Numbered) -> Classifiers:
        """Build classifiers from what `state` returned.

        Args:
            state: the plain data.
            statistics: has the numbers of hashtags and authors; unknown ones are left out.
        """
        return cls(
            Classifier.from_state(state["hashtags"], statistics.hashtags, statistics.authors),
            Classifier.from_state(state["writers"], statistics.authors, statistics.authors),
        )


def save_classifiers(state: dict[str, Any], deletions: int, file: Path) -> None:
    """Write what `Classifiers.state` returned, complete or not at all.

    Args:
        state: the plain data.
        deletions: serial of the newest deletion before they were trained.
        file: where to.
    """
    arrays = {f"{one}.{name}": state[one][name] for one in BOTH for name in ARRAYS}
    facts = {one: {k: v for k, v in state[one].items() if k not in ARRAYS} for one in BOTH}
    text = np.frombuffer(json.dumps({**facts, "deletions": deletions}).encode(), dtype=np.uint8)
    with atomic_path(file) as path, path.open("wb") as stream:
        np.savez(stream, allow_pickle=False, text=text, **arrays)


def load_classifiers(file: Path) -> tuple[dict[str, Any], int]:
    """Read what `save_classifiers` wrote, the state and the newest deletion.

    Raises:
        InputError: the file is damaged.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            facts = json.loads(arrays["text"].tobytes())
            for one in BOTH:
                for name in ARRAYS:
                    facts[one][name] = arrays[f"{one}.{name}"]
            return facts, int(facts.pop("deletions"))
    except DAMAGED_ZIP as error:
        raise InputError(f"{file} holds no classifiers that can be read: {error}") from error
