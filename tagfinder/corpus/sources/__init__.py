"""Where raw posts come from: files, public corpora, or a generator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import polars as pl

    from tagfinder.corpus.rejects import Rejects


class Source(Protocol):
    """What every source of raw posts offers.

    Attributes:
        name: shown in tables and part of folder names.
    """

    name: str

    def fingerprint(self) -> dict[str, Any]:
        """Return the inputs of the source, JSON-able: files with checksums, or parameters."""
        ...

    def batches(self, rejects: Rejects) -> Iterator[pl.DataFrame]:
        """Yield the posts as frames of the raw schema, at most about 50,000 rows each.

        Rows that cannot be used are added to `rejects`. Memory does not grow with the source.
        """
        ...


@dataclass(frozen=True)
class FirstPosts:
    """The first posts of another source.

    Attributes:
        source: of the posts.
        n: most posts that are read.
    """

    source: Source
    n: int

    @property
    def name(self) -> str:
        """Name of the other source."""
        return self.source.name

    def fingerprint(self) -> dict[str, Any]:
        """Return the inputs of the other source, and how many posts are read."""
        return {**self.source.fingerprint(), "first_posts": self.n}

    def batches(self, rejects: Rejects) -> Iterator[pl.DataFrame]:
        """Yield frames until there are enough posts; the other source then reads no more."""
        left = self.n
        for batch in self.source.batches(rejects):
            yield batch.head(left)
            left -= batch.height
            if left <= 0:
                return
