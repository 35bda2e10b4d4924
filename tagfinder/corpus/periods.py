"""Periods of a prepared corpus: the posts known when each began, and its own posts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import polars as pl

from tagfinder.corpus.prepared import PARTS, POSTS, LabelSet, PreparedCorpus
from tagfinder.corpus.selection import Selection
from tagfinder.errors import InputError
from tagfinder.files import write_json

Rhythm = Literal["never", "monthly", "weekly"]
# Polars' names of calendar months and of weeks from Monday.
_WINDOWS = {"monthly": "1mo", "weekly": "1w"}


@dataclass(frozen=True)
class Period:
    """A stretch of the test part.

    Attributes:
        begin: time of its first post or start of its month or week, whichever is later.
        end: where the next one begins; it holds posts before that only.
    """

    begin: datetime
    end: datetime

    @property
    def name(self) -> str:
        """Date of its begin."""
        return f"{self.begin:%Y-%m-%d}"


def periods_of(times: pl.Series, rhythm: Rhythm) -> list[Period]:
    """Divide posts by calendar month or week (UTC), those without a post left out.

    Args:
        times: Datetime of the posts, at least one.
        rhythm: `never` makes one period of all.
    """
    frame = pl.DataFrame({"time": times})
    window = pl.lit(0) if rhythm == "never" else pl.col("time").dt.truncate(_WINDOWS[rhythm])
    found = (
        frame.group_by(window.alias("window"))
        .agg(first=pl.col("time").min(), last=pl.col("time").max())
        .sort("first")
    )
    begins = found["first"].to_list()
    if rhythm != "never":
        begins[1:] = found["window"].to_list()[1:]
    after = found["last"].to_list()[-1] + timedelta(microseconds=1)
    return [Period(begin, end) for begin, end in zip(begins, [*begins[1:], after], strict=True)]


@dataclass(frozen=True)
class Cutting:
    """How a corpus is cut for a period.

    Attributes:
        corpus: its label set holds every hashtag.
        delay: age that a post must have at the start of a period to be known in it.
        selection: chooses the label set by its counts among the known posts.
    """

    corpus: PreparedCorpus
    delay: timedelta
    selection: Selection

    def cut(self, folder: Path, period: Period) -> PreparedCorpus:
        """Write a corpus that trains on all earlier posts and tests on a period.

        There is no validation part. Training posts without a hashtag of the label set are left out.

        Args:
            folder: an empty folder for the corpus.
            period: of the corpus's test part.

        Raises:
            InputError: there are no posts to learn from when the period begins.
        """
        posts = self.corpus.posts
        time = pl.col("created_at")
        known = posts.filter(time < period.begin - self.delay)
        numbers = _counts(known)
        names = self.corpus.label_set
        counts = Counter({names.hashtags[number]: count for number, count in numbers.items()})
        chosen = self.selection.choose(counts)
        if not chosen:
            raise InputError(
                f"corpus {self.corpus.name}: no hashtag is known when the period from "
                f"{period.name} begins; begin the test part later (split.test_from)"
            )
        number_of = {name: number for number, name in enumerate(names.hashtags)}
        old = [number_of[name] for name in chosen]
        train = known.with_columns(_renumbered(old), split=pl.lit("train"))
        in_period = time.is_between(period.begin, period.end, closed="left")
        test = posts.filter(in_period & (pl.col("split") == "test")).with_columns(_renumbered(old))
        written = pl.concat([train.filter(pl.col("labels").list.len() > 0), test]).collect()
        written.write_parquet(folder / POSTS)
        table = _hashtag_table(names, old, [numbers[number] for number in old])
        table.write_parquet(folder / "hashtags.parquet")
        write_json(
            folder / "manifest.json",
            {
                "name": self.corpus.name,
                "digest": f"{self.corpus.digest} {period.name}",
                "rows": {part: written.filter(split=pl.lit(part)).height for part in PARTS},
            },
        )
        return PreparedCorpus(folder)


def _counts(posts: pl.LazyFrame) -> dict[int, int]:
    labels = posts.select(pl.col("labels").explode(empty_as_null=False)).collect()["labels"]
    return dict(labels.drop_nulls().value_counts().rows())


def _renumbered(old: list[int]) -> pl.Expr:
    new = pl.element().replace_strict(
        old, list(range(len(old))), default=None, return_dtype=pl.Int32
    )
    return pl.col("labels").list.eval(new).list.drop_nulls().list.sort()


def _hashtag_table(names: LabelSet, old: list[int], counts: list[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "index": pl.Series(range(len(old)), dtype=pl.Int32),
            "hashtag": [names.hashtags[number] for number in old],
            "spelling": [names.spellings[number] for number in old],
            # Counts over the whole corpus would leak the future.
            "count": counts,
            "train_count": counts,
        }
    )
