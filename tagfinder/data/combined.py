"""Features of several recommenders at once, each seeing a text as in its own training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl

from tagfinder.corpus.cleaning import Cleaning
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.data.feature_cache import encode_once
from tagfinder.data.features import EncodedTexts, Features


class CombinedTexts:
    """Texts as each member encodes them.

    Attributes:
        lengths: (N,) int64 the members' lengths, summed.
    """

    def __init__(self, members: Sequence[EncodedTexts]) -> None:
        self.members = members
        self.lengths: np.ndarray = np.sum([member.lengths for member in members], axis=0)

    def take(self, rows: np.ndarray) -> list[Any]:
        """Return the inputs of each member for the texts at `rows`."""
        return [member.take(rows) for member in self.members]


class CombinedFeatures:
    """Reads published texts and gives each member the column that it was trained on.

    Args:
        cleaning: the cleaning that all members were trained with.
        members: the members' features.
    """

    option: ClassVar[str] = "combined"
    column = "text"

    def __init__(self, cleaning: Cleaning, members: Sequence[Features]) -> None:
        self.cleaning = cleaning
        self.members = members

    def fit(self, corpus: PreparedCorpus) -> None:
        """Do nothing: the members learned before."""

    def encode(self, texts: pl.Series) -> CombinedTexts:
        """Encode texts as they were published."""
        return self._encoded(texts, lambda member, column: member.encode(column))

    def encode_once(self, texts: pl.Series) -> CombinedTexts:
        """Encode texts, or open what members encoded before."""
        return self._encoded(texts, encode_once)

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text says something to any member."""
        read = zip(self.members, self.columns(texts), strict=True)
        known: np.ndarray = np.any([member.knows(column) for member, column in read], axis=0)
        return known

    def columns(self, texts: pl.Series) -> list[pl.Series]:
        """Return for each member its cleaned published texts."""
        languages = self.cleaning.languages(texts)
        cleaned = self.cleaning.clean(texts, languages)
        wanted = {member.column for member in self.members}
        read = {"text": texts, "clean": cleaned}
        if "deep_clean" in wanted:
            read["deep_clean"] = self.cleaning.deep_clean(cleaned, languages)
        return [read[member.column] for member in self.members]

    def save(self, folder: Path) -> None:
        """Write what each member learned into a folder of its own."""
        for place, member in _folders(folder, self.members):
            place.mkdir(parents=True, exist_ok=True)
            member.save(place)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        for place, member in _folders(folder, self.members):
            member.load(place)

    def _encoded(
        self, texts: pl.Series, encode: Callable[[Features, pl.Series], EncodedTexts]
    ) -> CombinedTexts:
        return CombinedTexts(list(map(encode, self.members, self.columns(texts))))


def _folders(folder: Path, members: Sequence[Features]) -> Iterable[tuple[Path, Features]]:
    return ((folder / str(number), member) for number, member in enumerate(members))
