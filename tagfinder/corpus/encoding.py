"""Second pass over the posts: hashtags become label indices, parts and groups are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tagfinder.corpus.parquet import read_batches, write_batches
from tagfinder.corpus.prepared import PARTS
from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.splitting import LEFT_OUT, TOO_NEW, TRAIN
from tagfinder.corpus.staging import occurrences

EARLIER_COPY = "near-duplicate of a post in a later part"
NEWER = "post from split.test_until on"
UNCOVERED_TRAIN = "training post without a hashtag of the label set"
UNCOVERED = "post without a hashtag of the label set (selection.keep_uncovered=false)"

COLUMNS = (
    *("id", "created_at", "entity_name", "text", "clean", "deep_clean"),
    *("labels", "n_hashtags", "split", "group"),
)


@dataclass
class Tally:
    """The result of writing.

    Attributes:
        rows: part -> number of posts.
        rows_with_labels: part -> number of posts with a hashtag of the label set.
        train_counts: label index -> number of training posts.
    """

    rows: Counter[str] = field(default_factory=Counter)
    rows_with_labels: Counter[str] = field(default_factory=Counter)
    train_counts: Counter[int] = field(default_factory=Counter)

    def facts(self) -> dict[str, Any]:
        """Return the counts as plain data."""
        train_counts = list(self.train_counts.items())
        return {**vars(self), "train_counts": train_counts}

    def take_over(self, facts: Mapping[str, Any]) -> None:
        """Add the counts of a partition, as `facts` returned them."""
        self.rows.update(facts["rows"])
        self.rows_with_labels.update(facts["rows_with_labels"])
        for label, count in facts["train_counts"]:
            self.train_counts[label] += count

    def add(self, batch: pl.DataFrame) -> None:
        """Count a batch of written posts."""
        covered = batch.filter(pl.col("labels").list.len() > 0)
        self.rows.update(dict(batch["split"].value_counts().rows()))
        self.rows_with_labels.update(dict(covered["split"].value_counts().rows()))
        train = batch.filter(pl.col("split") == "train")["labels"]
        self.train_counts.update(occurrences(train))


@dataclass(frozen=True)
class Encoder:
    """Turns staged posts into the posts of a prepared corpus.

    Attributes:
        hashtags: the label set.
        parts: (N,) int8 part of each staged post.
        groups: (N,) int64 near-duplicate group of each staged post.
        keep_uncovered: keep validation and test posts without a label.
    """

    hashtags: list[str]
    parts: np.ndarray
    groups: np.ndarray
    keep_uncovered: bool

    def write(self, staged: Path, first: int, target: Path, rejects: Rejects) -> Tally:
        """Encode a partition.

        Args:
            staged: posts of the partition.
            first: number of its first post.
            target: the file to write.
            rejects: takes the posts that are left out.
        """
        tally = Tally()
        write_batches(target, self._batches(staged, first, tally, rejects))
        return tally

    def _batches(
        self, staged: Path, first: int, tally: Tally, rejects: Rejects
    ) -> Iterator[pl.DataFrame]:
        for batch in read_batches(staged):
            rows = np.arange(first, first + batch.height)
            first += batch.height
            labelled = batch.with_columns(
                # Posts without an id get their number among the ones that are kept.
                id=pl.coalesce(batch["id"], pl.Series(rows).cast(pl.String)),
                labels=_label_indices(self.hashtags),
                part=pl.Series(self.parts[rows]),
                group=pl.Series(self.groups[rows]),
            )
            usable = self._usable(labelled, rejects)
            tally.add(usable)
            yield usable.select(COLUMNS)

    def _usable(self, batch: pl.DataFrame, rejects: Rejects) -> pl.DataFrame:
        uncovered = pl.col("labels").list.len() == 0
        unusable = {
            EARLIER_COPY: pl.col("part") == LEFT_OUT,
            NEWER: pl.col("part") == TOO_NEW,
            UNCOVERED_TRAIN: uncovered & (pl.col("part") == TRAIN),
            UNCOVERED: uncovered & (not self.keep_uncovered),
        }
        for reason, condition in unusable.items():
            dropped = batch.filter(condition)
            if dropped.height:
                rejects.add(reason, dropped.select("id", "text"))
                batch = batch.filter(~condition)
        name = pl.col("part").replace_strict(dict(enumerate(PARTS)), return_dtype=pl.String)
        return batch.with_columns(split=name)


def _label_indices(hashtags: list[str]) -> pl.Expr:
    index = pl.element().replace_strict(
        hashtags, list(range(len(hashtags))), default=None, return_dtype=pl.Int32
    )
    return pl.col("tags").list.eval(index).list.drop_nulls().list.sort()
