"""CSV files in which a broken row costs only itself."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from tagfinder.corpus.sources.blocks import Block, printable
from tagfinder.corpus.sources.columns import Columns
from tagfinder.corpus.sources.dialects import SEPARATORS, Dialect, Records, Suspicion
from tagfinder.corpus.sources.forms import Form
from tagfinder.corpus.sources.streams import Input, Lines, open_text
from tagfinder.corpus.sources.tables import Row, read_table
from tagfinder.errors import InputError

PREAMBLE = 60
"""Records at the beginning of a file among which its header is looked for."""
MOST_ROWS, LEAST_COLUMNS = 0.8, 2

RFC_4180 = Dialect(separator=",", quote='"')


def read_csv(path: Path, columns: Columns, separator: str = ",") -> Iterator[Block]:
    """Read a UTF-8 CSV file with a header line, quoted as in RFC 4180.

    Raises:
        InputError: the file is damaged or lacks a column.
    """
    dialect = Dialect.said(separator, '"', None)
    return read_delimited(Input(path), columns, dialect=dialect)


def read_delimited(
    source: Input,
    columns: Columns,
    *,
    dialect: Dialect = RFC_4180,
    encoding: str = "utf-8-sig",
    form: Form | None = None,
    header: bool = True,
    skip_lines: int = 0,
) -> Iterator[Block]:
    """Read a CSV file; texts may hold line breaks.

    A record that cannot be read costs its first line; reading continues with the next line.

    Args:
        source: the file.
        columns: which column holds which field.
        dialect: separator, quote and escape, none of them `auto`.
        encoding: of the file.
        form: how the posts are written; null recognises it.
        header: whether the first line has the names; if not they are numbers from 1.
        skip_lines: lines at the beginning that are not read.

    Raises:
        InputError: the file is damaged or lacks a column, or records seem to be fused.
    """
    with open_text(source, encoding) as stream:
        lines = Lines(stream)
        for _ in islice(lines, skip_lines):
            pass
        lines.begin()
        records = Records(lines, dialect)
        first = _first(records, source)
        if not first:
            return
        if header:
            first = dialect.names(first)
        names = [printable(name.strip()) for name in first]
        rows = _rows(records, lines, names, source, dialect)
        if header:

            def advice() -> str | None:
                return None if skip_lines else _header_advice(source, encoding, dialect)

            yield from read_table(names, rows, source, columns, form, header_advice=advice)
            return
        numbered = [str(place) for place in range(1, len(first) + 1)]
        begun: Row = (lines.number, first, None)
        every = chain([begun], rows)
        yield from read_table(numbered, every, source, columns, form, named=False)


def _first(records: Records, source: Input) -> list[str]:
    try:
        return records.header()
    except csv.Error as error:
        raise InputError(f"{source}, line 1: the CSV header cannot be read ({error})") from error


def _rows(
    records: Records, lines: Lines, names: list[str], source: Input, dialect: Dialect
) -> Iterator[Row]:
    suspicion = Suspicion(dialect)
    for number, record, reason in records.after(len(names)):
        if reason:
            yield number, record[0], reason
            continue
        if dialect.checked and dialect.quote and suspicion.is_fused(record, lines.record):
            raise InputError(
                f"{source}, line {number}: a {dialect.quote} opens a text that runs over "
                f"{len(lines.record)} lines, and other posts seem to be in it; if fields of this "
                "file are not quoted, set data.quote=null; if all of this is one post, "
                f"data.quote='\\{dialect.quote}'"
            )
        yield number, record, None


def _header_advice(source: Input, encoding: str, dialect: Dialect) -> str | None:
    """Tell how many lines are before the names of the columns, null if none seem to be."""
    # The lines before may have misled about the separator.
    for separator in dict.fromkeys((dialect.separator, *SEPARATORS)):
        lines = _lines_before_header(source, encoding, replace(dialect, separator=separator))
        if lines:
            return (
                f"the names of the columns seem to be in line {lines + 1}: data.skip_lines={lines}"
            )
    return None


def _lines_before_header(source: Input, encoding: str, dialect: Dialect) -> int:
    begun, widths = [], []
    with open_text(source, encoding) as stream:
        lines = Lines(stream)
        try:
            for record in islice(dialect.reader(lines), PREAMBLE):
                begun.append(lines.number - len(lines.record))
                widths.append(len(record))
                lines.begin()
        except csv.Error:
            return 0
    widest = max(widths, default=0)
    if widest < LEAST_COLUMNS:
        return 0
    # The lines before the header are narrower, and after it comes a table.
    before = widths.index(widest)
    rest = widths[before:]
    is_table = rest.count(widest) >= max(MOST_ROWS * len(rest), 2)
    return begun[before] if is_table else 0
