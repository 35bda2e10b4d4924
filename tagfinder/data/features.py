"""How texts become inputs: each recommender names the features that it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import polars as pl

from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.errors import InputError


class EncodedTexts(Protocol):
    """Texts of one part, encoded once.

    Attributes:
        lengths: (N,) how long each text is, so that texts of like length share a batch.
    """

    lengths: np.ndarray

    def take(self, rows: np.ndarray) -> Any:
        """Return the inputs of one batch: the texts at `rows`, (B,) int64."""


class Features(Protocol):
    """How texts become inputs.

    Attributes:
        option: the option of the config group `features` that builds it, for messages.
        column: the column of the corpus that is read: `text`, `clean` or `deep_clean`.
    """

    option: ClassVar[str]
    column: str

    def fit(self, corpus: PreparedCorpus) -> None:
        """Learn from the training part, such as a vocabulary."""

    def encode(self, texts: pl.Series) -> EncodedTexts:
        """Encode texts of `column`."""

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text of `column` holds anything that says something."""

    def save(self, folder: Path) -> None:
        """Write the fitted state as plain files into a folder."""

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""


class EncodedPlainTexts:
    """Texts as they are.

    Attributes:
        lengths: (N,) characters.
    """

    def __init__(self, texts: pl.Series) -> None:
        self.texts = texts
        self.lengths = texts.str.len_chars().to_numpy()

    def take(self, rows: np.ndarray) -> list[str]:
        """Return the texts at `rows`."""
        chosen: list[str] = self.texts.gather(rows).to_list()
        return chosen


class PlainTexts:
    """The text itself, for recommenders that tokenise on their own (TF-IDF, fastText).

    Args:
        column: the column of the corpus that is read.
    """

    option: ClassVar[str] = "plain"

    def __init__(self, column: str = "deep_clean") -> None:
        self.column = column

    def fit(self, corpus: PreparedCorpus) -> None:
        """Do nothing: there is nothing to learn."""

    def encode(self, texts: pl.Series) -> EncodedPlainTexts:
        """Keep the texts as they are."""
        return EncodedPlainTexts(texts)

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text holds a word; which words are known, the model says."""
        return texts.str.contains(r"\w").to_numpy()

    def save(self, folder: Path) -> None:
        """Do nothing: there is nothing to save."""

    def load(self, folder: Path) -> None:
        """Do nothing: there is nothing to load."""


Needed = TypeVar("Needed", bound=Features)


def require_features(features: Features, needed: type[Needed], model: str) -> Needed:
    """Return features as the class that a model reads.

    Args:
        features: as the configuration built them.
        needed: the class that the model reads.
        model: name of the model in the message.

    Raises:
        InputError: they are of another kind.
    """
    if not isinstance(features, needed):
        raise InputError(
            f"{model} reads {needed.__name__}, not {type(features).__name__}; "
            f"choose features={needed.option}"
        )
    return features
