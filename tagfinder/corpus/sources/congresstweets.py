"""The daily tweets of the US Congress since 2017, any range of days: the way to a million posts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.sources.downloads import PublicFile, announce, download
from tagfinder.corpus.sources.filters import Filters
from tagfinder.corpus.sources.languages import guess_english
from tagfinder.corpus.sources.public import MAX_CHARACTERS
from tagfinder.corpus.sources.public_readers import read_congresstweets
from tagfinder.corpus.sources.values import usable_posts
from tagfinder.errors import InputError, WorkError
from tagfinder.files import sha256_of
from tagfinder.paths import cache_dir

VERSION = 1
"""To be raised when the same files are to give other posts than before."""

REPOSITORY = "alexlitel/congresstweets"
LICENCE = "MIT License for the repository; the posts belong to their authors"
FIRST_DAY = date(2017, 6, 21)
BYTES_OF_A_DAY = 1_000_000


class CongressTweets:
    """Posts of about a thousand accounts of members, offices, committees and parties.

    The repository has one JSON file for each day, without checksums; days that it lacks are counted
    and reported. `entity_name` is the account, `lang` a guess.

    Args:
        since: first day, YYYY-MM-DD.
        until: the day after the last one.
        commit: branch or commit of the repository.
        base_url: where to fetch the files from instead of their origin, null for the origin.
        name: shown in tables and part of folder names.
        languages: see `Filters`, as are the two that follow.
        drop_retweets: whether to leave out retweets.
        drop_duplicate_ids: whether to leave out posts whose id was seen before.

    Raises:
        InputError: a day is not a date, or the range is empty.
    """

    def __init__(
        self,
        *,
        since: str,
        until: str,
        commit: str = "master",
        base_url: str | None = None,
        name: str = "congresstweets",
        languages: Sequence[str] | None = None,
        drop_retweets: bool = True,
        drop_duplicate_ids: bool = True,
    ) -> None:
        first, end = _day(since, "since"), _day(until, "until")
        if first >= end:
            raise InputError(f"data.since={first} is not before data.until={end}")
        self.name = name
        self._days = [first + timedelta(days=number) for number in range((end - first).days)]
        self._url = base_url or f"https://raw.githubusercontent.com/{REPOSITORY}/{commit}"
        self._folder = cache_dir() / "downloads" / "congresstweets" / commit
        self._filters = Filters(languages, drop_retweets, drop_duplicate_ids)

    def fingerprint(self) -> dict[str, Any]:
        """Return the checksums of the files, which are downloaded first, and how they are read."""
        return {
            "source": "congresstweets",
            "version": VERSION,
            "files": {path.name: sha256_of(path) for path in self._paths()},
            **self._filters.fingerprint(),
        }

    def batches(self, rejects: Rejects) -> Iterator[pl.DataFrame]:
        """Yield the posts day by day, downloading first what is not in the cache.

        Raises:
            WorkError: a file could not be downloaded, or no day has one.
        """
        paths = self._paths()
        if len(paths) < len(self._days):
            rejects.note(
                f"{self.name}: {len(self._days) - len(paths):,} of {len(self._days):,} days have "
                f"no file at {self._url}"
            )
        yield from self._filters.apply(self._posts(paths, rejects), rejects)

    def _paths(self) -> list[Path]:
        files = [PublicFile(f"data/{day}.json", BYTES_OF_A_DAY) for day in self._days]
        announce(files, self._url, self._folder, self.name, LICENCE)
        paths = download(files, self._url, self._folder, self.name, may_miss=True)
        if not paths:
            raise WorkError(
                f"{self.name}: no day from {self._days[0]} to {self._days[-1]} has a file at "
                f"{self._url}; the first is {FIRST_DAY}"
            )
        return paths

    def _posts(self, paths: list[Path], rejects: Rejects) -> Iterator[pl.DataFrame]:
        for path in paths:
            for block in read_congresstweets(path):
                posts = usable_posts(block, path, MAX_CHARACTERS, rejects)
                yield posts.with_columns(lang=guess_english(posts["text"]))


def _day(value: str, key: str) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise InputError(f"data.{key}={value}: a day is written like 2022-01-31") from None
