"""Bytes that changed on the disk: noticed, made again, or without consequence."""

from __future__ import annotations

import logging
import random
import shutil
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from composed import prepared
from tally import outcome_of, tally, trials

import tagfinder
from tagfinder.data.vector_store import stored_vectors
from tagfinder.errors import in_sentences
from tagfinder.live.features.table import SOURCES
from tagfinder.recommend.export import export_bundle

logger = logging.getLogger(__name__)
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


def campaign(
    kind: str, folder: Path, use: Callable[[], Any], count: int, damaged: str = "*"
) -> None:
    """Damage one file of these names at a time, use the whole, and put the file back."""
    chance = random.Random(zlib.crc32(kind.encode()))
    result = tally(kind)
    expected = use()
    for _ in range(count):
        file = chance.choice(sorted(path for path in folder.rglob(damaged) if path.is_file()))
        content = file.read_bytes()
        broken = damage(content, chance)
        file.write_bytes(broken)
        outcome = outcome_of(use, expected)
        result.count(outcome)
        if outcome in ("wrong", "tracebacks"):
            logger.error("%s: %s", outcome, file.relative_to(folder))
        if file.exists() and file.read_bytes() == broken:
            file.write_bytes(content)
    assert result.is_clean(), result


def test_flips_in_a_run(run: Path) -> None:
    campaign("bytes of a run", run, lambda: suggested(run), trials(40, 500))


def test_flips_in_a_bundle(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagfinder.recommend.export.model_card", lambda *_: "# card")
    export_bundle(run, tmp_path / "bundle")
    campaign(
        "bytes of a bundle",
        tmp_path / "bundle",
        lambda: suggested(tmp_path / "bundle"),
        trials(40, 400),
    )


def test_flips_in_a_prepared_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGFINDER_CACHE", str(tmp_path / "cache"))

    def content() -> Any:
        corpus = prepared("data.rows=1000")
        posts = pl.read_parquet(corpus.folder / "posts.parquet")
        return corpus.manifest, corpus.label_set, posts.hash_rows().to_list()

    content()
    campaign("bytes of a prepared corpus", tmp_path / "cache", content, trials(3, 150))


def vectors_of(texts: Sequence[str]) -> np.ndarray:
    return np.array([[1.0, len(text), zlib.crc32(text.encode()) % 97] for text in texts], "f4")


@pytest.mark.parametrize("how", ["read", "taught", "counted again"])
def test_flips_in_the_posts_of_a_live_run(tmp_path: Path, how: str) -> None:
    """A damaged post is noticed; what is derived from the log is, too, or is made again."""
    pytest.importorskip("tantivy", reason="needs tantivy")
    from tagfinder.live.durable import DurableKnowledge
    from tagfinder.live.post import Post

    folder, words = tmp_path / "knowledge", ["comet", "harbour", "vote", "rain", "flood"]
    posts = [
        Post(
            f"{n}",
            20_000.0 + n / 9,
            f"a{n % 5}",
            f"{words[n % 5]} {words[n % 4]} w{n}",
            (words[n % 3],),
        )
        for n in range(120)
    ]
    settings = {
        "classifier": {
            **{"interval_days": 10, "window_days": 90, "min_uses": 2, "dimension": 4},
            **{"epochs": 1, "warm_start_epochs": 1, "learning_rate": 0.05},
        }
    }

    def opened(writable: bool) -> DurableKnowledge:
        return DurableKnowledge(
            folder, encode=vectors_of, dimension=3, writable=writable, settings=settings
        )

    with opened(writable=True) as durable:
        durable.teach(posts)
        durable.train_classifiers()
    if how == "counted again":
        (folder / "state.json").unlink()
    whole = shutil.copytree(folder, tmp_path / "whole")

    def answers() -> Any:
        with opened(writable=how != "read") as durable:
            knowledge = durable.knowledge
            query = knowledge.query(
                "comet harbour", 20_013.0, "a1", set(SOURCES), vector=vectors_of(["comet"])[0]
            )
            candidates = knowledge.candidates(query, set(SOURCES))
            return candidates.hashtags.tolist(), candidates.features.tolist(), len(durable.store)

    def again() -> Any:
        try:
            with in_sentences():
                return answers()
        finally:
            shutil.rmtree(folder)
            shutil.copytree(whole, folder)

    damaged = "posts.sqlite" if how == "counted again" else "*"
    campaign(f"bytes of a live run's posts, {how}", folder, again, trials(40, 300), damaged)


def test_flips_in_stored_vectors(tmp_path: Path) -> None:
    texts = pl.Series([f"text {number}" for number in range(200)])

    def compute(some: pl.Series, file: Path) -> None:
        codes = [zlib.crc32(text.encode()) for text in some]
        np.save(file, np.array(codes, dtype=np.float32).reshape(-1, 1))

    def vectors() -> Any:
        empty = np.empty((0, 1), np.float32)
        return stored_vectors(tmp_path, texts, compute, empty)[:].tolist()

    vectors()
    campaign("bytes of stored vectors", tmp_path, vectors, trials(40, 50))
