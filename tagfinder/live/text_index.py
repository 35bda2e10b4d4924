"""Finding the posts whose words are most like a text's: the one interface to any engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Entry:
    """One post as a text index keeps it.

    Attributes:
        number: of the post; unique.
        words: what it is found by, without blanks in a word.
        author: number of its author; -1 where nobody is known.
    """

    number: int
    words: Sequence[str]
    author: int


@dataclass(frozen=True)
class Neighbours:
    """The posts most like a text, the most similar first.

    Attributes:
        numbers: (K,) int64 post numbers.
        scores: (K,) float32, descending; what they mean is the engine's affair.
    """

    numbers: np.ndarray
    scores: np.ndarray


class TextIndex(Protocol):
    """An engine that finds posts by their words. What `commit` returned from is durable."""

    def add(self, entries: Sequence[Entry]) -> None:
        """Add posts; they are found after the next `commit`."""

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete posts; unknown numbers are ignored. Takes effect at the next `commit`."""

    def commit(self) -> None:
        """Make what was added and deleted durable and visible, all of it or nothing."""

    def search(
        self, words: Sequence[str], k: int, author: int | None = None, since: int = 0
    ) -> Neighbours:
        """Return the `k` posts most like some words.

        Args:
            words: the words.
            k: posts that are wanted.
            author: whose posts are looked at; None looks at everybody's.
            since: lowest number that is looked at.
        """

    def last_number(self) -> int:
        """Return the highest number that was committed, -1 where there is none."""

    def close(self) -> None:
        """Let go of files and connections."""


OpenTextIndex = Callable[[Path], TextIndex]
"""Opens the index of a folder, wherever the engine keeps it; makes it where there is none."""
