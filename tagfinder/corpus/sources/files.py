"""The user's own files, in any form that posts are exported in."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from tagfinder.configuration.corpus_name import corpus_name
from tagfinder.configuration.types import NonNegativeInt, PositiveInt
from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.sources import recognition
from tagfinder.corpus.sources.blocks import NOT_A_LIST, Block
from tagfinder.corpus.sources.columns import Columns, Wanted
from tagfinder.corpus.sources.dates import DAY_FIRST, MONTH_FIRST, Order, day_order, is_ambiguous
from tagfinder.corpus.sources.delimited import read_delimited
from tagfinder.corpus.sources.dialects import AUTO, Dialect, find_dialect
from tagfinder.corpus.sources.encodings import UTF_8, check_encoding
from tagfinder.corpus.sources.excel import read_excel
from tagfinder.corpus.sources.filters import Filters
from tagfinder.corpus.sources.forms import Form
from tagfinder.corpus.sources.forms.registry import FORMS
from tagfinder.corpus.sources.hashtag_lists import FORMS as WRITTEN_LISTS
from tagfinder.corpus.sources.json_values import json_documents, json_lines
from tagfinder.corpus.sources.parquet import read_parquet
from tagfinder.corpus.sources.recognition import CONTAINERS, Recognised, recognise_file
from tagfinder.corpus.sources.records import read_records
from tagfinder.corpus.sources.streams import (
    MAX_DOCUMENT_BYTES,
    MAX_UNPACKED_BYTES,
    Input,
    Limits,
    open_text,
)
from tagfinder.corpus.sources.values import Meaning, usable_posts
from tagfinder.corpus.sources.xml_rows import xml_rows
from tagfinder.errors import InputError
from tagfinder.files import sha256_of

VERSION = 3
"""To be raised when the same files are to give other posts than before."""


class FileSource:
    """Posts from files, streamed.

    Args:
        path: a file, a folder (searched with its sub-folders), a glob, or a list of these.
        columns: which column holds which field, see `Columns`.
        format: how the files are written: one of the forms, one of the containers, or `auto`.
        separator: see `Dialect`, as are the two that follow.
        quote: see `Dialect`.
        escape: see `Dialect`.
        encoding: of text files, or `auto`.
        header: whether tables begin with the names of their columns; if not, columns are named by
            their numbers from 1.
        skip_lines: lines before the header, or before the first row, of a table.
        hashtag_separator: text between hashtags in a column, null to detect it.
        max_characters: longer texts cannot be used.
        max_document_bytes: see `Limits`, as is the one that follows.
        max_unpacked_bytes: see `Limits`.
        name: shown in tables and part of folder names; None takes that of the file or folder.
        languages: see `Filters`, as are the two that follow.
        drop_retweets: whether to leave out retweets.
        drop_duplicate_ids: whether to leave out posts whose id was seen before.

    Raises:
        InputError: a setting has no such value, or there is no such file.
    """

    def __init__(
        self,
        *,
        path: str | Sequence[str] | None,
        columns: Wanted,
        format: str = AUTO,
        separator: str = AUTO,
        quote: str | None = AUTO,
        escape: str | None = None,
        encoding: str = AUTO,
        header: bool = True,
        skip_lines: NonNegativeInt = 0,
        hashtag_separator: str | None = None,
        max_characters: PositiveInt = 25_000,
        max_document_bytes: PositiveInt = MAX_DOCUMENT_BYTES,
        max_unpacked_bytes: PositiveInt = MAX_UNPACKED_BYTES,
        name: str | None = None,
        languages: Sequence[str] | None = None,
        drop_retweets: bool = True,
        drop_duplicate_ids: bool = True,
    ) -> None:
        self.name = corpus_name(name, path)
        self._columns = Columns(columns)
        self._container, self._form = _said_format(format)
        self._dialect = Dialect.said(separator, quote, escape)
        self._encoding = None if encoding == AUTO else check_encoding(encoding)
        self._header = header
        self._skip_lines = skip_lines
        self._meaning = Meaning(
            max_characters,
            created_at_format=self._columns.created_at_format,
            hashtag_separator=hashtag_separator,
        )
        self._limits = Limits(max_document_bytes, max_unpacked_bytes)
        self._filters = Filters(languages, drop_retweets, drop_duplicate_ids)
        self._settings = {
            "columns": dict(sorted(columns.items())),
            "format": format,
            "separator": separator,
            "quote": quote,
            "escape": escape,
            "encoding": encoding,
            "header": header,
            # Without it, as before, corpora that were prepared are found again.
            **({"skip_lines": skip_lines} if skip_lines else {}),
            "hashtag_separator": hashtag_separator,
            "max_characters": max_characters,
        }
        self.paths = find_files(path)

    def fingerprint(self) -> dict[str, Any]:
        """Return names, sizes and checksums of the files, and how they are read."""
        files = [
            {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
            for path in self.paths
        ]
        return {
            "source": "files",
            "version": VERSION,
            "files": files,
            **self._settings,
            **self._filters.fingerprint(),
        }

    def batches(self, rejects: Rejects) -> Iterator[pl.DataFrame]:
        """Yield the posts in the order of the files and of their rows.

        Raises:
            InputError: a file cannot be read, or no row of any can be used.
        """
        rejected_before = rejects.total
        usable = False
        for batch in self._filters.apply(self._posts(rejects), rejects):
            usable = usable or batch.height > 0
            yield batch
        if not usable:
            raise InputError(self._nothing(rejects, rejected_before))

    def _posts(self, rejects: Rejects) -> Iterator[pl.DataFrame]:
        for path in self.paths:
            if path.stat().st_size == 0:
                continue
            whole = Input(path, limits=self._limits)
            for source in recognition.inputs_of(path, whole, rejects.note):
                meaning = self._meaning
                for block in self._blocks(source, rejects):
                    for advice in block.advice:
                        rejects.note(f"{source.name}: {advice}")
                    if meaning.order is None and self._is_ambiguous(block):
                        meaning = replace(meaning, order=self._order(source, rejects))
                    yield usable_posts(block, source, meaning, rejects)

    def _blocks(self, source: Input, rejects: Rejects) -> Iterator[Block]:
        found = recognise_file(source, self._container, self._encoding)
        if found.encoding != UTF_8 and self._encoding is None:
            rejects.note(
                f"{source.name}: read as {found.encoding} (data.encoding={found.encoding})"
            )
        if found.container == recognition.PARQUET:
            return read_parquet(source, self._columns, self._form)
        if found.container == recognition.EXCEL:
            return read_excel(
                source,
                self._columns,
                self._form,
                header=self._header,
                skip_rows=self._skip_lines,
                note=rejects.note,
            )
        if found.container == recognition.XML:
            return read_records(xml_rows(source), source, self._columns, self._form)
        if found.container == recognition.CSV:
            return self._delimited(source, found, rejects)
        return self._json(source, found)

    def _json(self, source: Input, found: Recognised) -> Iterator[Block]:
        with open_text(source, found.encoding) as stream:
            in_lines = found.container == recognition.JSON_LINES
            values = json_lines(stream) if in_lines else json_documents(stream, source)
            yield from read_records(values, source, self._columns, self._form)

    def _delimited(self, source: Input, found: Recognised, rejects: Rejects) -> Iterator[Block]:
        head = "".join(found.head.splitlines(keepends=True)[self._skip_lines :])
        dialect = find_dialect(head, self._dialect, source.suffix)
        if (
            dialect.quote != '"' and self._dialect.quote == AUTO
        ) or dialect.escape != self._dialect.escape:
            rejects.note(f"{source.name}: read with {dialect}")
        return read_delimited(
            source,
            self._columns,
            dialect=dialect,
            encoding=found.encoding,
            form=self._form,
            header=self._header,
            skip_lines=self._skip_lines,
        )

    def _is_ambiguous(self, block: Block) -> bool:
        given = self._meaning.created_at_format is None and "created_at" in block.rows.columns
        return given and is_ambiguous(block.rows["created_at"])

    def _order(self, source: Input, rejects: Rejects) -> Order:
        """Return whether days or months come first in a file, from its whole column."""
        found = set()
        example = ""
        for block in self._blocks(source, rejects):
            times = block.rows["created_at"]
            found.add(day_order(times))
            example = example or str(times.drop_nulls().first())
        orders = found - {None}
        if len(orders) == 1:
            return orders.pop()  # type: ignore[return-value]
        why = "both orders occur" if orders else f"all can be read both ways, as {example}"
        raise InputError(
            f"{source}: the dates of created_at have day and month as numbers, and {why}; say "
            f"which is first: data.columns.created_at_format={DAY_FIRST} or {MONTH_FIRST}"
        )

    def _nothing(self, rejects: Rejects, before: int) -> str:
        where = str(self.paths[0]) if len(self.paths) == 1 else f"{len(self.paths)} files"
        if rejects.total == before:
            return f"{where}: empty, there are no rows to read"
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in rejects.counts.items())
        advice = (
            f"; hashtags can be written as {WRITTEN_LISTS}: name their separator with "
            "data.hashtag_separator, or take them from the texts with data.columns.hashtags=null"
            if NOT_A_LIST in rejects.counts
            else ""
        )
        return (
            f"{where}: none of the {rejects.total - before:,} rows can be used ({reasons}){advice}"
        )


def _said_format(name: str) -> tuple[str | None, Form | None]:
    if name == AUTO:
        return None, None
    if name in CONTAINERS:
        return name, None
    if name in FORMS:
        return None, FORMS[name]
    known = ", ".join((AUTO, *CONTAINERS, *FORMS))
    raise InputError(f"data.format={name} is none of {known}")


def find_files(path: str | Sequence[str] | None) -> list[Path]:
    """Return the files that `data.path` names, each once: as listed, those of a folder sorted.

    Raises:
        InputError: a path is missing, or has no files of a known form.
    """
    if not path:
        raise InputError("data.path is not set; name a file, a folder or a glob: data.path=FILE")
    named = [path] if isinstance(path, str) else path
    found = [file for one in named for file in _find(str(one))]
    return list(dict.fromkeys(found))


def _find(named: str) -> list[Path]:
    path = Path(named).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        found = [file for file in sorted(path.rglob("*")) if not _is_hidden(file, path)]
    else:
        # `Path.glob` cannot begin at the root.
        found = [Path(one) for one in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
    files = [file for file in found if file.is_file() and recognition.has_known_suffix(file)]
    if not files:
        kind = "file of posts" if found or path.is_dir() else "such file"
        known = f" ({recognition.suffix_names()})" if kind == "file of posts" else ""
        raise InputError(f"data.path={named}: there is no {kind}{known}")
    return files


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)
