"""The interface of all indexes that find posts by words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class Entry:
    """One post in a text index.

    Attributes:
        number: of the post; unique.
        words: by which it is found, without blanks in a word.
        author: number of its author; -1 if unknown.
    """

    number: int
    words: Sequence[str]
    author: int


@dataclass(frozen=True)
class Neighbours:
    """The posts most like a text, the most similar first.

    Attributes:
        numbers: (K,) int64 post numbers.
        scores: (K,) float32, descending; their scale depends on the engine.
    """

    numbers: np.ndarray
    scores: np.ndarray


class TextIndex(Protocol):
    """An engine that finds posts by words. When `commit` returns, changes are durable."""

    def add(self, entries: Sequence[Entry]) -> None:
        """Add posts; searches find them after the next `commit`."""

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete posts; unknown numbers are ignored. Takes effect at the next `commit`."""

    def commit(self) -> None:
        """Make all additions and deletions durable and visible, or none."""

    def search(
        self, words: Sequence[str], k: int, author: int | None = None, since: int = 0
    ) -> Neighbours:
        """Return the `k` posts that match some words best.

        Args:
            words: the words.
            k: how many posts.
            author: only posts of this author; None takes all.
            since: only posts from this number on.
        """

    def last_number(self) -> int:
        """Return the highest committed number, -1 if there is none."""

    def newest(self) -> Any:
        """Return what any process has committed until now, to be shown by `show`."""

    def show(self, view: Any) -> None:
        """Let searches find what `newest` returned."""

    def purge(self, entries_of: Callable[[Sequence[int]], Iterable[Entry]]) -> list[str]:
        """Take the words of deleted posts off the disk, also what `delete` leaves for later.

        Searches may run meanwhile; additions and deletions may not.

        Args:
            entries_of: returns the posts of some numbers again, without deleted ones.

        Returns:
            The distinct words of the posts that are left.
        """

    def close(self) -> None:
        """Close files and connections."""


OpenTextIndex = Callable[[Path], TextIndex]
"""Opens the index of a folder, wherever the engine keeps it, or creates it."""
