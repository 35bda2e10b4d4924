"""Files that are complete or absent, and durable once they are published.

What `atomic_path` publishes survives a power cut: contents first, then the names, then the folder
that holds the new name are written through to the disk. Logs, `output.txt`, the figures of
Lightning's loggers and Optuna's study are appended to or written by others, and are not.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tagfinder.configuration.limits import check_size, limits
from tagfinder.errors import WorkError, naming

logger = logging.getLogger(__name__)

DIGESTS = "digests.json"
DAMAGED_BYTES = (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError)
"""Errors of `zipfile` that no code beside it raises for another reason."""
DAMAGED_ZIP = (*DAMAGED_BYTES, KeyError, ValueError, RuntimeError)
"""All errors of `zipfile`, and so of `numpy.load` of an `.npz`: a member may also be missing, too
long, or seem encrypted."""


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target` which takes its place if the block succeeds.

    The block may create a file or a folder there. If it fails, nothing is left behind and what
    was at `target` before is untouched. A folder at `target` is never replaced: the first one
    that was finished stays, so that two processes may prepare the same thing at once.

    When the block has succeeded, the content is durable: a power cut does not take it away.

    Raises:
        WorkError: it could not be written, such as on a full disk.
    """
    with naming(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            temporary = workshop / target.name
            yield temporary
            if temporary.is_dir():
                _flush_tree(temporary)
                _publish_folder(temporary, target)
            else:
                flush(temporary)
                temporary.replace(target)
            flush(target.parent)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)


def _publish_folder(temporary: Path, target: Path) -> None:
    try:
        temporary.rename(target)
    except OSError:
        if not target.is_dir():
            raise


def _flush_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        flush(path)
    flush(folder)


def flush(path: Path) -> None:
    """Write a file's content, or a folder's names, through to the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows has no such thing for folders.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system has no hard links."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def write_text(target: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(target: Path, value: Any) -> None:
    """Write `value` as indented JSON with a final line break, atomically."""
    write_text(target, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read one JSON value from a UTF-8 file that tagfinder wrote.

    Raises:
        WorkError: the file is not JSON, or is nested too deeply.
    """
    check_size(path, limits().max_json_bytes, "max_json_bytes")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise WorkError(
            f"{path} is damaged: {reason}; restore it from a copy, or delete it if it can be "
            "made again"
        ) from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """Return a short digest of a JSON-able value, independent of the order of its keys."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def write_digests(folder: Path) -> None:
    """Write down the SHA-256 of all files of a folder, as the last thing before it is published."""
    names = (file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    write_json(folder / DIGESTS, {name: sha256_of(folder / name) for name in sorted(names)})


def is_whole(folder: Path) -> bool:
    """Tell whether all files that `write_digests` listed are there as they were; others may be."""
    try:
        digests = json.loads((folder / DIGESTS).read_text(encoding="utf-8"))
        return all(sha256_of(folder / name) == digest for name, digest in digests.items())
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


@contextmanager
def healed_folder(folder: Path) -> Iterator[Path]:
    """Yield a fresh folder that replaces one that is missing or damaged (`is_whole`).

    Several processes may fill one at once; the first to finish is kept.

    Args:
        folder: of a cache; a damaged one is thrown away.
    """
    if folder.exists() and not is_whole(folder):
        logger.warning("%s is damaged, or of an earlier version; it is made again", folder)
        discard(folder)
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        yield temporary
        write_digests(temporary)


def discard(folder: Path) -> None:
    """Delete a folder at once, also where others are reading its files."""
    grave = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    with suppress(FileNotFoundError):  # another process was quicker
        folder.rename(grave)
    shutil.rmtree(grave, ignore_errors=True)
