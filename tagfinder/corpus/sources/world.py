"""The model of synthetic posts: hashtags, their topics and words, and their drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from tagfinder.corpus.sources.dice import Table
from tagfinder.files import read_json

STATISTICS = Path(__file__).with_name("synthetic_world.json")
WORDS = Path(__file__).with_name("synthetic_words.json")
DAYS = 28
UNCOUNTED = 300
"""Weight of hashtags that the report's counts do not have: below the ones that they have."""


@dataclass(frozen=True)
class Topic:
    """Shared properties of the hashtags of one field."""

    words: list[str]
    others: list[str]
    entities: list[str]


@dataclass(frozen=True)
class Bot:
    """Posts by programs with a hashtag: their share, and their templates."""

    share: float
    forms: list[str]


class World:
    """Tables of hashtags and words by day.

    Args:
        drift: from 0 (every day is like the others) to 1 (hashtags rise, fall and are born; a
            third of a hashtag's words is no longer used and another third is new).
    """

    def __init__(self, drift: float) -> None:
        statistics, words = read_json(STATISTICS), read_json(WORDS)
        self.drift = drift
        self.hashtags: list[str] = statistics["hashtags"]
        self.bots = {tag: Bot(*entry) for tag, entry in words["bots"].items()}
        self.slots: dict[str, list[str]] = words["slots"]
        self.slots |= {"N": words["nouns"].split(), "A": words["adjectives"].split()}
        self.phrases: list[str] = words["phrases"]
        self.asides: list[str] = words["asides"]
        self.leads: list[str] = words["leads"]
        self.openers: list[str] = words["openers"]
        self.foreign: dict[str, list[str]] = words["foreign"]
        self.emoji: list[str] = words["emoji"].split()
        self.topics = {name: _topic(entry) for name, entry in words["topics"].items()}
        self.topic_of = {tag: entry["topic"] for tag, entry in words["hashtags"].items()}
        self.spelling = {tag: entry["spelling"] for tag, entry in words["hashtags"].items()}
        self._words = {tag: entry["words"].split() for tag, entry in words["hashtags"].items()}
        self._trends: Mapping[str, list[float]] = words["trends"]
        self._counts: Mapping[str, int] = statistics["others"]
        self._sets = [
            ([self.hashtags[label] for label in labels], weight)
            for labels, weight in statistics["label_sets"]
        ]
        self.label_sets = cache(self._label_sets)
        self.other_hashtags = cache(self._other_hashtags)
        self.words = cache(self._words_of)

    def _label_sets(self, day: int) -> Table[list[str]]:
        """Return which hashtags are used together on a day."""
        return Table((tags, weight * self._trend(tags, day)) for tags, weight in self._sets)

    def _other_hashtags(self, topic: str, day: int) -> Table[str]:
        """Return the less frequent hashtags of a topic on a day."""
        return Table(
            (tag, self._counts.get(tag, UNCOUNTED) * self._trend([tag], day))
            for tag in self.topics[topic].others
        )

    def _words_of(self, hashtag: str, day: int) -> Table[str]:
        """Return the words that go with a hashtag on a day: steady, going and coming ones."""
        time = day / (DAYS - 1)
        weights = (1.0, 1 + self.drift * (1 - 3 * time), 1 + self.drift * (3 * time - 2))
        words = self._words[hashtag]
        return Table((word, weights[place % 3]) for place, word in enumerate(words))

    def _trend(self, hashtags: list[str], day: int) -> float:
        """Return how much more frequent than on average the hashtags are on a day."""
        factor = 1.0
        for hashtag in hashtags:
            knots = self._trends.get(hashtag)
            if knots:
                average = sum(map(sum, pairwise(knots))) / 2 / (len(knots) - 1)
                factor *= _between(knots, day / (DAYS - 1)) / average
        return 1 + self.drift * (factor - 1)


def _topic(entry: Mapping[str, Any]) -> Topic:
    return Topic(entry["words"].split(), entry["others"].split(), entry["entities"])


def _between(knots: list[float], time: float) -> float:
    """Return the height at `time` (0 to 1) of the line through evenly spaced knots."""
    place = time * (len(knots) - 1)
    left = min(int(place), len(knots) - 2)
    share = place - left
    return knots[left] * (1 - share) + knots[left + 1] * share
