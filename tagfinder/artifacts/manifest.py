"""`files.json`: the SHA-256 of every file of a finished run, by which damage is noticed.

It reveals damage, not who made the run: somebody who changes a run on purpose can change the list
as well (SECURITY.md).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tagfinder.configuration.limits import check_size, limits
from tagfinder.errors import InputError, TagFinderError
from tagfinder.files import read_json, sha256_of, write_json

MANIFEST = "files.json"
FORMAT = 1
# Files that change without the run: logs, locks, the record of a sweep's job.
CHANGING = (MANIFEST, "log.txt", "output.txt", "error.txt", "job.json", ".lock")
# Has its own integrity: a database and what is made again from it.
KNOWLEDGE = "knowledge"
RUN_FILE = "config.yaml"


def write_manifest(folder: Path) -> None:
    """List the files that a folder holds now; a run inside it has its own list."""
    names = (file.relative_to(folder).as_posix() for file in _files(folder, folder))
    digests = {name: sha256_of(folder / name) for name in sorted(names)}
    write_json(folder / MANIFEST, {"format": FORMAT, "files": digests})


def read_manifest(folder: Path) -> dict[str, str] | None:
    """Return name -> SHA-256 of a run's files, None if no list was written.

    Raises:
        InputError: the list is damaged or of another version.
    """
    file = folder / MANIFEST
    if not file.is_file():
        return None
    check_size(file, limits().max_config_bytes, "max_config_bytes")
    try:
        content: Any = read_json(file)
    except TagFinderError as error:
        raise InputError(
            f"{error}. To take the run's other files as they are, delete {MANIFEST} and run "
            "`tagfinder evaluate` on the run"
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("files"), dict):
        raise InputError(f"{file} is no list of files; restore the run from a copy")
    if content.get("format") != FORMAT:
        raise InputError(
            f"{file} has format {content.get('format')!r}, this tagfinder reads {FORMAT}; use the "
            "tagfinder that wrote it"
        )
    return {str(name): str(digest) for name, digest in content["files"].items()}


def drop_manifest(folder: Path) -> None:
    """Remove the manifest before a run's files are written again."""
    (folder / MANIFEST).unlink(missing_ok=True)


@contextmanager
def changing(folder: Path, *patterns: str) -> Iterator[None]:
    """Keep the list true while the block changes files of a run on purpose.

    Meanwhile these files are not in the list, so that a kill leaves a usable run. A run that had no
    list gets one.

    Args:
        folder: of the run.
        patterns: of the files that the block may write or delete, such as `figures/*`.
    """
    before = read_manifest(folder)
    if before is None:
        yield
        write_manifest(folder)
        return
    kept = {
        name: digest
        for name, digest in before.items()
        if not any(Path(name).match(pattern) for pattern in patterns)
    }
    if kept != before:
        write_json(folder / MANIFEST, {"format": FORMAT, "files": kept})
    yield
    for file in _files(folder, folder):
        name = file.relative_to(folder).as_posix()
        if any(Path(name).match(pattern) for pattern in patterns):
            kept[name] = sha256_of(file)
    write_json(folder / MANIFEST, {"format": FORMAT, "files": dict(sorted(kept.items()))})


def check_file(folder: Path, name: str, digests: dict[str, str]) -> None:
    """Refuse a file that is not as its list says.

    Raises:
        InputError: it is missing or was altered.
    """
    file = folder / name
    if name not in digests:
        return
    if not file.is_file():
        raise InputError(f"{file} is missing; restore it from a copy, or train the run again")
    if sha256_of(file) != digests[name]:
        raise InputError(
            f"{file} was altered or damaged since the run ended; restore it from a copy, or train "
            "the run again"
        )


def _files(folder: Path, run: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if entry.is_dir():
            if path != run / KNOWLEDGE and not (path / RUN_FILE).is_file():
                yield from _files(path, run)
        elif entry.is_file() and entry.name not in CHANGING:
            yield path
