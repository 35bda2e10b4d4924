"""CSV files in which a broken row costs only itself."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tagfinder.corpus.sources.blocks import Block, printable
from tagfinder.corpus.sources.columns import Columns
from tagfinder.corpus.sources.dialects import Dialect, Records, Suspicion
from tagfinder.corpus.sources.forms import Form
from tagfinder.corpus.sources.streams import Input, Lines, open_text
from tagfinder.corpus.sources.tables import Row, read_table
from tagfinder.errors import InputError

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

    Raises:
        InputError: the file is damaged or lacks a column, or records seem to be fused.
    """
    with open_text(source, encoding) as stream:
        lines = Lines(stream)
        records = Records(lines, dialect)
        first = _first(records, source)
        if not first:
            return
        if header:
            first = dialect.names(first)
        names = [printable(name.strip()) for name in first]
        rows = _rows(records, lines, names, source, dialect)
        if header:
            yield from read_table(names, rows, source, columns, form)
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
