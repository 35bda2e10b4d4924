"""A corpus that needs no data: posts from a seeded model of the report's world."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from tagfinder.configuration.types import NonNegativeInt, PositiveInt, Share
from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.schema import conform
from tagfinder.corpus.sources.composer import Composer
from tagfinder.corpus.sources.dice import Dice
from tagfinder.corpus.sources.filters import Filters
from tagfinder.corpus.sources.world import DAYS, STATISTICS, WORDS, World
from tagfinder.files import sha256_of

VERSION = 2
"""To be raised when the same parameters are to give other posts than before."""

BATCH = 10_000
START_MS = 1_665_360_000_000
"""10 October 2022, 00:00 UTC, in milliseconds."""

DAY_MS = 86_400_000
TWITTER_EPOCH_MS = 1_288_834_974_657


class SyntheticSource:
    """Made-up posts, oldest first, evenly over four weeks.

    Args:
        rows: how many posts to make, before any filter.
        seed: another seed gives other posts of the same world.
        drift: how much hashtags and words change over the four weeks, from 0 to 1.
        name: shown in tables and part of folder names.
        languages: see `Filters`, as are the two that follow.
        drop_retweets: whether to leave out retweets.
        drop_duplicate_ids: whether to leave out posts whose id was seen before.

    Raises:
        InputError: there are to be no rows, the seed is negative or the drift out of range.
    """

    def __init__(
        self,
        *,
        rows: PositiveInt,
        seed: NonNegativeInt,
        drift: Share = 1.0,
        name: str = "synthetic",
        languages: Sequence[str] | None = None,
        drop_retweets: bool = True,
        drop_duplicate_ids: bool = True,
    ) -> None:
        self.name = name
        self._rows, self._seed, self._drift = rows, seed, drift
        self._filters = Filters(languages, drop_retweets, drop_duplicate_ids)

    def fingerprint(self) -> dict[str, Any]:
        """Return the parameters, the generator's version and checksums of its words."""
        return {
            "source": "synthetic",
            "version": VERSION,
            "rows": self._rows,
            "seed": self._seed,
            "drift": self._drift,
            "statistics": sha256_of(STATISTICS),
            "words": sha256_of(WORDS),
            **self._filters.fingerprint(),
        }

    def batches(self, rejects: Rejects) -> Iterator[pl.DataFrame]:
        """Yield the posts; each batch has a separate random generator."""
        yield from self._filters.apply(self._posts(), rejects)

    def _posts(self) -> Iterator[pl.DataFrame]:
        world = World(self._drift)
        for first in range(0, self._rows, BATCH):
            rows = range(first, min(first + BATCH, self._rows))
            yield self._batch(world, rows, Dice(self._seed, first // BATCH))

    def _batch(self, world: World, rows: range, dice: Dice) -> pl.DataFrame:
        composer = Composer(world, dice)
        span = DAYS * DAY_MS
        offsets = [int((row + dice.roll()) * span / self._rows) for row in rows]
        drafts = [composer.write(offset // DAY_MS) for offset in offsets]
        times = [START_MS + offset for offset in offsets]
        # As Twitter makes them: milliseconds, then 22 bits that tell posts of one apart.
        ids = [
            ((time - TWITTER_EPOCH_MS) << 22) | (row % 2**22)
            for time, row in zip(times, rows, strict=True)
        ]
        frame = pl.DataFrame(
            {
                "id": pl.Series(ids, dtype=pl.Int64).cast(pl.String),
                "created_at": pl.Series(times, dtype=pl.Int64).cast(pl.Datetime("ms", "UTC")),
                "text": [draft.text for draft in drafts],
                "entity_name": [draft.entity_name for draft in drafts],
                "lang": [draft.lang for draft in drafts],
            },
        )
        tags = pl.col("text").str.extract_all(r"#\w*[A-Za-z]\w*")
        return conform(frame.with_columns(hashtags=tags.list.eval(pl.element().str.tail(-1))))
