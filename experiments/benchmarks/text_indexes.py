"""Engines that could find the posts whose words are most like a text's, side by side.

    python experiments/benchmarks/text_indexes.py CORPUS.parquet

Every engine takes the same posts by the same words (`tagfinder.live.tokens`), in batches of 10,000
that are made durable one by one where the engine can, and is asked for the 200 best for posts drawn
from all of them. Each runs in a process of its own. Agreement is the share of the 50 best of exact
BM25 (computed here over all posts, the first of equals by number) that are among the engine's 50
best.
"""
# ruff: noqa: D102 (what an engine's methods do is said once, by `Engine`)

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl
from scipy import sparse

from tagfinder.live.search.catch_up import terms_of
from tagfinder.live.search.tantivy_index import TantivyIndex
from tagfinder.live.search.text_index import Entry, TextIndex

BATCH, BEST, COMPARED = 10_000, 200, 50
K1, B = 1.2, 0.75
Words = Sequence[str]


class Engine(Protocol):
    """What is measured of an engine."""

    durable: bool
    deletes: bool

    def add(self, numbers: Sequence[int], texts: Sequence[Words]) -> None:
        """Add posts, durably where the engine can."""

    def finish(self) -> None:
        """Finish after the last post."""

    def search(self, words: Words) -> np.ndarray:
        """Return the numbers of the best posts, best first."""

    def bytes_on_disk(self) -> int:
        """Return the size of all files."""


class Ours:
    """A text index of `tagfinder.live`."""

    durable = deletes = True

    def __init__(self, index: TextIndex, size: Callable[[], int]) -> None:
        self.index, self.bytes_on_disk = index, size

    def add(self, numbers: Sequence[int], texts: Sequence[Words]) -> None:
        self.index.add([Entry(n, words, 0) for n, words in zip(numbers, texts, strict=True)])
        self.index.commit()

    def finish(self) -> None: ...

    def search(self, words: Words) -> np.ndarray:
        return self.index.search(words, BEST).numbers


class Fts5:
    """SQLite's full-text search; words are quoted and joined by OR."""

    durable = deletes = True

    def __init__(self, folder: Path) -> None:
        self.file = folder / "posts.sqlite"
        self.database = sqlite3.connect(self.file)
        self.database.execute("PRAGMA journal_mode=WAL")
        self.database.execute("PRAGMA synchronous=FULL")
        tokenizer = "unicode61 remove_diacritics 0 tokenchars ''@_''"
        self.database.execute(
            f"CREATE VIRTUAL TABLE posts USING fts5(words, tokenize='{tokenizer}')"
        )

    def add(self, numbers: Sequence[int], texts: Sequence[Words]) -> None:
        rows = ((n, " ".join(words)) for n, words in zip(numbers, texts, strict=True))
        self.database.executemany("INSERT INTO posts(rowid, words) VALUES(?, ?)", rows)
        self.database.commit()

    def finish(self) -> None:
        self.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def search(self, words: Words) -> np.ndarray:
        query = " OR ".join(f'"{word}"' for word in words)
        asked = "SELECT rowid FROM posts WHERE posts MATCH ? ORDER BY rank, rowid LIMIT ?"
        return np.array([row[0] for row in self.database.execute(asked, (query, BEST))], np.int64)

    def bytes_on_disk(self) -> int:
        return self.file.stat().st_size


class Bm25s:
    """Scores computed beforehand in a sparse matrix; all posts at once."""

    durable = deletes = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.texts: list[list[str]] = []

    def add(self, numbers: Sequence[int], texts: Sequence[Words]) -> None:
        self.texts += [list(words) for words in texts]

    def finish(self) -> None:
        import bm25s

        self.scores = bm25s.BM25(method="lucene", k1=K1, b=B)
        self.scores.index(self.texts, show_progress=False)
        self.scores.save(self.folder / "index")
        self.texts = []

    def search(self, words: Words) -> np.ndarray:
        found, _ = self.scores.retrieve([list(words)], k=BEST, show_progress=False, n_threads=1)
        return np.asarray(found[0], dtype=np.int64)

    def bytes_on_disk(self) -> int:
        return size_of(self.folder)


def engine_of(name: str, folder: Path) -> Engine:
    """Open an empty engine."""
    if name == "Tantivy":
        return Ours(TantivyIndex(folder), lambda: size_of(folder))
    return {"SQLite FTS5": Fts5, "bm25s": Bm25s}[name](folder)


def measure(name: str, posts: Path, answer: Any) -> None:
    """Measure one engine; runs in a process of its own."""
    texts, asked, best = read_posts(posts)
    with tempfile.TemporaryDirectory() as folder:
        engine = engine_of(name, Path(folder))
        before = resident()
        started = time.perf_counter()
        for numbers in batches(len(texts)):
            engine.add(numbers, [texts[number] for number in numbers])
        engine.finish()
        seconds = time.perf_counter() - started
        milliseconds, cpu, agreement = [], [], []
        for number in asked[:20]:
            engine.search(texts[number])
        for number, truth in zip(asked, best, strict=True):
            started, used = time.perf_counter(), time.process_time()
            found = engine.search(texts[number])
            milliseconds.append(1e3 * (time.perf_counter() - started))
            cpu.append(1e3 * (time.process_time() - used))
            agreement.append(len(np.intersect1d(found[:COMPARED], truth)) / len(truth))
        answer.send({
            "posts/s": len(texts) / seconds, "median": float(np.median(milliseconds)),
            "p99": float(np.percentile(milliseconds, 99)), "cpu": float(np.median(cpu)),
            "agreement": float(np.mean(agreement)), "disk": engine.bytes_on_disk() / len(texts),
            "resident": (resident() - before) / len(texts),
            "durable": engine.durable, "deletes": engine.deletes,
        })  # fmt: skip


def batches(n: int) -> Iterator[range]:
    """Yield post numbers in order."""
    for start in range(0, n, BATCH):
        yield range(start, min(start + BATCH, n))


def resident() -> int:
    """Return the bytes of memory that the process holds now; its peak if that is not available."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    except OSError:
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def read_posts(file: Path) -> tuple[list[list[str]], list[int], list[list[int]]]:
    """Return the words of all posts, the posts that ask, and the best for each."""
    kept = json.loads(file.read_text())
    return kept["texts"], kept["asked"], kept["best"]


def exact_best(texts: Sequence[Words], asked: Sequence[int]) -> list[list[int]]:
    """Return the best posts by BM25 (Robertson and Zaragoza 2009, Lucene's IDF) over all posts."""
    columns: dict[str, int] = {}
    of_words = [columns.setdefault(word, len(columns)) for words in texts for word in words]
    lengths = np.array([len(words) for words in texts])
    rows = np.repeat(np.arange(len(texts)), lengths)
    shape = (len(texts), len(columns))
    there = sparse.csc_matrix((np.ones(len(rows), np.float64), (rows, of_words)), shape=shape)
    counts = np.diff(there.indptr)
    idf = np.log(1 + (len(texts) - counts + 0.5) / (counts + 0.5))
    norm = (K1 + 1) / (1 + K1 * (1 - B + B * lengths / lengths.mean()))
    best = []
    for number in asked:
        scores = np.zeros(len(texts))
        for word in texts[number]:
            column = columns[word]
            there_in = there.indices[there.indptr[column] : there.indptr[column + 1]]
            scores[there_in] += idf[column]
        scores *= norm
        best.append(np.argsort(-scores, kind="stable")[:COMPARED].tolist())
    return best


def main() -> None:
    """Measure each engine and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--posts", type=int, help="the first so many posts only")
    parser.add_argument("--questions", type=int, default=500)
    arguments = parser.parse_args()
    raw = pl.read_parquet(arguments.corpus, columns=["text"])["text"].slice(0, arguments.posts)
    texts = [list(terms_of(re.sub(r"#\w+|https?://\S+", " ", text))) for text in raw]
    texts = [words for words in texts if words]
    drawn = np.random.default_rng(1).choice(len(texts), arguments.questions, replace=False)
    engines = ["Tantivy", "SQLite FTS5", "bm25s"]
    print(f"{len(texts):,} posts, {len(drawn)} questions\n")
    print("| engine | ms, median | ms, p99 | ms of own CPU, median | posts/s added | "
          "bytes/post on disk | resident | agreement@50 | durable | deletes |")  # fmt: skip
    print("| --- " * 10 + "|")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "posts.json"
        asked = drawn.tolist()
        best = exact_best(texts, asked)
        file.write_text(json.dumps({"texts": texts, "asked": asked, "best": best}))
        context = multiprocessing.get_context("spawn")
        for name in engines:
            mine, theirs = context.Pipe()
            values = (name, file, theirs)
            process = context.Process(target=measure, args=values)
            process.start()
            theirs.close()
            row = mine.recv()
            process.join()
            yes = {True: "yes", False: "no"}
            print(f"| {name} | {row['median']:.1f} | {row['p99']:.1f} | {row['cpu']:.1f} | "
                  f"{row['posts/s']:,.0f} | {row['disk']:.0f} | {row['resident']:.0f} | "
                  f"{row['agreement']:.3f} | {yes[row['durable']]} | {yes[row['deletes']]} |",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
