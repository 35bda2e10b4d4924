"""JSON in files: one value a line, or values over many lines; arrays give their elements."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from tagfinder.corpus.sources.json_layouts import records_in
from tagfinder.corpus.sources.json_paths import parsed
from tagfinder.corpus.sources.records import NOT_AN_OBJECT, Value
from tagfinder.corpus.sources.streams import LONGEST_JSON_LINE, LONGEST_LINE, Input, Lines
from tagfinder.errors import InputError

# The first words of the JavaScript in an archive of X: `window.YTD.tweets.part0 =`.
ASSIGNMENT = re.compile(r"\s*(?:(?:var|let|const)\s+)?[A-Za-z_$][\w$.\[\]\"']*\s*=\s*(?=[\[{])")
CHUNK = 2**18
# An error this close to the end of the buffer may be due to missing text.
MARGIN = 64
_BLANKS = re.compile(r"[ \t\n\r]*")
DECODER = json.JSONDecoder()
BROKEN_JSON = (ValueError, RecursionError)


def is_in_lines(head: str, whole: bool) -> bool:
    """Tell JSON Lines from values that are written over several lines.

    Args:
        head: beginning of the file.
        whole: whether that is the complete file.
    """
    text = head.lstrip()
    if text[:1] not in ("[", "{"):
        return not ASSIGNMENT.match(text)
    try:
        _, end = DECODER.raw_decode(text)
    except BROKEN_JSON:
        lines = [line for line in text.split("\n")[: None if whole else -1] if line.strip()]
        records = sum(isinstance(_value_of(line), dict) for line in lines)
        return not text.startswith("[") and (lines == [text.strip()] or 2 * records >= len(lines))
    return "\n" not in text[:end].strip()


def _value_of(line: str) -> Any:
    """Return the value of a line as JSON or, where Python printed it, with Python's quotes."""
    try:
        return json.loads(line)
    except BROKEN_JSON:
        return parsed(line) if len(line) < LONGEST_LINE else None


def json_lines(stream: TextIO) -> Iterator[Value]:
    """Yield the records of each line; a broken line costs itself only."""
    lines = Lines(stream, LONGEST_JSON_LINE)
    for line in lines:
        lines.begin()
        if lines.is_cut(line):
            reason = f"line longer than {LONGEST_JSON_LINE:,} characters"
            yield Value(lines.number, line[:1_000], reason)
        elif line.strip():
            yield from _values_of_line(line, lines.number)


def _values_of_line(line: str, number: int) -> Iterator[Value]:
    value = _value_of(line.strip().removesuffix(","))  # as in a list of objects without brackets
    if value is None:
        yield Value(number, line[:1_000], NOT_AN_OBJECT)
        return
    for record in records_in(value):
        yield Value(number, record, size=len(line))


def json_documents(stream: TextIO, source: Input) -> Iterator[Value]:
    """Yield the records of values that follow each other, element by element of an array.

    Memory holds one element, not the file.

    Raises:
        InputError: the text is not JSON, or one element is larger than the limit.
    """
    reader = _Reader(stream, source)
    reader.skip(ASSIGNMENT)
    number = 0
    while (sign := reader.next_sign()) != "":
        if sign == "[":
            elements = reader.elements()
        elif sign in ";,":
            reader.take()
            continue
        else:
            elements = iter((reader.value(),))
        for element, size in elements:
            for record in records_in(element) if isinstance(element, dict) else [element]:
                number += 1
                yield Value(number, record, size=size)


class _Reader:
    """A text that is parsed piece by piece as it is read."""

    def __init__(self, stream: TextIO, source: Input) -> None:
        self._stream = stream
        self._source = source
        self._text = ""
        self._place = 0
        self._ended = False
        self._lines_before = 0

    def skip(self, pattern: re.Pattern[str]) -> None:
        """Step over a pattern where the text begins with it."""
        self._read(CHUNK)
        match = pattern.match(self._text)
        self._place = match.end() if match else 0

    def next_sign(self) -> str:
        """Return the next character that is no white space, empty at the end."""
        while True:
            match = _BLANKS.match(self._text, self._place)
            assert match is not None
            self._place = match.end()
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._read(CHUNK):
                return ""

    def take(self) -> None:
        """Step over one character."""
        self._place += 1

    def elements(self) -> Iterator[tuple[Any, int]]:
        """Yield the elements of an array, with their sizes."""
        self.take()
        sign = self.next_sign()
        while sign != "]":
            yield self.value()
            sign = self.next_sign()
            if sign == ",":
                self.take()
                sign = self.next_sign()
            elif sign != "]":
                self._refuse("a comma or ] is missing")
        self.take()

    def value(self) -> tuple[Any, int]:
        """Return the next value and its size."""
        size = CHUNK
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._place)
            except json.JSONDecodeError as error:
                if self._is_surely_wrong(error) or not self._read(size):
                    self._refuse(error.msg)
            except BROKEN_JSON as error:
                self._refuse(str(error).partition(";")[0])
            else:
                if end < len(self._text) or not self._read(size):
                    taken = end - self._place
                    self._place = end
                    return value, taken
            size *= 2

    def _is_surely_wrong(self, error: json.JSONDecodeError) -> bool:
        return error.pos < len(self._text) - MARGIN and not error.msg.startswith("Unterminated")

    def _read(self, size: int) -> bool:
        if self._ended:
            return False
        left = self._text[self._place :]
        limit = self._source.limits.document_bytes
        if len(left) > limit:
            raise InputError(
                f"{self._source} holds one JSON value of more than "
                f"data.max_document_bytes={limit:,}; write one object per line (JSON Lines)"
            )
        self._lines_before += self._text.count("\n", 0, self._place)
        more = self._stream.read(size)
        self._ended = not more
        self._text, self._place = left + more, 0
        return bool(more)

    def _refuse(self, why: str) -> None:
        line = self._lines_before + self._text.count("\n", 0, self._place) + 1
        raise InputError(
            f"{self._source}: the JSON value that begins in line {line} cannot be read ({why}); "
            "a file that was cut has to be fetched again, or written with one object per line"
        )
