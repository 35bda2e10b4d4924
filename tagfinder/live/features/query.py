"""A query: a post that needs hashtags, and the posts that were found for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tagfinder.live.classify.classifier import NO_OUTPUT, ClassifierOutput
from tagfinder.live.search.text_index import Neighbours

NO_NEIGHBOURS = Neighbours(np.empty(0, np.int64), np.empty(0, np.float32))


@dataclass(frozen=True)
class Query:
    """A query: a post that needs hashtags, and what was found for it.

    Attributes:
        day: time of the query, in days since 1970.
        author: number of its author, or `NO_AUTHOR`.
        words: its words in order.
        terms: the distinct words by which posts are found.
        spelled: numbers of hashtags that its words spell -> number of words.
        typed: numbers of hashtags that it has already.
        by_words: posts with the same words.
        by_author: posts of the same author with the same words.
        by_meaning: posts with near vectors; scores are cosines.
        recent_by_words: posts of the last days with the same words.
        recent_by_meaning: posts of the last days with near vectors.
        vector: (E,) of the text; None without an encoder.
        classified: probabilities of hashtags.
        writers: probabilities of authors; empty if the author is known.
    """

    day: float
    author: int
    words: Sequence[str]
    terms: Sequence[str]
    spelled: dict[int, int]
    typed: tuple[int, ...] = ()
    by_words: Neighbours = NO_NEIGHBOURS
    by_author: Neighbours = NO_NEIGHBOURS
    by_meaning: Neighbours = NO_NEIGHBOURS
    recent_by_words: Neighbours = NO_NEIGHBOURS
    recent_by_meaning: Neighbours = NO_NEIGHBOURS
    vector: np.ndarray | None = None
    classified: ClassifierOutput = NO_OUTPUT
    writers: ClassifierOutput = NO_OUTPUT
