"""Suggested hashtags, and texts as a series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tagfinder.errors import InputError

NOTHING_KNOWN = "nothing in this text is known to the model"


@dataclass(frozen=True)
class Suggestion:
    """A hashtag for a text.

    Attributes:
        hashtag: without `#`, in the spelling that people use most.
        score: of the model, in [0, 1], as in a run's `predictions.parquet`.
        probability: how likely it is that the post's author would use it.
    """

    hashtag: str
    score: float
    probability: float


@dataclass(frozen=True)
class Suggestions:
    """The hashtags for one text.

    Attributes:
        text: as it was given.
        model_input: what cleaning left of it for the model to read.
        hashtags: the suggestions, best first.
        note: why there are none, if the text is the reason.
    """

    text: str
    model_input: str
    hashtags: list[Suggestion] = field(default_factory=list)
    note: str | None = None

    def as_dict(self, *, model_input: bool = False) -> dict[str, Any]:
        """Return what `tagfinder recommend --json` and the REST API give."""
        read = {"model_input": self.model_input} if model_input else {}
        note = {"note": self.note} if self.note else {}
        hashtags = [
            {
                "hashtag": one.hashtag,
                "score": round(one.score, 6),
                "probability": round(one.probability, 6),
            }
            for one in self.hashtags
        ]
        return {"text": self.text, **read, "hashtags": hashtags, **note}


def as_series(texts: str | Sequence[str] | pl.Series) -> pl.Series:
    """Return texts as a String series; characters that no file can hold are replaced.

    Raises:
        InputError: something is not a text.
    """
    if isinstance(texts, pl.Series) and texts.dtype == pl.String:
        return texts.fill_null("")
    several = [texts] if isinstance(texts, str) else list(texts)
    for text in several:
        if not isinstance(text, str):
            raise InputError(f"{text!r} is not a text; give a string or a list of strings")
    readable = [text.encode("utf-8", "replace").decode("utf-8") for text in several]
    return pl.Series(readable, dtype=pl.String)
