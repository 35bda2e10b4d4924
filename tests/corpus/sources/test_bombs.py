"""Small files that would fill the memory are refused before they do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.sources.files import FileSource
from tagfinder.errors import InputError
from tagfinder.paths import conf_dir

ROWS = 2_000
MEBIBYTE = 2**20


def repeated(text: str, n: int) -> pa.Array:
    """A text that is once in the file and `n` times in memory."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([text]))


def write(tmp_path: Path, **columns: pa.Array) -> Path:
    file = tmp_path / "posts.parquet"
    table = pa.table({"text": pa.array(["a post #tag"] * ROWS)} | columns)
    pq.write_table(table, file, store_schema=False, row_group_size=ROWS)
    assert file.stat().st_size < MEBIBYTE
    return file


def read(file: Path, **settings: int) -> int:
    columns = yaml.safe_load((conf_dir() / "data" / "files.yaml").read_text())["columns"]
    with Rejects(None) as rejects:
        batches = FileSource(path=str(file), columns=columns, **settings).batches(rejects)
        return sum(batch.height for batch in batches)


def test_a_text_that_is_repeated_in_every_row_is_counted_before_it_is_decoded(
    tmp_path: Path,
) -> None:
    file = write(tmp_path, text=repeated("x" * MEBIBYTE, ROWS))
    with pytest.raises(InputError, match=r"rows become .* more than data\.max_document_bytes"):
        read(file)


def test_so_are_texts_inside_lists(tmp_path: Path) -> None:
    offsets = pa.array(range(0, ROWS * 10 + 1, 10), pa.int32())
    hashtags = pa.ListArray.from_arrays(offsets, repeated("x" * (MEBIBYTE // 8), ROWS * 10))
    with pytest.raises(InputError, match=r"rows become .* more than data\.max_document_bytes"):
        read(write(tmp_path, hashtags=hashtags))


def test_short_texts_that_repeat_are_read(tmp_path: Path) -> None:
    file = write(tmp_path, text=repeated("the same post #tag", ROWS))
    assert read(file, max_document_bytes=MEBIBYTE) == ROWS


def test_a_row_group_that_declares_too_much_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "limits.yaml").write_text("max_row_group_bytes: 10000")
    monkeypatch.setenv("TAGFINDER_LIMITS", str(tmp_path / "limits.yaml"))
    with pytest.raises(InputError, match=r"row group 0 becomes .* limits\.max_row_group_bytes"):
        read(write(tmp_path))


@pytest.mark.parametrize(
    "content", ["nonsense: 1", "max_depth: 0", "max_depth: many", "[1]", "a: ]"]
)
def test_wrong_limits_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    (tmp_path / "limits.yaml").write_text(content)
    monkeypatch.setenv("TAGFINDER_LIMITS", str(tmp_path / "limits.yaml"))
    with pytest.raises(InputError, match=r"TAGFINDER_LIMITS=.*limits\.yaml"):
        read(write(tmp_path))
