"""How a CSV file separates, quotes and escapes, found from how it begins."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from statistics import median
from typing import Any

from tagfinder.corpus.sources.streams import TOO_LONG, Lines
from tagfinder.errors import InputError

AUTO = "auto"
TAB = "\t"
SEPARATORS = (TAB, "|", ";", ",")
"""Of two that separate equally well the first: commas are in texts, too."""
NAMED = {"tab": TAB, r"\t": TAB, "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
EXCEL_LINE = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
BROKEN_QUOTING = "broken CSV quoting"
WRONG_WIDTH = "wrong number of CSV fields"
SAMPLE_RECORDS = 1_000
MIN_RECORDS = 2
"""Fewer records show no rule."""
MOST_LINES = 200
"""A record over more lines than that, and ten times the median, is no post."""
_LETTERS = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Dialect:
    """How fields are separated.

    Attributes:
        separator: character between fields, `auto` to detect it.
        quote: character around fields with separators or line breaks, null for none, `auto` to
            detect it.
        escape: character that makes the next one an ordinary character, null for none.
        checked: whether a record over several lines is suspected to be more than one.
        unnamed: place of a column that the header does not name (0 or -1), null if there is none.
    """

    separator: str = AUTO
    quote: str | None = AUTO
    escape: str | None = None
    checked: bool = True
    unnamed: int | None = None

    @classmethod
    def said(cls, separator: str, quote: str | None, escape: str | None) -> Dialect:
        """Return the dialect that settings ask for.

        Raises:
            InputError: one is not a single character.
        """
        separator = NAMED.get(separator, separator)
        for key, value in (("separator", separator), ("quote", quote), ("escape", escape)):
            if value is not None and value != AUTO and (len(value) != 1 or value in "\r\n"):
                raise InputError(
                    f"data.{key}={value!r} is not one character, as in data.separator=';' or "
                    "data.separator=tab"
                )
        return cls(separator, quote, escape, checked=quote == AUTO)

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        """Return a strict reader of records."""
        quoted: dict[str, Any] = {"quoting": csv.QUOTE_NONE, "quotechar": None}
        if self.quote is not None:
            quoted = {"quotechar": self.quote, "doublequote": True, "strict": True}
        if self.escape:
            quoted["escapechar"] = self.escape
        return csv.reader(lines, delimiter=self.separator, **quoted)

    def names(self, header: list[str]) -> list[str]:
        """Return the header with an empty name for a column that it does not name."""
        if self.unnamed is None:
            return header
        return ["", *header] if self.unnamed == 0 else [*header, ""]

    def __str__(self) -> str:
        """Say it as settings."""
        separator = {TAB: "tab"}.get(self.separator, f"'{self.separator}'")
        quote = "null" if self.quote is None else f"'{self.quote}'"
        escape = f" data.escape='{self.escape}'" if self.escape else ""
        return f"data.separator={separator} data.quote={quote}{escape}"


def find_dialect(head: str, said: Dialect, suffix: str) -> Dialect:
    """Return the dialect of a file from its first complete lines `head`; given settings are kept.

    Quotes follow RFC 4180, unless that gives impossible records and another reading does not. The
    other readings are backslashes before quotes and, for files with one record a line, no quotes at
    all.
    """
    excel = EXCEL_LINE.match(head)
    separator = said.separator
    if separator == AUTO:
        separator = excel[1] if excel else _find_separator(head, suffix)
    quote = '"' if said.quote == AUTO else said.quote
    usual = _with_unnamed(head, replace(said, separator=separator, quote=quote))
    if said.quote != AUTO:
        return usual
    faults, fused = _faults(head, usual)
    if not faults and not fused:
        return usual
    if not said.escape and '\\"' in head:
        escaped = _with_unnamed(head, replace(usual, escape="\\"))
        if _faults(head, escaped) == (0, 0):
            return escaped
    if fused or separator == TAB:
        unquoted = _with_unnamed(head, replace(usual, quote=None))
        if _faults(head, unquoted) == (0, 0):
            return unquoted
    return usual


def _find_separator(head: str, suffix: str) -> str:
    if suffix in (".tsv", ".tab"):
        return TAB
    best, most = ",", (0.0, 1)
    for separator in SEPARATORS:
        widths = _widths(head, separator)
        # The right separator gives the first line several fields, and the others as many.
        if widths and widths[0] > 1:
            score = (widths.count(widths[0]) / len(widths), widths[0])
            if score > most:
                best, most = separator, score
    # Blanks are in all texts: they separate only where every line has the same number of fields.
    header, *widths = (_widths(head, " ") if most[1] == 1 else []) or [1]
    is_even = len(widths) >= MIN_RECORDS and len(set(widths)) == 1
    return " " if is_even and header > 1 and widths[0] in (header, header + 1) else best


def _widths(head: str, separator: str) -> list[int]:
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=separator)
    return [len(record) for record in _sample(reader)]


def _sample(reader: Iterator[list[str]]) -> list[list[str]]:
    records: list[list[str]] = []
    # A broken record ends the sample.
    with suppress(csv.Error):
        records.extend(filter(None, islice(reader, SAMPLE_RECORDS)))
    return records


def _with_unnamed(head: str, dialect: Dialect) -> Dialect:
    """Find a column without a name: R's names of rows, or what an end separator makes."""
    text = EXCEL_LINE.sub("", head, count=1)
    header, *others = _sample(dialect.reader(io.StringIO(text, newline=""))) or [[]]
    if len(others) < MIN_RECORDS or {len(record) for record in others} != {len(header) + 1}:
        return replace(dialect, unnamed=None)
    return replace(dialect, unnamed=0 if any(record[-1] for record in others) else -1)


def _faults(head: str, dialect: Dialect) -> tuple[int, int]:
    """Return how many records of the sample are broken, and how many are suspected to be more."""
    lines = Lines(io.StringIO(head, newline=""))
    records = Records(lines, dialect)
    try:
        header = records.header()
    except csv.Error:
        return 1, 0
    suspicion = Suspicion(dialect)
    faults = fused = 0
    for _, record, reason in records.after(len(dialect.names(header))):
        if reason:
            faults += 1
        elif suspicion.is_fused(record, lines.record):
            fused += 1
    return faults, fused


class Records:
    """The records of a CSV file, of which a broken one costs its first line.

    Args:
        lines: of the file.
        dialect: none of its values `auto`.
    """

    def __init__(self, lines: Lines, dialect: Dialect) -> None:
        csv.field_size_limit(2**31 - 1)
        self._lines = lines
        self._dialect = dialect
        self._records = dialect.reader(lines)

    def header(self) -> list[str]:
        """Return the first record that is not empty, without Excel's `sep=` line.

        Raises:
            csv.Error: it cannot be read.
        """
        for record in self._records:
            if record and not (
                self._lines.number == 1 and EXCEL_LINE.fullmatch(self._lines.record[0])
            ):
                return record
            self._lines.begin()
        return []

    def after(self, width: int) -> Iterator[tuple[int, list[str], str | None]]:
        """Yield line number, fields and no reason; for a broken one its first line and a reason."""
        while True:
            self._lines.begin()
            first = self._lines.number + 1
            try:
                record = next(self._records)
            except StopIteration:
                return
            except csv.Error:
                record = None
            reason = self._fault(record, width)
            if reason:
                yield first, [self._lines.keep_first()], reason
            elif record:
                yield first, record, None

    def _fault(self, record: list[str] | None, width: int) -> str | None:
        lines = self._lines.record
        if self._lines.is_cut(lines[0]) or (len(lines) > 1 and any(map(self._lines.is_cut, lines))):
            return TOO_LONG
        # An unpaired quote was meant to open or close a field: the parsed record would be half a
        # row.
        if record is None or self._has_open_quote(lines):
            return BROKEN_QUOTING
        if record and len(record) != width:
            return WRONG_WIDTH
        return None

    def _has_open_quote(self, lines: Sequence[str]) -> bool:
        quote, escape = self._dialect.quote, self._dialect.escape
        if quote is None:
            return False
        text = lines[0] if len(lines) == 1 else "".join(lines)
        number = text.count(quote)
        if escape and number:
            text = text.replace(escape * 2, "")
            number = text.count(quote) - text.count(escape + quote)
        return number % 2 == 1


@dataclass
class Suspicion:
    """Finds records that a quote sign made of several: the lines inside look like records.

    A line looks like one if it has all the fields, and every field with one pattern of letters,
    digits and signs in all records (ids, dates, classes) has that pattern there too.

    Attributes:
        dialect: how fields are separated.
    """

    dialect: Dialect
    _patterns: list[set[str]] = field(default_factory=list)
    _lines: list[int] = field(default_factory=list)
    _words: list[int] = field(default_factory=list)

    def is_fused(self, record: list[str], lines: Sequence[str]) -> bool:
        """Tell whether a record over these lines is more than one."""
        learning = len(self._lines) < SAMPLE_RECORDS
        if len(lines) == 1 and not learning:
            return False
        if learning:
            self._lines.append(len(lines))
        if len(lines) == 1:
            self._learn(record)
            return False
        # The last line of a text in the first column has all the others, but the first has none.
        if self._is_record(lines[0]):
            inside = [line for line in lines[1:] if line.strip()]
            alike = sum(map(self._is_record, inside))
            if alike and (2 * alike >= len(inside) or alike > 2):
                return True
        return len(lines) > max(MOST_LINES, 10 * median(self._lines))

    def _learn(self, record: list[str]) -> None:
        if not self._patterns:
            self._patterns = [set() for _ in record]
            self._words = [0] * len(record)
        for place, value in enumerate(record):
            self._patterns[place].add(_pattern(value))
            self._words[place] += len(value.split())

    def _is_record(self, line: str) -> bool:
        fields = line.rstrip("\r\n").split(self.dialect.separator)
        if len(fields) != len(self._patterns):
            try:
                fields = next(csv.reader([line], delimiter=self.dialect.separator), [])
            except csv.Error:
                return False
        if len(fields) != len(self._patterns) or len(fields) == 1:
            return False
        # Texts, and columns with almost as many patterns as rows, say nothing about a line.
        texts = self._words.index(max(self._words))
        few = max(3, len(self._lines) // 20)
        telling = [
            (self._patterns[place], value)
            for place, value in enumerate(fields)
            if place != texts and value and len(self._patterns[place]) <= few
        ]
        return bool(telling) and all(_pattern(value) in patterns for patterns, value in telling)


def _pattern(value: str) -> str:
    return _DIGITS.sub("9", _LETTERS.sub("a", value[:80]))
