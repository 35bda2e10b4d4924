"""First pass over the posts: cut into partitions, clean, and keep what splitting needs.

A partition is a folder: `posts.parquet`, and per post its time and what near-duplicates are found
by, as arrays that can be mapped into memory. Nothing here looks at two partitions at once.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tagfinder.corpus import hashtags
from tagfinder.corpus.multilingual import UNDETERMINED, known_languages
from tagfinder.corpus.parquet import read_batches, write_batches
from tagfinder.corpus.recipe import Steps
from tagfinder.corpus.rejects import RecordedRejects, Rejects
from tagfinder.corpus.schema import completed
from tagfinder.corpus.scripts import count_tokens
from tagfinder.corpus.sources import Source
from tagfinder.errors import InputError
from tagfinder.files import write_json

NO_HASHTAG = "no hashtag"
NO_TIME = "no time, needed by split.order=temporal"
NOTHING_LEFT = "nothing left after cleaning"
ALL_HASHTAGS = hashtags.HashtagRules(letters_only=False, stop_words=False)
TOO_FEW_TOKENS = "fewer tokens per hashtag than selection.min_tokens_per_hashtag"

COLUMNS = ("id", "created_at", "entity_name", "text", "clean", "deep_clean", "tags", "n_hashtags")
REFUSED = "refused.json"
POSTS, TIMES, REJECTED, COUNTS = "posts.parquet", "times.npy", "rejected.parquet", "counts.parquet"
# Counters of a partition -> the key column of each.
COUNTERS = ("counts", "spellings", "excluded", "languages")


@dataclass
class Counts:
    """Counts over all posts.

    Attributes:
        counts: hashtag -> number of posts of the raw corpus.
        spellings: original spelling -> number of uses.
        excluded: hashtag that the rules leave out -> number of posts of the raw corpus.
        languages: language (BCP 47, `und` where unknown) -> number of posts that are kept.
    """

    counts: Counter[str] = field(default_factory=Counter)
    spellings: Counter[str] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)


@dataclass
class Partition(Counts):
    """Facts about a partition, collected while it is cleaned.

    Attributes:
        rows: number of posts that are kept.
        times: per batch (n,) int64 microseconds since 1970, 0 if unknown.
        keys: per batch what the split needs to find near-duplicates, as named arrays.
    """

    rows: int = 0
    times: list[np.ndarray] = field(default_factory=list)
    keys: list[dict[str, np.ndarray]] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """Write the arrays and the counts."""
        np.save(folder / TIMES, np.concatenate(self.times or [np.empty(0, np.int64)]))
        for name in self.keys[0] if self.keys else ():
            np.save(folder / f"{name}.npy", np.concatenate([keys[name] for keys in self.keys]))
        tables = [
            pl.DataFrame(
                {"what": what, "name": list(counter), "count": list(counter.values())},
                schema={"what": pl.String, "name": pl.String, "count": pl.Int64},
            )
            for what in COUNTERS
            if (counter := getattr(self, what))
        ]
        if tables:
            pl.concat(tables).write_parquet(folder / COUNTS)


class Staged(Counts):
    """The cleaned partitions, and counts over all of them.

    Args:
        folders: of the partitions, in the order of the corpus.
        rows: posts in each.
    """

    def __init__(self, folders: Sequence[Path], rows: Sequence[int]) -> None:
        super().__init__()
        self.folders = [folder for folder, n in zip(folders, rows, strict=True) if n]
        self.offsets = np.cumsum([0, *(n for n in rows if n)])
        for folder in folders:
            file = folder / COUNTS
            for what, name, count in pl.read_parquet(file).iter_rows() if file.is_file() else ():
                getattr(self, what)[name] += count
        # The most frequent first, and equal ones by name, however the posts were cut.
        for what in COUNTERS:
            by_count = sorted(getattr(self, what).items(), key=lambda item: (-item[1], item[0]))
            setattr(self, what, Counter(dict(by_count)))

    @property
    def rows(self) -> int:
        """Number of posts."""
        return int(self.offsets[-1])

    def times(self) -> np.ndarray:
        """Return (N,) int64 microseconds since 1970, 0 if unknown."""
        return np.concatenate([np.load(folder / TIMES) for folder in self.folders])

    def rows_of(self, folder: Path) -> slice:
        """Return the numbers of a partition's posts."""
        number = self.folders.index(folder)
        return slice(int(self.offsets[number]), int(self.offsets[number + 1]))

    def counts_of(self, wanted: np.ndarray) -> Counter[str]:
        """Count the hashtags of the posts where the (N,) bool mask is true."""
        counts: Counter[str] = Counter()
        for folder in self.folders:
            first = self.rows_of(folder).start
            for batch in read_batches(folder / POSTS, ["tags"]):
                mask = pl.Series(wanted[first : first + batch.height])
                counts.update(occurrences(batch["tags"].filter(mask)))
                first += batch.height
        return counts


def cut(source: Source, folder: Path, rows: int, with_rejects: bool, _name: str) -> dict[str, Any]:
    """Write the posts of a source as partitions of `rows` posts, the last one of the rest.

    Returns:
        `partitions`, their names in the order of the corpus, and what the source rejected.

    Raises:
        InputError: the source has no posts; what it rejected is in the file `REFUSED`.
    """
    rejects = RecordedRejects(with_rejects)
    batches = completed(source.batches(rejects), source.name)
    names: list[str] = []
    try:
        for number, pieces in groupby(_pieces(batches, rows), key=itemgetter(0)):
            names.append(f"{number:06}")
            write_batches(folder / f"{names[-1]}.parquet", map(itemgetter(1), pieces))
    except InputError:
        # Rejected rows may be the reason, and whoever asked for them gets them.
        write_json(folder / REFUSED, rejects.save(folder / REJECTED))
        raise
    return {"partitions": names, **rejects.save(folder / REJECTED)}


def _pieces(batches: Iterable[pl.DataFrame], rows: int) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield batches, cut where a partition of `rows` rows ends, with the partition's number."""
    first = 0
    for batch in batches:
        begin = 0
        while begin < batch.height:
            number, used = divmod(first + begin, rows)
            piece = batch.slice(begin, rows - used)
            yield number, piece
            begin += piece.height
        first += batch.height


def stage_partition(
    steps: Steps, raw: Path, folder: Path, with_rejects: bool, name: str
) -> dict[str, Any]:
    """Clean the posts of a partition.

    Args:
        steps: for the posts.
        raw: folder of the partitions as `cut` wrote them.
        folder: of cleaned partitions.
        with_rejects: keep rejected posts.
        name: of the partition.

    Returns:
        `rows`, the number of posts that are kept, and what was rejected.
    """
    target = folder / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    staged, rejects = Partition(), RecordedRejects(with_rejects)
    batches = read_batches(raw / f"{name}.parquet")
    write_batches(
        target / POSTS, (_stage_batch(steps, batch, staged, rejects) for batch in batches)
    )
    staged.save(target)
    return {"rows": staged.rows, **rejects.save(target / REJECTED)}


def occurrences(lists: pl.Series) -> dict[Any, int]:
    """Count the values of a list column."""
    return dict(lists.explode(empty_as_null=False).drop_nulls().value_counts().rows())


def _stage_batch(
    recipe: Steps, batch: pl.DataFrame, staged: Partition, rejects: Rejects
) -> pl.DataFrame:
    tagged = _tagged(recipe, batch, rejects)
    languages = recipe.cleaning.languages(tagged["text"], tagged["lang"])
    cleaned = tagged.with_columns(
        clean=recipe.cleaning.clean(tagged["text"], languages),
        language=known_languages(tagged["lang"]) if languages is None else languages,
    )
    if not recipe.selection.keep_empty:
        cleaned = _keep(cleaned, pl.col("clean") != "", NOTHING_LEFT, rejects)
    staged.counts.update(occurrences(cleaned["tags"]))
    staged.spellings.update(occurrences(cleaned["hashtags"]))
    staged.excluded.update(occurrences(_excluded(cleaned)))
    tokens = count_tokens(cleaned["clean"])
    enough = pl.lit(tokens) >= recipe.selection.min_tokens_per_hashtag * pl.col("n_hashtags")
    kept = _keep(cleaned, enough, TOO_FEW_TOKENS, rejects)
    staged.times.append(kept["created_at"].dt.epoch("us").fill_null(0).to_numpy())
    staged.keys.append(recipe.split.keys(kept["text"]))
    staged.rows += kept.height
    of_kept = kept["language"]
    staged.languages.update(dict(of_kept.fill_null(UNDETERMINED).value_counts().rows()))
    return kept.with_columns(
        deep_clean=recipe.cleaning.deep_clean(
            kept["clean"], None if languages is None else of_kept
        ),
    ).select(COLUMNS)


def _tagged(recipe: Steps, batch: pl.DataFrame, rejects: Rejects) -> pl.DataFrame:
    found = batch["hashtags"]
    if found.null_count():
        found = batch.select(pl.coalesce(found, hashtags.extract(batch["text"]))).to_series()
    batch = batch.with_columns(
        hashtags=found,
        tags=recipe.rules.normalise(found),
        n_hashtags=hashtags.count_distinct(found),
    )
    batch = _keep(batch, pl.col("n_hashtags") > 0, NO_HASHTAG, rejects)
    if recipe.split.order == "temporal":
        batch = _keep(batch, pl.col("created_at").is_not_null(), NO_TIME, rejects)
    return batch


def _excluded(posts: pl.DataFrame) -> pl.Series:
    every = ALL_HASHTAGS.normalise(posts["hashtags"])
    return every.list.set_difference(posts["tags"])


def _keep(batch: pl.DataFrame, wanted: pl.Expr, reason: str, rejects: Rejects) -> pl.DataFrame:
    mask = batch.select(wanted.fill_null(False)).to_series()
    if not mask.all():
        rejects.add(reason, batch.filter(~mask).select("id", "text"))
    return batch.filter(mask)
