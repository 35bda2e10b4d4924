"""Lines of standard input as they arrive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

BLOCK_BYTES = 2**20


def arrived_lines(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yield the lines that have arrived, without waiting for more."""
    unfinished: list[bytes] = []
    while block := stream.read1(BLOCK_BYTES):  # type: ignore[attr-defined]
        lines, line_break, rest = block.rpartition(b"\n")
        if line_break:
            yield b"".join((*unfinished, lines)).split(b"\n")
            unfinished = []
        unfinished.append(rest)
    if any(unfinished):
        yield [b"".join(unfinished)]
