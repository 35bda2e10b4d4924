"""What the live recommender reads of a text: its words, and the hashtags that they spell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
    """

    words: Sequence[str]
    terms: Sequence[str]


def read(text: str) -> Reading:
    """Read a text that was cleaned and has no hashtags."""
    found = words(text)
    return Reading(found, telling(found))


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


def spelled(found: Sequence[str], number_of: Mapping[str, int]) -> dict[int, int]:
    """Return the hashtags that up to five neighbouring words spell -> number of words.

    Args:
        found: words in order.
        number_of: hashtag -> its number.

    Example:
        >>> spelled(["build", "back", "@better"], {"buildbackbetter": 7, "backto": 8})
        {7: 3}
    """
    plain = [word.lstrip("@") for word in found]
    hashtags: dict[int, int] = {}
    for start in range(len(plain)):
        name = ""
        for n_words, word in enumerate(plain[start : start + LONGEST_NAME], 1):
            name += word
            if name in number_of:
                hashtags.setdefault(number_of[name], n_words)
    return hashtags


@cache
def _stop_words() -> frozenset[str]:
    return frozenset(stop_words())
