"""The posts of a corpus in order of time, and their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import polars as pl

from tagfinder.corpus.hashtags import fold
from tagfinder.corpus.prepared import PARTS, LabelSet, Part, PreparedCorpus
from tagfinder.errors import InputError
from tagfinder.live.post import Post

if TYPE_CHECKING:
    from tagfinder.data.encoder import Encoder
    from tagfinder.data.vector_store import StoredVectors

COLUMNS = ("id", "created_at", "entity_name", "clean", "labels")
MICROSECONDS_A_DAY = 86_400e6


class RowNumbers:
    """Stub features: only row numbers; everything else comes from the timeline.

    Attributes:
        lengths: (N,) ones, because no post costs more than another.
    """

    def __init__(self, n: int) -> None:
        self.lengths = np.ones(n, dtype=np.int64)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows themselves."""
        return rows


class Timeline:
    """All posts of a corpus in order of time.

    Args:
        corpus: its posts must have times and its label set every hashtag.
        column: the text column.

    Attributes:
        posts: N posts.
        positions: part -> (P,) int64 positions in `posts` of the part's posts.

    Raises:
        InputError: a post has no time.
    """

    def __init__(self, corpus: PreparedCorpus, column: str) -> None:
        frame = pl.concat(
            corpus.part(part, [*COLUMNS[:3], column, "labels"]).with_columns(part=pl.lit(part))
            for part in PARTS
        ).with_row_index("row")
        if frame["created_at"].null_count():
            raise InputError(
                f"corpus {corpus.name}: a post has no time, which model=live needs; "
                "set data.columns.created_at"
            )
        ordered = frame.sort("created_at", "row")
        hashtags = np.array(_spelled(corpus.label_set), dtype=object)
        days = ordered["created_at"].dt.timestamp("us") / MICROSECONDS_A_DAY
        columns = (
            _distinct_ids(ordered),
            days,
            ordered["entity_name"],
            ordered[column],
            ordered["labels"],
        )
        self.posts = [
            Post(identity, day, author, text, tuple(hashtags[labels]))
            for identity, day, author, text, labels in zip(*columns, strict=True)
        ]
        self.texts: pl.Series = ordered[column]
        place = np.empty(len(frame), dtype=np.int64)
        place[ordered["row"].to_numpy()] = np.arange(len(frame))
        part_of = frame["part"].to_numpy()
        self.positions: dict[Part, np.ndarray] = {part: place[part_of == part] for part in PARTS}


def _spelled(label_set: LabelSet) -> list[str]:
    """Return the most used spelling of each label that `fold` maps to it, so that people see it."""
    pairs = zip(label_set.spellings, label_set.hashtags, strict=True)
    return [spelling if fold(spelling) == label else label for spelling, label in pairs]


def _distinct_ids(posts: pl.DataFrame) -> pl.Series:
    """Return ids; a post with none, or with an earlier post's, gets one from its position."""
    usable = pl.col("id").is_first_distinct() & pl.col("id").is_not_null()
    place = pl.format("row-{}", pl.int_range(pl.len()))
    return posts.select(pl.when(usable).then("id").otherwise(place))["id"]


class LiveFeatures:
    """Posts in order of time, and the vectors of an encoder.

    Args:
        column: text column of the corpus.
        encoder: maps texts to vectors; None does without.

    Attributes:
        timeline: of the corpus that `fit` read.
        vectors: (N, D) of its posts, on disk; None without an encoder.
    """

    option: ClassVar[str] = "live"

    def __init__(self, column: str = "clean", encoder: Encoder | None = None) -> None:
        self.column = column
        self.frozen = None
        if encoder is not None:
            # Imported here: PyTorch takes seconds, and without an encoder nothing needs it.
            from tagfinder.data.frozen_encoder import FrozenEncoder

            self.frozen = FrozenEncoder(encoder, column)
        self.timeline: Timeline | None = None
        self.vectors: np.ndarray | StoredVectors | None = None

    def fit(self, corpus: PreparedCorpus) -> None:
        """Read the corpus; nothing is learned."""
        self.timeline = Timeline(corpus, self.column)
        if self.frozen is not None:
            self.frozen.fit(corpus)
            self.vectors = self.frozen.encode_once(self.timeline.texts).vectors

    def encode(self, texts: pl.Series) -> RowNumbers:
        """Return the row numbers of texts."""
        return RowNumbers(len(texts))

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool, all true: trends and the author help even without a known word."""
        return np.ones(len(texts), dtype=bool)

    def vectors_of(self, texts: Sequence[str]) -> np.ndarray:
        """Return (N, D) float32 vectors of texts.

        Raises:
            InputError: there is no encoder.
        """
        if self.frozen is None:
            raise InputError("this recommender has no encoder (features.encoder)")
        encoded = self.frozen.encode(pl.Series(texts, dtype=pl.String))
        return encoded.take(np.arange(len(texts))).numpy()

    @property
    def dimension(self) -> int:
        """Numbers in a vector; 0 without an encoder."""
        return 0 if self.frozen is None else self.frozen.dimension

    def save(self, folder: Path) -> None:
        """Copy the encoder, if there is one."""
        if self.frozen is not None:
            self.frozen.save(folder)

    def load(self, folder: Path) -> None:
        """Load the encoder from a folder that `save` wrote."""
        if self.frozen is not None:
            self.frozen.load(folder)
