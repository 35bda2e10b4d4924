"""Files of posts as bytes or as lines of text: compressed, in an archive, in any encoding."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO, cast

import pyarrow as pa

from tagfinder.errors import InputError
from tagfinder.files import DAMAGED_BYTES

LONGEST_LINE = 2**21
"""Characters of a line that are read; what is longer cannot be a post."""
LONGEST_JSON_LINE = 2**26
"""A line of JSON may hold a page of some hundred posts."""
HEAD_BYTES = 2**20
"""Form, encoding and separator of a file are found from so many bytes."""
MAX_DOCUMENT_BYTES = 2**30
MAX_UNPACKED_BYTES = 2**36

TOO_LONG = f"line longer than {LONGEST_LINE:,} characters"
DAMAGED = (*DAMAGED_BYTES, lzma.LZMAError, UnicodeError, pa.ArrowException)
ZIP = b"PK\x03\x04"


def _zstd(stream: IO[bytes]) -> Any:
    return pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd")


def reason(error: BaseException) -> str:
    """Return a library's message in one line."""
    return " ".join(str(error).split())


@dataclass(frozen=True)
class Compression:
    """A compression: how its files are named, how they begin, and what opens them."""

    suffix: str
    magic: bytes
    open: Callable[[IO[bytes]], Any]


COMPRESSIONS = (
    Compression(".gz", b"\x1f\x8b", lambda stream: gzip.GzipFile(fileobj=stream)),
    Compression(".zst", b"\x28\xb5\x2f\xfd", _zstd),
    Compression(".bz2", b"BZh", bz2.BZ2File),
    Compression(".xz", b"\xfd7zXZ\0", lzma.LZMAFile),
)


@dataclass(frozen=True)
class Limits:
    """Sizes beyond which a file is refused, so that a small file cannot fill the memory.

    Attributes:
        document_bytes: of what has to be in memory at once: one JSON value, a spreadsheet, a
            Parquet file inside an archive.
        unpacked_bytes: of one compressed file, unpacked.
    """

    document_bytes: int = MAX_DOCUMENT_BYTES
    unpacked_bytes: int = MAX_UNPACKED_BYTES


@dataclass(frozen=True)
class Input:
    """One file of posts.

    Attributes:
        path: the file, or the ZIP archive that it is in.
        member: its name inside the archive.
        limits: sizes beyond which it is refused.
    """

    path: Path
    member: str | None = None
    limits: Limits = Limits()

    def __str__(self) -> str:
        """Return the name for messages."""
        return f"{self.path}: {self.member}" if self.member else str(self.path)

    @property
    def name(self) -> str:
        """Name without folders."""
        return Path(self.member or self.path).name

    @property
    def suffix(self) -> str:
        """Last suffix in lower case, without that of a compression."""
        suffixes = [suffix.lower() for suffix in Path(self.name).suffixes]
        if suffixes and suffixes[-1] in {compression.suffix for compression in COMPRESSIONS}:
            suffixes.pop()
        return suffixes[-1] if suffixes else ""

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the unpacked bytes.

        Raises:
            InputError: the file cannot be opened, is damaged or too large (also while it is read).
        """
        try:
            with ExitStack() as stack:
                yield stack.enter_context(self._unpacked(stack))
        except DAMAGED as error:
            raise InputError(f"{self} cannot be read: {reason(error)}") from error
        except RuntimeError as error:  # how zipfile says that a member is encrypted
            if "password" not in str(error) and "encrypt" not in str(error):
                raise
            raise InputError(f"{self} is encrypted; unpack it first") from error

    def _unpacked(self, stack: ExitStack) -> io.BufferedReader:
        packed: IO[bytes] = stack.enter_context(self.path.open("rb"))
        limited = False
        if self.member:
            archive = stack.enter_context(zipfile.ZipFile(packed))
            packed = stack.enter_context(archive.open(self.member))
            limited = True
        begin = io.BufferedReader(cast(io.RawIOBase, packed), 2**18)
        compression = self._compression(begin.peek(8)[:8])
        if compression:
            unpacked = stack.enter_context(compression.open(begin))
            limited = True
        else:
            unpacked = begin
        if limited:
            unpacked = _Limited(unpacked, self)
        return io.BufferedReader(unpacked, 2**18)

    def _compression(self, begin: bytes) -> Compression | None:
        name = self.name.lower()
        for compression in COMPRESSIONS:
            if name.endswith(compression.suffix) or begin.startswith(compression.magic):
                return compression
        return None

    def head(self, size: int = HEAD_BYTES) -> bytes:
        """Return the first unpacked bytes."""
        with self.open() as stream:
            return stream.read(size)

    def whole(self) -> io.BytesIO:
        """Return all unpacked bytes, for forms that cannot be read from front to back.

        Raises:
            InputError: there are more than `limits.document_bytes`.
        """
        with self.open() as stream:
            content = stream.read(self.limits.document_bytes + 1)
        if len(content) > self.limits.document_bytes:
            raise InputError(
                f"{self} is larger than data.max_document_bytes={self.limits.document_bytes:,} "
                "and has to be held in memory; unpack it, or raise that limit"
            )
        return io.BytesIO(content)


class _Limited(io.RawIOBase):
    """Refuses to unpack more than the limit."""

    def __init__(self, stream: IO[bytes], source: Input) -> None:
        self._stream = stream
        self._source = source
        self._left = source.limits.unpacked_bytes

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into `buffer`."""
        content = self._stream.read(len(buffer))
        self._left -= len(content)
        if self._left < 0:
            raise InputError(
                f"{self._source} unpacks to more than "
                f"data.max_unpacked_bytes={self._source.limits.unpacked_bytes:,}"
            )
        buffer[: len(content)] = content
        return len(content)


def _escape_bytes(error: UnicodeError) -> tuple[str, int]:
    """Turn undecodable bytes of any encoding into lone surrogates."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in wrong), error.end


codecs.register_error("tagfinder_escape", _escape_bytes)


@contextmanager
def open_text(source: Path | Input, encoding: str = "utf-8-sig") -> Iterator[TextIO]:
    """Open a text file, unpacking it, line ends kept as they are.

    Bytes that cannot be decoded become lone surrogates, so that they concern their own row only.

    Raises:
        InputError: the file cannot be opened, or is damaged (also while it is read).
    """
    opened = source if isinstance(source, Input) else Input(source)
    with opened.open() as binary:
        yield io.TextIOWrapper(binary, encoding=encoding, errors="tagfinder_escape", newline="")


class Lines:
    """The lines of a text file, with the possibility to go back to where a record began.

    Attributes:
        number: 1-based number of the line that was given last.
        record: the lines given since `begin`.
    """

    def __init__(self, stream: TextIO, longest: int = LONGEST_LINE) -> None:
        self._stream = stream
        self._longest = longest
        self._again: list[str] = []
        self.record: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else self._read()
        self.number += 1
        self.record.append(line)
        return line

    def begin(self) -> None:
        """Let a record begin with the next line."""
        self.record = []

    def keep_first(self) -> str:
        """Give back all lines of the record but the first, which is returned."""
        first, *others = self.record
        self._again.extend(reversed(others))
        self.number -= len(others)
        return first

    def is_cut(self, line: str) -> bool:
        """Tell whether the line was longer than is read and only its beginning was given."""
        return len(line) >= self._longest

    def _read(self) -> str:
        line = self._stream.readline(self._longest)
        if not line:
            raise StopIteration
        if len(line) == self._longest:
            self._skip_rest(line)
        return line

    def _skip_rest(self, line: str) -> None:
        while line and not line.endswith("\n"):
            line = self._stream.readline(self._longest)
