"""Where raw posts come from: files, public corpora, or a generator."""

from __future__ import annotations

from collections.abc import Iterator
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
