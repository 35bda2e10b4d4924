"""Every byte of a folder, also of what is compressed in it, to look for what must not be there."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl


def places_of(folder: Path, markers: Iterable[str]) -> list[tuple[str, str]]:
    """Return each marker with each file that has it, as UTF-8 or UTF-16, in any case."""
    wanted = [
        (marker, [form.encode(code) for form in (marker, marker.lower()) for code in CODES])
        for marker in markers
    ]
    return [
        (marker, str(file.relative_to(folder)))
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        for content in [b"\n".join(_contents(file))]
        for marker, forms in wanted
        if any(form in content for form in forms)
    ]


CODES = ("utf-8", "utf-16-le", "utf-16-be")


def _contents(file: Path) -> Iterator[bytes]:
    content = file.read_bytes()
    yield content
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(file) as archive:
            yield from map(archive.read, archive.namelist())
    if file.suffix == ".parquet":
        yield pl.read_parquet(file).write_json().encode()
    yield file.name.encode()
