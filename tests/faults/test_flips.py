"""Bytes that changed on the disk: noticed, made again, or without consequence."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from composed import prepared
from tally import FACTOR, outcome_of, tally

import tagfinder
from tagfinder.data.vector_store import stored_vectors
from tagfinder.recommend.export import export_bundle

TEXTS = ["sold out again: new in my closet, make me an offer", "stocks", "a giveaway of cards"]


def suggested(folder: Path) -> list[Any]:
    found = tagfinder.load(folder).suggest(TEXTS, 3)
    return [[(s.hashtag, s.score, s.probability) for s in one.hashtags] for one in found]


def damage(content: bytes, chance: random.Random) -> bytes:
    """Flip a bit, zero a stretch, cut, or add to a file."""
    changed = bytearray(content)
    place = chance.randrange(max(len(changed), 1))
    kind = chance.choice(["flip", "flip", "flip", "zero", "cut", "empty", "longer"])
    if kind == "flip" and changed:
        changed[place] ^= 1 << chance.randrange(8)
    elif kind == "zero":
        changed[place : place + 4096] = bytes(len(changed[place : place + 4096]))
    elif kind == "cut":
        del changed[place:]
    elif kind == "empty":
        changed.clear()
    else:
        changed += b"\0x\n"
    return bytes(changed)


def campaign(kind: str, folder: Path, use: Callable[[], Any], trials: int) -> None:
    """Damage one file at a time, use the whole, and put the file back."""
    chance = random.Random(zlib.crc32(kind.encode()))
    result = tally(kind)
    expected = use()
    for _ in range(trials):
        file = chance.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
        content = file.read_bytes()
        broken = damage(content, chance)
        file.write_bytes(broken)
        result.count(outcome_of(use, expected))
        if file.exists() and file.read_bytes() == broken:
            file.write_bytes(content)
    assert result.is_clean(), result


def test_flips_in_a_run(run: Path) -> None:
    campaign("bytes of a run", run, lambda: suggested(run), 40 * FACTOR)


def test_flips_in_a_bundle(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagfinder.recommend.export.model_card", lambda *_: "# card")
    export_bundle(run, tmp_path / "bundle")
    campaign(
        "bytes of a bundle",
        tmp_path / "bundle",
        lambda: suggested(tmp_path / "bundle"),
        40 * FACTOR,
    )


def test_flips_in_a_prepared_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGFINDER_CACHE", str(tmp_path / "cache"))

    def content() -> Any:
        corpus = prepared("data.rows=1000")
        posts = pl.read_parquet(corpus.folder / "posts.parquet")
        return corpus.manifest, corpus.label_set, posts.hash_rows().to_list()

    content()
    campaign("bytes of a prepared corpus", tmp_path / "cache", content, 3 * FACTOR)


def test_flips_in_stored_vectors(tmp_path: Path) -> None:
    texts = pl.Series([f"text {number}" for number in range(200)])

    def compute(some: pl.Series, file: Path) -> None:
        codes = [zlib.crc32(text.encode()) for text in some]
        np.save(file, np.array(codes, dtype=np.float32).reshape(-1, 1))

    def vectors() -> Any:
        empty = np.empty((0, 1), np.float32)
        return stored_vectors(tmp_path, texts, compute, empty)[:].tolist()

    vectors()
    campaign("bytes of stored vectors", tmp_path, vectors, 40 * FACTOR)
