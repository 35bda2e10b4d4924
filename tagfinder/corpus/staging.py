"""First pass over the posts: clean, count, and keep what splitting and selecting need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tagfinder.corpus import hashtags
from tagfinder.corpus.multilingual import UNDETERMINED, known_languages
from tagfinder.corpus.parquet import read_batches, write_batches
from tagfinder.corpus.recipe import Recipe
from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.schema import completed
from tagfinder.corpus.scripts import count_tokens
from tagfinder.progress import track

NO_HASHTAG = "no hashtag"
NO_TIME = "no time, needed by split.order=temporal"
NOTHING_LEFT = "nothing left after cleaning"
ALL_HASHTAGS = hashtags.HashtagRules(letters_only=False, stop_words=False)
TOO_FEW_TOKENS = "fewer tokens per hashtag than selection.min_tokens_per_hashtag"

COLUMNS = ("id", "created_at", "entity_name", "text", "clean", "deep_clean", "tags", "n_hashtags")


@dataclass
class Staged:
    """Cleaned posts in a file, and what is known of all of them.

    Attributes:
        file: the posts, with `tags`, their hashtags after the rules.
        rows: number of posts in the file.
        times: per batch (n,) int64 microseconds since 1970, 0 where unknown.
        duplicate_keys: per batch what the split needs to find near-duplicates.
        counts: hashtag -> number of posts of the raw corpus.
        spellings: original spelling -> number of uses.
        excluded: hashtag that the rules leave out -> number of posts of the raw corpus.
        languages: language (BCP 47, `und` where unknown) -> number of posts in the file.
    """

    file: Path
    rows: int = 0
    times: list[np.ndarray] = field(default_factory=list)
    duplicate_keys: list[Any] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    spellings: Counter[str] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)

    def batches(self) -> Iterator[tuple[slice, pl.DataFrame]]:
        """Yield the posts again, each batch with its rows' numbers."""
        first_row = 0
        for batch in read_batches(self.file):
            yield slice(first_row, first_row + batch.height), batch
            first_row += batch.height

    def counts_of(self, wanted: np.ndarray) -> Counter[str]:
        """Count the hashtags of the posts where the (N,) bool mask is true."""
        counts: Counter[str] = Counter()
        for rows, batch in self.batches():
            counts.update(occurrences(batch["tags"].filter(pl.Series(wanted[rows]))))
        return counts


def stage(recipe: Recipe, file: Path, rejects: Rejects) -> Staged:
    """Clean all posts of the recipe's source into `file`."""
    staged = Staged(file)
    batches = completed(recipe.source.batches(rejects), recipe.source.name)
    batches = track(batches, f"cleaning {recipe.source.name}")
    write_batches(file, (_stage_batch(recipe, batch, staged, rejects) for batch in batches))
    return staged


def occurrences(lists: pl.Series) -> dict[Any, int]:
    """Count the values of a list column."""
    return dict(lists.explode(empty_as_null=False).drop_nulls().value_counts().rows())


def _stage_batch(
    recipe: Recipe, batch: pl.DataFrame, staged: Staged, rejects: Rejects
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
    staged.duplicate_keys.append(recipe.split.keys(kept["text"]))
    row_numbers = pl.int_range(staged.rows, staged.rows + kept.height, eager=True)
    staged.rows += kept.height
    of_kept = kept["language"]
    staged.languages.update(dict(of_kept.fill_null(UNDETERMINED).value_counts().rows()))
    return kept.with_columns(
        id=pl.coalesce(kept["id"], row_numbers.cast(pl.String)),
        deep_clean=recipe.cleaning.deep_clean(
            kept["clean"], None if languages is None else of_kept
        ),
    ).select(COLUMNS)


def _tagged(recipe: Recipe, batch: pl.DataFrame, rejects: Rejects) -> pl.DataFrame:
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
