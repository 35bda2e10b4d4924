"""What several processes must agree on that follow one log of posts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tagfinder.live.durable import DurableKnowledge
from tagfinder.live.post import Post


def a_post(name: str, day: float = 20_000.0) -> Post:
    """A post with a word and an author that a few others share."""
    group = sum(map(ord, name)) % 7
    return Post(name, day, f"author{group}", f"launch {name} word{group}", (f"tag{group}",))


def counts(durable: DurableKnowledge) -> dict[str, Any]:
    """Return what is counted, by names."""
    statistics = durable.knowledge.statistics
    hashtags, authors = statistics.hashtags.names, statistics.authors.names
    total, of_author = statistics.total.values, statistics.author_total.values
    return {
        "posts": statistics.n_alive,
        "hashtags": {name: int(total[n]) for n, name in enumerate(hashtags) if total[n]},
        "authors": {name: int(of_author[n]) for n, name in enumerate(authors) if of_author[n]},
        "associations": int(statistics.associations.pairs.sum()),
        "found": sorted(durable.knowledge.text_index.search(["launch"], 1_000_000).numbers),
    }


def recounted(folder: Path, **settings: Any) -> dict[str, Any]:
    """Return the same of one that counts every post of a folder again."""
    (folder / "memory.npz").unlink(missing_ok=True)
    with DurableKnowledge(folder, **settings) as fresh:
        return counts(fresh)


def ids_in(durable: DurableKnowledge) -> list[str]:
    """Return the ids of the stored posts, in order of their numbers."""
    return [post.id for block in durable.store.blocks() for post in block.posts]


@contextmanager
def following(*several: DurableKnowledge) -> Iterator[None]:
    """Let some follow in a thread, as a service does, until the block ends."""
    end = threading.Event()

    def follow() -> None:
        while not end.wait(0.01):
            for one in several:
                one.follow()

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
