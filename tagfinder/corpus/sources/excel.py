"""Excel's `.xlsx`: the first sheet, row by row."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time
from itertools import chain
from typing import IO, Any

from tagfinder.corpus.sources.blocks import Block
from tagfinder.corpus.sources.columns import Columns
from tagfinder.corpus.sources.forms import Form
from tagfinder.corpus.sources.streams import Input, reason
from tagfinder.corpus.sources.tables import Row, read_table
from tagfinder.errors import InputError
from tagfinder.files import DAMAGED_ZIP

EXACT_DIGITS = 10**15
"""Excel keeps fifteen digits of a number."""


def read_excel(
    source: Input,
    columns: Columns,
    form: Form | None = None,
    *,
    header: bool = True,
    skip_rows: int = 0,
    note: Callable[[str], None] = lambda _: None,
) -> Iterator[Block]:
    """Read the first sheet of a workbook that has any rows; `note` is called with the others.

    The first `skip_rows` rows of the sheet are not read.

    Raises:
        InputError: the file is damaged, larger than the limit, or lacks a column.
    """
    try:
        from openpyxl import load_workbook
    except ModuleNotFoundError as error:
        raise InputError(
            f"{source}: reading .xlsx needs the package openpyxl; pip install openpyxl, or save "
            "the sheet as CSV"
        ) from error
    content = source.whole()
    _refuse_bomb(content, source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = load_workbook(content, read_only=True, data_only=True)
            sheets = _with_rows(book)
            if len(sheets) > 1:
                note(f"{source.name}: only the sheet {sheets[0].title} is read")
            for sheet in sheets[:1]:
                rows = (row for row in _rows(sheet) if row[0] > skip_rows)
                yield from _blocks(rows, source, columns, form, header)
    except InputError:
        raise
    # A damaged workbook fails in as many ways as there are parts of it.
    except Exception as error:
        raise InputError(f"{source} cannot be read as .xlsx: {reason(error)}") from error


def _refuse_bomb(content: IO[bytes], source: Input) -> None:
    try:
        with zipfile.ZipFile(content) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except DAMAGED_ZIP as error:
        raise InputError(f"{source} cannot be read as .xlsx: {reason(error)}") from error
    if unpacked > source.limits.document_bytes:
        raise InputError(
            f"{source} unpacks to {unpacked:,} bytes, more than "
            f"data.max_document_bytes={source.limits.document_bytes:,}"
        )


def _blocks(
    rows: Iterator[Row], source: Input, columns: Columns, form: Form | None, header: bool
) -> Iterator[Block]:
    first = next(rows, None)
    if first is None:
        return
    width = len(first[1])
    if header:
        names = [str(value if value is not None else "").strip() for value in first[1]]
        yield from read_table(names, _of_width(rows, width), source, columns, form)
    else:
        numbered = [str(place) for place in range(1, width + 1)]
        every = _of_width(chain([first], rows), width)
        yield from read_table(numbered, every, source, columns, form, named=False)


def _with_rows(book: Any) -> list[Any]:
    """Return the sheets that have any rows."""
    for sheet in book.worksheets:
        # The size that a sheet declares is often wrong.
        sheet.reset_dimensions()
    return [sheet for sheet in book.worksheets if next(_rows(sheet), None)]


def _rows(sheet: Any) -> Iterator[Row]:
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        if any(value is not None for value in row):
            yield number, [_plain(value) for value in row], None


def _of_width(rows: Iterable[Row], width: int) -> Iterator[Row]:
    """Cut and fill rows: empty cells at the end are not in the file."""
    for number, values, _ in rows:
        yield number, (values + [None] * width)[:width], None


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float) and abs(value) >= EXACT_DIGITS:
        return f"{value:.14E}"
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value if value is None or isinstance(value, int | float) else str(value)
