"""Knowledge on disk: taught posts survive whatever happens to the process.

A folder has `posts.sqlite` (the posts), `words/` (the text index), `vectors.faiss` (with an
encoder), `memory.npz` (the counts when the folder was last closed) and `classifiers.npz` (the
classifiers trained last). The index, vectors and counts are rebuilt from the posts if they are
missing or behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, RLock
from typing import Any

import numpy as np

from tagfinder.errors import InputError
from tagfinder.files import atomic_path, read_json, write_json
from tagfinder.live.classify.classifier import ClassifierSettings
from tagfinder.live.classify.classifiers import Classifiers, load_classifiers, save_classifiers
from tagfinder.live.counts.statistics import PostStatistics
from tagfinder.live.counts.statistics_file import load_statistics, save_statistics
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.post import Post
from tagfinder.live.post_store import KNOWN, PostStore
from tagfinder.live.search.catch_up import catch_up
from tagfinder.live.search.tantivy_index import TantivyIndex
from tagfinder.live.search.text_index import OpenTextIndex
from tagfinder.live.search.vector_index import VectorIndex
from tagfinder.live.tokens import tokenize

POSTS, WORDS, VECTORS, MEMORY = "posts.sqlite", "words", "vectors.faiss", "memory.npz"
CLASSES = "classifiers.npz"
STATE = "state.json"
BLOCK = 20_000
Encode = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class Taught:
    """The result of teaching posts.

    Attributes:
        taught: new posts.
        known: posts whose id was known already; they are unchanged.
        seconds: duration.
    """

    taught: int
    known: int
    seconds: float


class DurableKnowledge:
    """A folder of posts that can be queried, taught and forgotten.

    One process at a time may open a folder to teach; its threads may share this object.

    Args:
        folder: created if missing.
        encode: maps texts to (P, D) vectors; None without an encoder.
        dimension: D.
        writable: False only reads.
        settings: arguments of `Knowledge`.
        open_index: opens the text index in a folder.

    Attributes:
        knowledge: counts and indexes of the posts.
        lock: hold it while `knowledge` is queried, if another thread may teach.

    Raises:
        InputError: another process teaches here, or a file is damaged or of another version.
    """

    def __init__(
        self,
        folder: Path,
        *,
        encode: Encode | None = None,
        dimension: int = 0,
        writable: bool = False,
        settings: dict[str, Any] | None = None,
        open_index: OpenTextIndex = TantivyIndex,
    ) -> None:
        self.folder = folder
        self.writable = writable
        self.lock = RLock()
        self._encode = encode
        self._open_index = open_index
        self._training = Lock()
        self._closed = False
        # Newest deletion before the classifiers were trained.
        self._classified_deletions = 0
        self.store = PostStore(folder / POSTS, writable)
        index = open_index(folder / WORDS)
        if writable:
            catch_up(self.store, index)
        elif len(self.store) and index.last_number() < 0:
            index.close()
            self.store.close()
            raise InputError(
                f"{folder} has posts and no text index: open it to teach (tagfinder update, or "
                "teach=True), which rebuilds the index"
            )
        vectors = VectorIndex(dimension) if encode else None
        self.knowledge = Knowledge(index, vectors, **(settings or {}))
        self._load()

    def teach(self, posts: Sequence[Post], vectors: np.ndarray | None = None) -> Taught:
        """Learn posts; when this returns, they are durable and searches find them.

        Args:
            posts: in order of time, if possible.
            vectors: (P, D) of their texts, if they are computed already.
        """
        started = time.perf_counter()
        with self.lock:
            numbers = self.store.add(posts)
            new = np.flatnonzero(numbers != KNOWN).tolist()
            if self._encode and vectors is None:
                vectors = self._encode([posts[i].text for i in new])
            elif vectors is not None:
                vectors = vectors[new]
            with self._recovering():
                self.knowledge.teach([posts[i] for i in new], vectors, numbers[new])
                self.knowledge.text_index.commit()
        seconds = time.perf_counter() - started
        return Taught(len(new), len(posts) - len(new), seconds)

    def encode(self, texts: Sequence[str]) -> np.ndarray | None:
        """Return (P, D) vectors of texts; None without an encoder."""
        return None if self._encode is None else self._encode(texts)

    def adopt(self, knowledge: Knowledge, posts: Sequence[Post]) -> None:
        """Store knowledge that was gathered in memory in this empty folder.

        Args:
            knowledge: counts and vectors; they are shared from now on, unlike the text index.
            posts: the posts that it was taught, in order, with distinct ids.
        """
        with self.lock:
            for start in range(0, len(posts), BLOCK):
                self.store.add(posts[start : start + BLOCK])
            catch_up(self.store, self.knowledge.text_index)
            self.knowledge.use(knowledge.statistics)
            self.knowledge.vector_index = knowledge.vector_index
            self.knowledge.classifiers = knowledge.classifiers
            self._save_classifiers(deletions=0)

    def train_classifiers(self, *, forgetting: bool = False) -> bool:
        """Train the classifiers if the newest post belongs to a later period than they do.

        Takes up to a minute; other threads may query and teach meanwhile. Classifiers keep what
        they learned of deleted posts until then. After deletions they are trained without a warm
        start.

        Args:
            forgetting: train also within the period if posts were deleted.

        Returns:
            Whether they were trained; False if another thread is training them.

        Raises:
            InputError: the folder was opened only to read.
        """
        if not self.writable:
            raise InputError(f"{self.folder} was opened to read; open it to teach (teach=True)")
        settings = self.knowledge.classifier_settings
        if settings is None or not self._training.acquire(blocking=False):
            return False
        try:
            return self._train_classifiers(settings, forgetting)
        finally:
            self._training.release()

    def _train_classifiers(self, settings: ClassifierSettings, forgetting: bool) -> bool:
        knowledge = self.knowledge
        period = settings.period_of(self.newest_day)
        with self.lock:
            statistics, before = knowledge.statistics, knowledge.classifiers
            n_posts = statistics.n_posts
        _, deletions = self.store.deleted_since()
        forgotten = deletions != self._classified_deletions
        if before and before.period == period and not (forgetting and forgotten):
            return False
        first, _ = settings.days_of(period)
        # Posts that are taught meanwhile are left for the next training.
        posts = (
            (number, post)
            for block in self.store.blocks(from_day=first)
            for number, post in zip(block.numbers.tolist(), block.posts, strict=True)
            if number < n_posts
        )
        before = None if forgotten else before
        vectors_of = None if knowledge.vector_index is None else self._vectors_of
        trained = Classifiers.of_posts(
            period, posts, statistics, settings, before=before, vectors_of=vectors_of
        )
        state = trained.state(statistics)
        with self.lock:
            if self._closed:
                return False
            # By name: the counts may have been rebuilt.
            knowledge.use_classifiers(state)
            self._save_classifiers(deletions)
        return True

    def _vectors_of(self, numbers: np.ndarray) -> np.ndarray:
        index = self.knowledge.vector_index
        assert index is not None
        with self.lock:
            return index.vectors_of(numbers)

    def forget(self, ids: Iterable[str]) -> int:
        """Delete posts by id; return how many were found."""
        with self.lock:
            return self._forget(self.store.delete(ids))

    def expire(self, before_day: float) -> int:
        """Delete the posts before a day (in days since 1970); return how many."""
        with self.lock:
            return self._forget(self.store.expire(before_day))

    def keep_newest(self, n: int) -> int:
        """Delete all but the `n` newest posts; return how many."""
        with self.lock:
            return self._forget(self.store.keep_newest(n))

    @property
    def newest_day(self) -> float:
        """Day of the newest post, 0 if there is none."""
        return self.store.newest_day()

    def close(self, wait: float = -1) -> None:
        """Save the counts, so that opening is quick, and close the files.

        Args:
            wait: seconds to wait for classifiers that are being trained, -1 without limit. What
                they do not finish is done after the next opening.
        """
        trained = self._training.acquire(timeout=wait)
        with self.lock:
            self._closed = True
            if self.writable:
                self._save()
            self.knowledge.text_index.close()
            self.store.close()
        if trained:
            self._training.release()

    def __enter__(self) -> DurableKnowledge:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _forget(self, posts: dict[int, Post]) -> int:
        if not posts:
            return 0
        numbers = np.fromiter(posts, dtype=np.int64, count=len(posts))
        with self._recovering():
            catch_up(self.store, self.knowledge.text_index)
        if self.knowledge.vector_index is not None:
            self.knowledge.vector_index.delete(numbers)
        for number, post in posts.items():
            self.knowledge.statistics.forget(number, tokenize(post.text))
        # Trends are cached for an hour and may still count deleted posts.
        self.knowledge.use(self.knowledge.statistics)
        # The counts on disk are those from before the deletion.
        self._save()
        return len(posts)

    @contextmanager
    def _recovering(self) -> Iterator[None]:
        """Rebuild everything from the store if the text index fails midway."""
        try:
            yield
        except Exception:
            # The error is raised again; the lock of a failed index must be free before that.
            self.knowledge.text_index.close()
            self.knowledge.text_index = self._open_index(self.folder / WORDS)
            catch_up(self.store, self.knowledge.text_index)
            self._recount()
            raise

    def _save_classifiers(self, deletions: int) -> None:
        state = self.knowledge.classifiers_state()
        if state is not None:
            save_classifiers(state, deletions, self.folder / CLASSES)
            self._classified_deletions = deletions

    def _load(self) -> None:
        file = self.folder / MEMORY
        _, serial = self.store.deleted_since()
        state = read_json(self.folder / STATE) if (self.folder / STATE).is_file() else {}
        if not file.is_file() or state.get("deletions") != serial:
            self._recount()
        else:
            self.knowledge.use(load_statistics(file))
            if self.knowledge.vector_index is not None and (self.folder / VECTORS).is_file():
                self.knowledge.vector_index.load(self.folder / VECTORS)
            self._count_from(self.knowledge.statistics.n_posts - 1)
            self._load_classifiers()

    def _recount(self) -> None:
        statistics = PostStatistics()
        for author in self.store.authors():
            statistics.authors.number(author)
        self.knowledge.use(statistics)
        self._count_from(-1)
        self._load_classifiers()

    def _load_classifiers(self) -> None:
        # By name: after a recount, hashtags may have other numbers.
        if (self.folder / CLASSES).is_file():
            state, self._classified_deletions = load_classifiers(self.folder / CLASSES)
            self.knowledge.use_classifiers(state)

    def _count_from(self, after: int) -> None:
        statistics = self.knowledge.statistics
        for block in self.store.blocks(after):
            for number, post in zip(block.numbers.tolist(), block.posts, strict=True):
                statistics.teach(post, tokenize(post.text), number)
            if self._encode and self.knowledge.vector_index is not None:
                missing = ~self.knowledge.vector_index.contains(block.numbers)
                texts = [block.posts[i].text for i in np.flatnonzero(missing)]
                if texts:
                    self.knowledge.vector_index.add(block.numbers[missing], self._encode(texts))

    def _save(self) -> None:
        _, serial = self.store.deleted_since()
        # Without the state file the counts are not used: delete it first and write it last.
        (self.folder / STATE).unlink(missing_ok=True)
        if self.knowledge.vector_index is not None:
            with atomic_path(self.folder / VECTORS) as path:
                self.knowledge.vector_index.save(path)
        save_statistics(self.knowledge.statistics, self.folder / MEMORY)
        write_json(self.folder / STATE, {"deletions": serial})
