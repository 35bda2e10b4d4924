"""Public corpora of tweets, downloaded from their origin when they are first used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.sources.downloads import PublicFile, announce, download
from tagfinder.corpus.sources.filters import Filters, SeenHashes
from tagfinder.corpus.sources.languages import guess_english
from tagfinder.corpus.sources.public_readers import READERS
from tagfinder.corpus.sources.values import usable_posts
from tagfinder.errors import InputError
from tagfinder.files import digest_of, read_json
from tagfinder.paths import cache_dir

VERSION = 2
"""To be raised when the same files are to give other posts than before."""

REGISTRY = Path(__file__).with_name("public_files.json")
SAME_TEXT = "same text as an earlier post"
MAX_CHARACTERS = 25_000


@dataclass(frozen=True)
class Origin:
    """The origin of a public corpus: a repository at a commit, and files in it.

    Attributes:
        repository: `owner/name` on GitHub.
        commit: its SHA-1.
        files: the ones that hold posts.
        licence: as the repository states it; null if it states none.
    """

    repository: str
    commit: str
    files: list[PublicFile]
    licence: str | None

    @property
    def url(self) -> str:
        """Address that the files' paths are relative to."""
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}"


def read_origin(corpus: str, registry: Path = REGISTRY) -> Origin:
    """Return the origin of a corpus that the registry lists."""
    entry = read_json(registry)[corpus]
    left_out = entry.get("left_out", ())
    files = [PublicFile(*values) for values in entry["files"] if values[0] not in left_out]
    return Origin(entry["repository"], entry["commit"], files, entry["licence"])


class PublicSource:
    """Posts of a public corpus.

    Texts are stripped and their HTML entities decoded; of posts that are the same but for case,
    addresses and white space the first is kept. Where the origin does not say the language, `lang`
    is a guess.

    Args:
        corpus: `crisislex` (CrisisLexT6 and T26; `entity_name` is the event), `tweeteval` (all
            tasks but sentiment; `entity_name` is the task; no ids and no times),
            `us_congress_2022` or `world_leaders` (`entity_name` is the account).
        base_url: where to fetch the files from instead of their origin, null for the origin.
        registry: JSON file with the origin, sizes and checksums of the files.
        name: shown in tables and part of folder names.
        languages: see `Filters`, as are the two that follow.
        drop_retweets: whether to leave out retweets.
        drop_duplicate_ids: whether to leave out posts whose id was seen before.
    """

    def __init__(
        self,
        *,
        corpus: str,
        base_url: str | None = None,
        registry: Path = REGISTRY,
        name: str | None = None,
        languages: Sequence[str] | None = None,
        drop_retweets: bool = True,
        drop_duplicate_ids: bool = True,
    ) -> None:
        if corpus not in READERS:
            raise InputError(f"data.corpus={corpus} is none of {', '.join(READERS)}")
        self.name = name or corpus
        self._corpus = corpus
        self._origin = read_origin(corpus, registry)
        self._base_url = base_url or self._origin.url
        self._filters = Filters(languages, drop_retweets, drop_duplicate_ids)

    def fingerprint(self) -> dict[str, Any]:
        """Return the origin, a digest of the files' checksums, and how they are read."""
        return {
            "source": self._corpus,
            "version": VERSION,
            "repository": self._origin.repository,
            "commit": self._origin.commit,
            "files": len(self._origin.files),
            "digest": digest_of([[file.path, file.sha256] for file in self._origin.files]),
            **self._filters.fingerprint(),
        }

    def batches(self, rejects: Rejects) -> Iterator[pl.DataFrame]:
        """Yield the posts file by file, downloading first what is not in the cache.

        Raises:
            WorkError: a file could not be downloaded.
        """
        folder = cache_dir() / "downloads" / self._corpus
        announce(self._origin.files, self._base_url, folder, self._corpus, self._origin.licence)
        paths = download(self._origin.files, self._base_url, folder, self._corpus)
        yield from self._filters.apply(self._posts(paths, rejects), rejects)

    def _posts(self, paths: list[Path], rejects: Rejects) -> Iterator[pl.DataFrame]:
        seen = SeenHashes()
        for path in paths:
            for block in READERS[self._corpus](path):
                posts = usable_posts(block, path, MAX_CHARACTERS, rejects)
                copies = seen.repeated(_folded(posts["text"]))
                rejects.add(SAME_TEXT, posts.filter(copies))
                posts = posts.filter(~copies)
                guessed = guess_english(posts["text"])
                yield posts.with_columns(lang=pl.coalesce(posts["lang"], guessed))


def _folded(texts: pl.Series) -> pl.Series:
    """Return texts in lower case, without addresses, with single spaces."""
    bare = texts.str.to_lowercase().str.replace_all(r"https?://\S+", " ")
    return bare.str.replace_all(r"\s+", " ").str.strip_chars()
