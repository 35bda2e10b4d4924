"""Text files read line by line, compressed or not, whatever bytes they hold."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

import pyarrow as pa

from tagfinder.errors import InputError

UTF_16 = (b"\xff\xfe", b"\xfe\xff")
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
LONGEST_LINE = 2**21
"""Characters of a line that are read; what is longer cannot be a post."""

TOO_LONG = f"line longer than {LONGEST_LINE:,} characters"


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 text file, decompressing `.gz` and `.zst`, line ends kept as they are.

    Bytes that are not UTF-8 become lone surrogates, so that they concern their own row only.

    Raises:
        InputError: the file is UTF-16, cannot be opened, or is damaged (also while it is read).
    """
    try:
        with pa.input_stream(
            str(path), compression=COMPRESSIONS.get(path.suffix.lower())
        ) as binary:
            stream = io.BufferedReader(cast(io.RawIOBase, binary), 2**18)
            if stream.peek(2)[:2] in UTF_16:
                raise InputError(f"{path} is UTF-16; save it as UTF-8")
            yield io.TextIOWrapper(
                stream, encoding="utf-8-sig", errors="surrogateescape", newline=""
            )
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}") from error


class Lines:
    """The lines of a text file, with the possibility to go back to where a record began.

    Attributes:
        number: 1-based number of the line that was given last.
        record: the lines given since `begin`.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
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

    def _read(self) -> str:
        line = self._stream.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        if len(line) == LONGEST_LINE:
            self._skip_rest(line)
        return line

    def _skip_rest(self, line: str) -> None:
        while line and not line.endswith("\n"):
            line = self._stream.readline(LONGEST_LINE)


def is_cut(line: str) -> bool:
    """Tell whether the line was longer than `LONGEST_LINE` and only its beginning was given."""
    return len(line) >= LONGEST_LINE
