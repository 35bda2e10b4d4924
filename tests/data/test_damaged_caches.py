"""An intact cache entry is used; a damaged one is made again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from composed import prepared
from hypothesis import given, settings
from hypothesis import strategies as st

from tagfinder.data.feature_cache import cached_folder
from tagfinder.data.vector_store import stored_vectors
from tagfinder.files import healed_folder, is_whole

DAMAGE: dict[str, Callable[[Path], object]] = {
    "flipped": lambda file: file.write_bytes(flipped(file.read_bytes(), 0)),
    "flipped at the end": lambda file: file.write_bytes(flipped(file.read_bytes(), -1)),
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-2]),
    "emptied": lambda file: file.write_bytes(b""),
    "longer": lambda file: file.write_bytes(file.read_bytes() + b"\0"),
    "deleted": Path.unlink,
}


def flipped(content: bytes, place: int) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["a.bin", "inner/b.bin", "digests.json"])
def test_a_damaged_entry_is_made_again(
    damage: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAGFINDER_CACHE", str(tmp_path))
    made = []

    def fill(folder: Path) -> None:
        made.append(folder)
        (folder / "inner").mkdir()
        (folder / "a.bin").write_bytes(b"content of a")
        (folder / "inner" / "b.bin").write_bytes(b"content of b")

    folder = cached_folder("kind", {"key": 1}, fill)
    assert cached_folder("kind", {"key": 1}, fill) == folder
    assert len(made) == 1
    DAMAGE[damage](folder / name)
    again = cached_folder("kind", {"key": 1}, fill)
    assert len(made) == 2
    assert (again / "a.bin").read_bytes() == b"content of a"
    assert (again / "inner" / "b.bin").read_bytes() == b"content of b"
    assert [entry.name for entry in (tmp_path / "kind").iterdir()] == [folder.name]


def test_what_others_add_to_a_folder_does_not_matter(tmp_path: Path) -> None:
    with healed_folder(tmp_path / "x") as fresh:
        (fresh / "a").write_text("a")
    (tmp_path / "x" / "description").mkdir()
    (tmp_path / "x" / "description" / "page.md").write_text("x")
    assert is_whole(tmp_path / "x")


def test_a_whole_folder_is_never_thrown_away(tmp_path: Path) -> None:
    for content in ("first", "second"):
        with healed_folder(tmp_path / "x") as fresh:
            (fresh / "a").write_text(content)
    assert (tmp_path / "x" / "a").read_text() == "first"


@settings(max_examples=20)
@given(data=st.data())
def test_vectors_are_right_after_any_flipped_byte(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("vectors")
    texts = pl.Series([f"text {number}" for number in range(20)])

    def compute(texts: pl.Series, file: Path) -> None:
        lengths = texts.str.len_chars().to_numpy()
        np.save(file, np.stack([lengths, lengths * 3], axis=1).astype(np.float32))

    empty = np.empty((0, 2), np.float32)
    before = stored_vectors(folder, texts, compute, empty)[:]
    (shard,) = folder.iterdir()
    file = data.draw(st.sampled_from(sorted(shard.iterdir())))
    place = data.draw(st.integers(0, file.stat().st_size - 1))
    file.write_bytes(flipped(file.read_bytes(), place))
    after = stored_vectors(folder, texts, compute, empty)[:]
    np.testing.assert_array_equal(after, before)
    shutil.rmtree(folder)


def test_a_damaged_corpus_is_prepared_again_with_the_same_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAGFINDER_CACHE", str(tmp_path))
    corpus = prepared("data.rows=1000")
    names = ["posts.parquet", "hashtags.parquet", "manifest.json"]
    content = {name: (corpus.folder / name).read_bytes() for name in names}
    for name, damage in zip(names, ("flipped at the end", "emptied", "deleted"), strict=True):
        DAMAGE[damage](corpus.folder / name)
        again = prepared("data.rows=1000")
        assert {n: (again.folder / n).read_bytes() for n in names} == content, name
