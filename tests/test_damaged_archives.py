"""Archives with one damaged byte: what they hold, or one error of a kind that readers expect."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from openpyxl import Workbook

from tagfinder.artifacts.checkpoints import is_intact
from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.sources.files import FileSource
from tagfinder.errors import InputError
from tagfinder.files import DAMAGED_ZIP


def an_archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("posts.csv", "id,text\n1,a river\n2,a town\n")
    return content.getvalue()


def a_workbook() -> bytes:
    content, book = io.BytesIO(), Workbook()
    book.active.append(["id", "text"])
    book.active.append(["1", "a river"])
    book.save(content)
    return content.getvalue()


def damaged(content: bytes, places: range) -> list[bytes]:
    return [
        content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :]
        for place in places
        for flip in (0x01, 0x81)
    ]


@pytest.mark.parametrize("name", ["posts.zip", "posts.xlsx"])
def test_a_file_of_posts_is_read_or_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    content = an_archive() if name.endswith("zip") else a_workbook()
    path = tmp_path / name
    # Of a workbook the headers of members and the directory at the end.
    end = len(content)
    places = range(end) if end < 500 else range(end - 300, end)
    for bad in damaged(content, places):
        path.write_bytes(bad)
        try:
            source = FileSource(path=str(path), columns={"text": "text"})
            assert sum(batch.height for batch in source.batches(Rejects())) <= 2
        except InputError as error:
            assert str(path.name) in str(error)


def test_arrays_and_checkpoints_fail_only_as_their_readers_expect(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.savez(content, numbers=np.arange(3))
    path = tmp_path / "arrays.npz"
    outcomes = set()
    for bad in damaged(content.getvalue(), range(len(content.getvalue()))):
        path.write_bytes(bad)
        outcomes.add(is_intact(path))
        try:
            with np.load(path, allow_pickle=False) as arrays:
                dict(arrays)
        except DAMAGED_ZIP:
            outcomes.add("refused")
    assert outcomes == {True, False, "refused"}
