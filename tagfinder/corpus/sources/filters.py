"""Posts that a source can be asked to leave out, each counted under its reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.sources.columns import REPOST

RETWEET = "retweet"
DUPLICATE_ID = "id seen before"


@dataclass(frozen=True)
class Filters:
    """What to leave out.

    Attributes:
        languages: codes of the languages to keep, null for all; a post without one is kept.
        drop_retweets: leave out posts that repeat another, as their file says or `RT @` does.
        drop_duplicate_ids: of posts with the same id keep the first (8 bytes of memory a post).
    """

    languages: Sequence[str] | None = None
    drop_retweets: bool = True
    drop_duplicate_ids: bool = True

    def fingerprint(self) -> dict[str, Any]:
        """Return the choices, JSON-able."""
        languages = None if self.languages is None else sorted(self.languages)
        return {
            "languages": languages,
            "drop_retweets": self.drop_retweets,
            "drop_duplicate_ids": self.drop_duplicate_ids,
        }

    def apply(self, batches: Iterable[pl.DataFrame], rejects: Rejects) -> Iterator[pl.DataFrame]:
        """Yield the batches (raw schema, some with `repost`) without what is to be left out."""
        seen = SeenHashes()
        for batch in batches:
            kept = batch
            if self.languages is not None:
                kept = _drop(kept, self._is_foreign(kept), self._foreign(), rejects)
            if self.drop_retweets:
                kept = _drop(kept, _is_repost(kept), RETWEET, rejects)
            if self.drop_duplicate_ids:
                kept = _drop(kept, seen.repeated(kept["id"]), DUPLICATE_ID, rejects)
            yield kept.drop(REPOST, strict=False)

    def _is_foreign(self, posts: pl.DataFrame) -> pl.Series:
        codes = posts["lang"].str.to_lowercase().str.extract(r"^([a-z]+)")
        return ~codes.is_in([language.lower() for language in self.languages or ()])

    def _foreign(self) -> str:
        return f"language other than {' '.join(self.languages or ())}"


def _is_repost(posts: pl.DataFrame) -> pl.Series:
    said = posts["text"].str.starts_with("RT @")
    return said | posts[REPOST] if REPOST in posts.columns else said


def _drop(posts: pl.DataFrame, where: pl.Series, reason: str, rejects: Rejects) -> pl.DataFrame:
    where = where.fill_null(False)
    rejects.add(reason, posts.filter(where))
    return posts.filter(~where)


class SeenHashes:
    """Remembers texts by 64-bit hashes: 8 bytes each, in sorted runs of doubling lengths."""

    def __init__(self) -> None:
        self._runs: list[np.ndarray] = []

    def repeated(self, texts: pl.Series) -> pl.Series:
        """Tell which texts (null: never) repeat an earlier one of this or a previous series."""
        hashes = texts.hash(seed=0).to_numpy()
        present = texts.is_not_null().to_numpy()
        known = ~texts.is_first_distinct().to_numpy()
        for run in self._runs:
            place = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
            known |= run[place] == hashes
        self._remember(np.unique(hashes[present & ~known]))
        return pl.Series(known & present)

    def _remember(self, run: np.ndarray) -> None:
        if not len(run):
            return
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = np.union1d(self._runs.pop(), run)
        self._runs.append(run)
