"""Files of public repositories, kept in the cache and checked by their SHA-256."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests

from tagfinder.errors import WorkError
from tagfinder.files import write_text
from tagfinder.progress import say, track

NOT_FOUND = 404


@dataclass(frozen=True)
class PublicFile:
    """A file of a public repository.

    Attributes:
        path: in the repository, and in the cache.
        bytes: its size; of a file whose size is not known beforehand, about how much it will be.
        sha256: the checksum of its bytes; null if it is not known beforehand.
    """

    path: str
    bytes: int
    sha256: str | None = None


def announce(
    files: Sequence[PublicFile], url: str, folder: Path, what: str, licence: str | None
) -> None:
    """Say what will be downloaded: from where, how much, and on which terms.

    No message is printed if all files are in the cache.

    Args:
        files: to download.
        url: address that their paths are relative to.
        folder: of the downloads.
        what: name of the corpus.
        licence: as the origin states it; null if it states none.
    """
    missing = [
        file
        for file in files
        if not (folder / file.path).is_file() and not _absence(folder, file).is_file()
    ]
    if not missing:
        return
    about = "" if all(file.sha256 for file in missing) else "about "
    terms = (
        f"licence: {licence}"
        if licence
        else "the origin states no licence: for your own use only; do not pass it on"
    )
    size = sum(file.bytes for file in missing) / 1e6
    say(f"{what}: downloading {len(missing):,} files, {about}{size:,.1f} MB, from {url}; {terms}")


def download(
    files: Sequence[PublicFile], url: str, folder: Path, what: str, *, may_miss: bool = False
) -> list[Path]:
    """Return the files below `folder`, fetching those from `url` that are not there yet.

    A file is there complete and with the right checksum, or not at all.

    Args:
        files: to download.
        url: address that their paths are relative to.
        folder: of the downloads.
        what: name of the corpus, for progress and errors.
        may_miss: leave out files that the origin lacks, and record this, so that the next use does
            not ask again.

    Raises:
        WorkError: a file could not be fetched, was not what it should be, or not written.
    """
    pooch.get_logger().setLevel(logging.ERROR)
    shelf = pooch.create(
        path=folder,
        base_url=url.rstrip("/") + "/",
        registry={file.path: file.sha256 and f"sha256:{file.sha256}" for file in files},
        retry_if_failed=1,
    )
    paths = []
    for file in track(files, f"downloading {what}"):
        if may_miss and _absence(folder, file).is_file():
            continue
        try:
            paths.append(Path(shelf.fetch(file.path)))
        except (ValueError, OSError) as error:
            if may_miss and _is_missing(error):
                write_text(_absence(folder, file), "not at the origin; delete this to ask again\n")
                continue
            raise WorkError(
                f"{what}: {file.path} could not be downloaded from {url} into {folder}: "
                f"{_cause(error)}. Try again with a network, move the downloads with "
                "TAGFINDER_CACHE, or work without it: data=synthetic"
            ) from error
    return paths


def _absence(folder: Path, file: PublicFile) -> Path:
    return folder / f"{file.path}.absent"


def _is_missing(error: Exception) -> bool:
    answer = error.response if isinstance(error, requests.HTTPError) else None
    return answer is not None and answer.status_code == NOT_FOUND


def _cause(error: Exception) -> str:
    """Return what went wrong in few words; the libraries' own tell of pools and retries."""
    if isinstance(error, requests.ConnectionError):
        return "no connection, or it broke"
    if isinstance(error, ValueError):
        return "the download is not the expected file (its SHA-256 differs)"
    return str(error)
