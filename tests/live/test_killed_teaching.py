"""Killed at any moment, twenty times, while it teaches: a batch is in or out, never half."""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import numpy as np
from killing import kill_at_work
from tally import tally, trials

from tagfinder.live.durable import DurableKnowledge
from tagfinder.live.post import Post
from tagfinder.live.post_store import PostStore
from tagfinder.live.search.catch_up import catch_up
from tagfinder.live.search.tantivy_index import TantivyIndex

KILLS = trials(20, 200)
KILLS_WITH_VECTORS = trials(8, 50)
DIMENSION = 8
# Of each batch this many are deleted again by a call of its own.
DELETED = 2


def batch(number: int) -> list[Post]:
    """A batch of 3 to 40 posts, each with a word of its own."""
    size = random.Random(number).randint(3, 40)
    names = [f"b{number}p{place}" for place in range(size)]
    return [Post(name, 18_000 + number, "nasa", f"launch {name}", ("a",)) for name in names]


def teach(folder: Path, first: int) -> None:
    """Teach batches from `first` on until killed; note each call that returned."""
    notes = os.open(folder / "notes", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with PostStore(folder / "posts.sqlite") as store:
        index = TantivyIndex(folder / "index")
        number = first
        while True:
            catch_up(store, index)
            store.add(batch(number))
            os.write(notes, f"added {number}\n".encode())
            catch_up(store, index)
            store.delete([post.id for post in batch(number)[:DELETED]])
            os.write(notes, f"deleted {number}\n".encode())
            number += 1


def notes_in(folder: Path) -> list[str]:
    path = folder / "notes"
    return path.read_text().splitlines() if path.exists() else []


def kill_after_notes(
    process: ForkServerProcess, folder: Path, more: int, chance: random.Random, kill: int
) -> None:
    """Kill a process that teaches, a short while after it has written some more notes."""
    enough = len(notes_in(folder)) + more
    kill_at_work(process, lambda: len(notes_in(folder)) >= enough, chance, kill)


def there(folder: Path) -> dict[int, list[str]]:
    """Return batch -> ids of its posts, after asserting that store and index agree."""
    with PostStore(folder / "posts.sqlite") as store:
        index = TantivyIndex(folder / "index")
        catch_up(store, index)
        blocks = list(store.blocks())
        numbers = [int(number) for block in blocks for number in block.numbers]
        posts = [post for block in blocks for post in block.posts]
        assert sorted(index.search(["launch"], 1_000_000).numbers.tolist()) == numbers
        for number, post in list(zip(numbers, posts, strict=True))[-40:]:
            assert index.search([post.id], 5).numbers.tolist() == [number]
        index.close()
    found: dict[int, list[str]] = {}
    for post in posts:
        found.setdefault(int(post.id[1:].split("p")[0]), []).append(post.id)
    return found


def test_after_twenty_kills_each_batch_is_complete_and_none_is_doubled(
    processes: ForkServerContext, tmp_path: Path
) -> None:
    chance, counts = random.Random(1), tally("kills of teaching")
    first = 0
    for kill in range(KILLS):
        process = processes.Process(target=teach, args=(tmp_path, first))
        kill_after_notes(process, tmp_path, chance.randint(1, 3), chance, kill + 1)
        found = there(tmp_path)
        notes = notes_in(tmp_path)
        for number in range(first + 1 + max(found, default=0)):
            ids = [post.id for post in batch(number)]
            if f"deleted {number}" in notes:
                assert found[number] == ids[DELETED:]
            elif f"added {number}" in notes:
                assert found[number] in (ids, ids[DELETED:])
            else:
                assert found.get(number, ids) in (ids, ids[DELETED:])
        first = max(found, default=-1) + 1
        counts.count("survived")
    assert first > KILLS // 2


def vectors_of(texts: Sequence[str]) -> np.ndarray:
    """Return a vector of its own for each text."""
    rows = [
        np.random.default_rng(zlib.crc32(text.encode())).normal(size=DIMENSION) for text in texts
    ]
    return np.array(rows, dtype=np.float32).reshape(-1, DIMENSION)


def knowledge_in(folder: Path) -> DurableKnowledge:
    return DurableKnowledge(
        folder / "knowledge", encode=vectors_of, dimension=DIMENSION, writable=True
    )


def teach_with_vectors(folder: Path, first: int) -> None:
    """Teach batches from `first` on, each in an opening of its own, until killed."""
    notes = os.open(folder / "notes", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    number = first
    while True:
        with knowledge_in(folder) as durable:
            durable.teach(batch(number))
            os.write(notes, f"added {number}\n".encode())
            durable.forget([post.id for post in batch(number)[:DELETED]])
        number += 1


def test_after_kills_each_post_is_found_by_meaning_and_counted_once(
    processes: ForkServerContext, tmp_path: Path
) -> None:
    chance, counts = random.Random(2), tally("kills of teaching with vectors")
    first = 0
    for kill in range(KILLS_WITH_VECTORS):
        process = processes.Process(target=teach_with_vectors, args=(tmp_path, first))
        kill_after_notes(process, tmp_path, chance.randint(1, 2), chance, kill + 1)
        with knowledge_in(tmp_path) as durable:
            posts = {
                int(number): post
                for block in durable.store.blocks()
                for number, post in zip(block.numbers, block.posts, strict=True)
            }
            index = durable.knowledge.vector_index
            assert index is not None
            assert len(index) == len(posts)
            for number, vector in zip(
                posts, vectors_of([post.text for post in posts.values()]), strict=True
            ):
                assert index.search(vector, 1).numbers.tolist() == [number]
            statistics = durable.knowledge.statistics
            assert statistics.total.values[statistics.hashtags.number_of["a"]] == len(posts)
        taught = {int(post.id[1:].split("p")[0]) for post in posts.values()}
        assert {int(line.split()[1]) for line in notes_in(tmp_path)} <= taught
        first = max(taught) + 1
        counts.count("survived")
    assert first >= KILLS_WITH_VECTORS
