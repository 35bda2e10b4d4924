"""CSV files in which a broken row costs only itself."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from tagfinder.corpus.sources.blocks import CHARACTERS, ROWS, Block, Broken, make_block, printable
from tagfinder.corpus.sources.columns import Columns
from tagfinder.corpus.sources.streams import LONGEST_LINE, TOO_LONG, Lines, is_cut, open_text
from tagfinder.errors import InputError

BROKEN_QUOTING = "broken CSV quoting"
WRONG_WIDTH = "wrong number of CSV fields"


def read_csv(path: Path, columns: Columns, separator: str = ",") -> Iterator[Block]:
    """Read a CSV file with a header line, quoted as RFC 4180 has it (texts may hold line breaks).

    A record that cannot be read costs its first line; reading goes on with the next one.

    Raises:
        InputError: the file is damaged or lacks a column.
    """
    csv.field_size_limit(LONGEST_LINE)
    with open_text(path) as stream:
        lines = Lines(stream)
        records = csv.reader(lines, delimiter=separator, strict=True)
        header = _header(records, path)
        if not header:
            return
        found = columns.find(header, path)
        where = {field: header.index(names[0]) for field, names in found.items()}
        yield from _blocks(lines, records, where, len(header))


def _header(records: Iterator[list[str]], path: Path) -> list[str]:
    try:
        header = next((record for record in records if record), [])
    except csv.Error as error:
        raise InputError(f"{path}, line 1: the CSV header cannot be read ({error})") from error
    return [printable(name.strip()) for name in header]


def _blocks(
    lines: Lines, records: Iterator[list[str]], where: dict[str, int], width: int
) -> Iterator[Block]:
    numbers: list[int] = []
    rows: list[list[str]] = []
    broken = Broken()
    size = 0
    for number, record, reason in _records(lines, records, width):
        if reason:
            broken.add(number, reason, record[0])
        else:
            numbers.append(number)
            rows.append(record)
            size += sum(map(len, record))
        if len(rows) + len(broken.numbers) >= ROWS or size >= CHARACTERS:
            yield _block(numbers, rows, where, broken)
            numbers, rows, broken, size = [], [], Broken(), 0
    if rows or broken.numbers:
        yield _block(numbers, rows, where, broken)


def _block(
    numbers: list[int], rows: list[list[str]], where: dict[str, int], broken: Broken
) -> Block:
    fields = {field: [row[index] for row in rows] for field, index in where.items()}
    return make_block(numbers, fields, broken)


def _records(
    lines: Lines, records: Iterator[list[str]], width: int
) -> Iterator[tuple[int, list[str], str | None]]:
    """Yield line number, fields and no reason; for what is broken its first line and a reason."""
    while True:
        lines.begin()
        first = lines.number + 1
        try:
            record = next(records)
        except StopIteration:
            return
        except csv.Error:
            record = None
        reason = _fault(record, lines.record, width)
        if reason:
            yield first, [lines.keep_first()], reason
        elif record:
            yield first, record, None


def _fault(record: list[str] | None, lines: list[str], width: int) -> str | None:
    text = lines[0] if len(lines) == 1 else "".join(lines)
    if is_cut(text) and any(map(is_cut, lines)):
        return TOO_LONG
    # A quote that stands alone was meant to open or close a field: what the reader made of it
    # would be half a row.
    if record is None or text.count('"') % 2:
        return BROKEN_QUOTING
    if record and len(record) != width:
        return WRONG_WIDTH
    return None
