"""The user's own files: Parquet, CSV and JSON Lines."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.sources.blocks import Block
from tagfinder.corpus.sources.columns import Columns
from tagfinder.corpus.sources.delimited import read_csv
from tagfinder.corpus.sources.filters import Filters
from tagfinder.corpus.sources.json_lines import read_json_lines
from tagfinder.corpus.sources.parquet import read_parquet
from tagfinder.corpus.sources.streams import COMPRESSIONS
from tagfinder.corpus.sources.values import usable_posts
from tagfinder.errors import InputError
from tagfinder.files import sha256_of

PARQUET = (".parquet", ".pq")
CSV = (".csv",)
JSON_LINES = (".jsonl", ".ndjson", ".json")


class FileSource:
    """Posts from files, streamed.

    Args:
        path: a file, a folder (searched with its sub-folders), a glob, or a list of these.
        columns: which column holds which field, see `Columns`.
        separator: what stands between the fields of a CSV file.
        max_characters: longer texts cannot be used.
        name: shown in tables and part of folder names.
        languages: see `Filters`, as are the two that follow.
        drop_retweets: whether to leave out retweets.
        drop_duplicate_ids: whether to leave out posts whose id was seen before.
    """

    def __init__(
        self,
        *,
        path: str | Sequence[str] | None,
        columns: Mapping[str, str | Sequence[str] | None],
        separator: str = ",",
        max_characters: int = 25_000,
        name: str = "files",
        languages: Sequence[str] | None = None,
        drop_retweets: bool = True,
        drop_duplicate_ids: bool = True,
    ) -> None:
        self.name = name
        self._columns = Columns(columns)
        self.paths = find_files(path)
        self._separator = separator
        self._max_characters = max_characters
        self._filters = Filters(languages, drop_retweets, drop_duplicate_ids)

    def fingerprint(self) -> dict[str, Any]:
        """Return names, sizes and checksums of the files, and how they are read."""
        files = [
            {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
            for path in self.paths
        ]
        return {
            "source": "files",
            "files": files,
            "columns": dict(sorted(self._columns.wanted.items())),
            "separator": self._separator,
            "max_characters": self._max_characters,
            **self._filters.fingerprint(),
        }

    def batches(self, rejects: Rejects) -> Iterator[pl.DataFrame]:
        """Yield the posts in the order of the files and of their rows.

        Raises:
            InputError: a file cannot be read, or no row of any can be used.
        """
        rejected_before = rejects.total
        usable = False
        for batch in self._filters.apply(self._posts(rejects), rejects):
            usable = usable or batch.height > 0
            yield batch
        if not usable:
            raise InputError(self._nothing(rejects, rejected_before))

    def _posts(self, rejects: Rejects) -> Iterator[pl.DataFrame]:
        for path in self.paths:
            for block in self._blocks(path):
                yield usable_posts(block, path, self._max_characters, rejects)

    def _blocks(self, path: Path) -> Iterator[Block]:
        suffix = _format(path)
        if path.stat().st_size == 0:
            return iter(())
        if suffix in PARQUET:
            return read_parquet(path, self._columns)
        if suffix in CSV:
            return read_csv(path, self._columns, self._separator)
        return read_json_lines(path, self._columns)

    def _nothing(self, rejects: Rejects, before: int) -> str:
        where = str(self.paths[0]) if len(self.paths) == 1 else f"{len(self.paths)} files"
        if rejects.total == before:
            return f"{where}: empty, there are no rows to read"
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in rejects.counts.items())
        return f"{where}: none of the {rejects.total - before:,} rows can be used ({reasons})"


def _format(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        inner = suffixes[-2] if len(suffixes) > 1 else ""
        return inner if inner in (*CSV, *JSON_LINES) else ""
    known = (*PARQUET, *CSV, *JSON_LINES)
    return suffixes[-1] if suffixes and suffixes[-1] in known else ""


def find_files(path: str | Sequence[str] | None) -> list[Path]:
    """Return the files that `data.path` names, each once: as listed, those of a folder sorted.

    Raises:
        InputError: a path is missing, is of an unknown format, or has no files of a known one.
    """
    if not path:
        raise InputError("data.path is not set; name a file, a folder or a glob: data.path=FILE")
    named = [path] if isinstance(path, str) else path
    found = [file for one in named for file in _find(one)]
    return list(dict.fromkeys(found))


def _find(named: str) -> list[Path]:
    path = Path(named).expanduser()
    if path.is_file():
        if not _format(path):
            raise InputError(
                f"data.path={named}: unknown format; known are .parquet, .csv, .jsonl, "
                ".ndjson and .json, the last four also with .gz or .zst"
            )
        return [path]
    if path.is_dir():
        found = [file for file in sorted(path.rglob("*")) if not _is_hidden(file, path)]
    else:
        # `Path.glob` cannot begin at the root.
        found = [Path(one) for one in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
    files = [file for file in found if file.is_file() and _format(file)]
    if not files:
        kind = "Parquet, CSV or JSON Lines" if found or path.is_dir() else "such"
        raise InputError(f"data.path={named}: there is no {kind} file")
    return files


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)
