"""What is learned anew now and then from late posts: the hashtags in use, and who writes how."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch

from tagfinder.corpus.hashtags import fold
from tagfinder.errors import InputError
from tagfinder.files import atomic_path
from tagfinder.live.classifier import ARRAYS, Classifier, ClassifierSettings, Example
from tagfinder.live.memory import NOBODY, Memory, Post
from tagfinder.live.words import words

VectorsOf = Callable[[np.ndarray], np.ndarray]
BOTH = ("hashtags", "writers")


@dataclass(frozen=True)
class Classifiers:
    """Two classifiers that learn from the same posts.

    Attributes:
        hashtags: of the hashtags in use, by text, author and sentence vector.
        writers: of the authors of signed posts, by text and sentence vector.
    """

    hashtags: Classifier
    writers: Classifier

    @property
    def period(self) -> int:
        """Which of the periods of `every_days` they were learned for."""
        return self.hashtags.period

    @classmethod
    def of_posts(
        cls,
        period: int,
        posts: Iterable[tuple[int, Post]],
        memory: Memory,
        settings: ClassifierSettings,
        *,
        before: Classifiers | None = None,
        vectors_of: VectorsOf | None = None,
    ) -> Classifiers:
        """Learn from those of some posts that a period's classifiers learn from.

        Args:
            period: see `ClassifierSettings.period_of`.
            posts: with their numbers.
            memory: knows the numbers of their hashtags and authors.
            settings: how.
            before: earlier ones to go on from, see `Classifier.learn`.
            vectors_of: maps (P,) numbers of posts to their (P, E) vectors of length one; None where
                there is no encoder.
        """
        first, end = settings.days_of(period)
        number_of, author_of = memory.hashtags.number_of, memory.authors.number_of
        numbers, examples = [], []
        for number, post in posts:
            if first <= post.day < end:
                numbers.append(number)
                examples.append(
                    Example(
                        words(post.text),
                        [number_of[fold(hashtag)] for hashtag in post.hashtags],
                        age=end - post.day,
                        author=author_of.get(post.author, NOBODY) if post.author else NOBODY,
                    )
                )
        signed = [row for row, example in enumerate(examples) if example.author != NOBODY]
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

    def state(self, memory: Memory) -> dict[str, Any]:
        """Return both as plain data, hashtags and authors by their names.

        Args:
            memory: knows the names.
        """
        return {
            "hashtags": self.hashtags.state(memory.hashtags, memory.authors),
            "writers": self.writers.state(memory.authors, memory.authors),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], memory: Memory) -> Classifiers:
        """Build classifiers from what `state` returned.

        Args:
            state: the plain data.
            memory: knows the numbers of hashtags and authors; those it does not know are left out.
        """
        return cls(
            Classifier.from_state(state["hashtags"], memory.hashtags, memory.authors),
            Classifier.from_state(state["writers"], memory.authors, memory.authors),
        )


def save_classifiers(state: dict[str, Any], deletions: int, file: Path) -> None:
    """Write what `Classifiers.state` returned, whole or not at all.

    Args:
        state: the plain data.
        deletions: newest deletion before they were learned.
        file: where to.
    """
    arrays = {f"{one}.{name}": state[one][name].numpy() for one in BOTH for name in ARRAYS}
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
                    facts[one][name] = torch.from_numpy(arrays[f"{one}.{name}"])
            return facts, int(facts.pop("deletions"))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise InputError(f"{file} holds no classifiers that can be read: {error}") from error
