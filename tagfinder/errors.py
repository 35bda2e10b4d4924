"""What can go wrong, as a person should read it: one sentence and an exit code."""

from __future__ import annotations

import errno
import re
from collections.abc import Container, Iterator
from contextlib import contextmanager


class TagFinderError(Exception):
    """Base of the errors that are shown as one sentence instead of a traceback.

    Attributes:
        exit_code: exit code of the command line, 1 if the work failed.
    """

    exit_code = 1


class WorkError(TagFinderError):
    """The request was right but the work failed (training diverged, the network is away)."""


class InputError(TagFinderError):
    """The request was wrong: the sentence names the key, file, line or column and what to try."""

    exit_code = 2

    def __str__(self) -> str:
        """Return the sentence as one line, also with untrusted names and values in it."""
        return " ".join(super().__str__().splitlines())


CURES = {
    errno.ENOSPC: "the disk is full, or a file has the size that is allowed (ulimit -f); free "
    "some space and call again: what was finished is kept",
    errno.EDQUOT: "the disk quota is used up; free some space and call again",
    errno.EFBIG: "the file is larger than the system allows (ulimit -f); raise the limit",
    errno.EROFS: "the file system is read-only; name another folder, or mount it for writing",
    errno.EACCES: "permission denied; change the permissions or name another place",
    errno.EPERM: "the operation is not permitted; change the permissions or name another place",
    errno.ENOENT: "it is not there, or was deleted meanwhile; call again",
    errno.ENOTDIR: "part of the path is a file, not a folder; name another place",
    errno.EISDIR: "it is a folder, not a file; name a file",
    errno.EEXIST: "it is there already; name another place, or remove it",
    errno.ENOTEMPTY: "the folder is not empty; name another place, or remove it",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n)",
    errno.EIO: "the device reports an error; check the disk",
    errno.EADDRINUSE: "the address is in use; choose another port",
}
# Libraries that are not written in Python pass the system's error on as text only.
NUMBER_IN_TEXT = re.compile(r"os error (\d+)|\[errno (\d+)\]", re.IGNORECASE)
WORDS = {
    "no space left on device": errno.ENOSPC,
    "database or disk is full": errno.ENOSPC,
    "requested and": errno.ENOSPC,  # NumPy: "4096 requested and 0 written"
    "file too large": errno.EFBIG,
    "read-only file system": errno.EROFS,
    "readonly database": errno.EROFS,
    "permission denied": errno.EACCES,
}
# By name, so that saying what is wrong imports no library.
DAMAGED = {
    "json.decoder.JSONDecodeError": "JSON",
    "yaml.error.YAMLError": "YAML",
    "zipfile.BadZipFile": "zip archive",
    "sqlite3.DatabaseError": "SQLite database",
    "pyarrow.lib.ArrowException": "Parquet file",
    "polars.exceptions.PolarsError": "table",
    "pyo3_runtime.PanicException": "table",
    "safetensors_rust.SafetensorError": "safetensors file",
    "builtins.UnicodeDecodeError": "UTF-8 text",
    "builtins.EOFError": "file",
}
# Of clients that are not errors of the system's own kind, or would be told as errors of files.
UNREACHED = (
    *("httpx.TransportError", "httpx2.TransportError", "socket.gaierror"),
    *("requests.exceptions.ConnectionError", "requests.exceptions.Timeout"),
)
NOT_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
LONGEST = 300  # characters of a library's own message


@contextmanager
def in_sentences() -> Iterator[None]:
    """Raise any error of the block as one that is shown as one sentence.

    Raises:
        TagFinderError: the block failed; the cause is chained for `--debug` and logs.
    """
    try:
        yield
    except (TagFinderError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    # Rust's panics, as polars raises them, are no `Exception`.
    except BaseException as error:
        raise as_sentence(error) from error


@contextmanager
def naming(path: object) -> Iterator[None]:
    """Let a failed write of the block name the file, where the library that wrote it did not."""
    try:
        yield
    except (TagFinderError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        number = error.errno if isinstance(error, OSError) else None
        number = number or _number_in(str(error))
        if getattr(error, "filename", None) or number not in NOT_WRITTEN:
            raise
        raise WorkError(_told(path, error, number)) from error


def as_sentence(error: BaseException) -> TagFinderError:
    """Return an unexpected error as a sentence with its path, if any, and a cure."""
    if isinstance(error, TagFinderError):
        return error
    if _first_of(UNREACHED, error):
        return WorkError(
            f"the server cannot be reached ({_message(error)}); check the network and the address, "
            "and call again"
        )
    return WorkError(_sentence(error))


def _first_of(names: Container[str], error: BaseException) -> str | None:
    """Return the first of some names that an error or a class that it extends has."""
    own = [f"{kind.__module__}.{kind.__name__}" for kind in type(error).__mro__]
    return next((name for name in own if name in names), None)


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError):
        return _told(error.filename, error, error.errno)
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return (
            "there is not enough memory; give less at once (batches.batch_size, max_batch, a "
            "smaller file), or more memory"
        )
    if isinstance(error, RecursionError):
        return "a file is nested too deeply to be read; it was not made by tagfinder"
    if number := _number_in(str(error)):
        return _told(None, error, number)
    if kind := _first_of(DAMAGED, error):
        what = f"a file is damaged or no {DAMAGED[kind]} ({_message(error)})"
        return f"{what}; make it again or restore it"
    return (
        f"unexpected {type(error).__name__} ({_message(error)}); --debug shows where, please "
        "report it"
    )


def _told(path: object, error: BaseException, number: int | None) -> str:
    known = CURES.get(number or 0)
    reason = known or f"{_message(error)}; check the file or folder and call again"
    return f"{path}: {reason}" if path else reason


def _number_in(message: str) -> int | None:
    if found := NUMBER_IN_TEXT.search(message):
        return int(found[1] or found[2])
    lower = message.lower()
    return next((number for words, number in WORDS.items() if words in lower), None)


def _message(error: BaseException) -> str:
    text = " ".join(str(getattr(error, "strerror", None) or error).split())
    return text[:LONGEST] or "no message"
