"""What the live recommender reads of a text: its words, and the hashtags that they spell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from tagfinder.corpus.words import stop_words

# A mention keeps its sign: whom a post speaks to says more than the word does.
WORD = re.compile(r"@?\w+(?:['’]\w+)?")
APOSTROPHES = str.maketrans("", "", "'’")
LONGEST_NAME = 5


@dataclass(frozen=True)
class Reading:
    """What is read of a text.

    Attributes:
        words: lower-case words, numbers and mentions, in order.
        terms: those of them by which posts are found, each once.
        spelled: names that up to five neighbouring words spell -> number of words.
    """

    words: Sequence[str]
    terms: Sequence[str]
    spelled: dict[str, int]


def read(text: str) -> Reading:
    """Read a text that was cleaned and has no hashtags."""
    found = words(text)
    return Reading(found, telling(found), spelled_names(found))


def words(text: str) -> list[str]:
    """Return the lower-case words, numbers and mentions of a text, in order.

    Example:
        >>> words("Don't miss @NASA's COVID-19 webinar")
        ['dont', 'miss', '@nasas', 'covid', '19', 'webinar']
    """
    return [word.translate(APOSTROPHES) for word in WORD.findall(text.lower())]


def telling(found: Sequence[str]) -> list[str]:
    """Return the words that are not stop words, each once, in order of appearance."""
    stop = _stop_words()
    return [word for word in dict.fromkeys(found) if word not in stop]


def spelled_names(found: Sequence[str]) -> dict[str, int]:
    """Return each name that up to five neighbouring words spell, with its number of words.

    Example:
        >>> spelled_names(["build", "back", "@better"])["buildbackbetter"]
        3
    """
    plain = [word.lstrip("@") for word in found]
    names: dict[str, int] = {}
    for start in range(len(plain)):
        name = ""
        for end in range(start, min(start + LONGEST_NAME, len(plain))):
            name += plain[end]
            names.setdefault(name, end - start + 1)
    return names


@cache
def _stop_words() -> frozenset[str]:
    return frozenset(stop_words())
