"""Knowledge on disk: posts that were taught stay taught, whatever happens to the process.

A folder holds `posts.sqlite` (the truth), `words/` (the text index), `vectors.faiss` (where
there is an encoder), `memory.npz` (the counts, as they stood when the folder was last closed) and
`classifiers.npz` (what was learned last). The index, vectors and counts are made again from the
posts where they are missing or behind.
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
from tagfinder.live.catch_up import catch_up
from tagfinder.live.classifier import ClassifierSettings
from tagfinder.live.classifiers import Classifiers, load_classifiers, save_classifiers
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.memory import Memory, Post
from tagfinder.live.memory_files import load_memory, save_memory
from tagfinder.live.post_store import KNOWN, PostStore
from tagfinder.live.tantivy_index import TantivyIndex
from tagfinder.live.text_index import OpenTextIndex
from tagfinder.live.vector_index import VectorIndex
from tagfinder.live.words import read

POSTS, WORDS, VECTORS, MEMORY = "posts.sqlite", "words", "vectors.faiss", "memory.npz"
CLASSES = "classifiers.npz"
STATE = "state.json"
BLOCK = 20_000
Encode = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class Taught:
    """What became of posts that were to be taught.

    Attributes:
        taught: posts that are known now and were not before.
        known: posts whose id was known already; they were left as they are.
        seconds: that it took.
    """

    taught: int
    known: int
    seconds: float


class DurableKnowledge:
    """A folder of posts that can be asked, taught and made to forget.

    One process at a time may open a folder to teach; its threads may share this object.

    Args:
        folder: made where it is missing.
        encode: gives (P, D) vectors of texts; None where there is no encoder.
        dimension: D.
        writable: False only reads.
        settings: of `Knowledge`.
        open_index: opens the text index, given the folder that is its own here.

    Attributes:
        knowledge: what is known.
        lock: to be held while `knowledge` is asked, where another thread may teach.

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
        self._learning = Lock()
        self._closed = False
        # Newest deletion before the classifiers were learned.
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
                "teach=True), which makes the index anew"
            )
        vectors = VectorIndex(dimension) if encode else None
        self.knowledge = Knowledge(index, vectors, **(settings or {}))
        self._remember()

    def teach(self, posts: Sequence[Post], vectors: np.ndarray | None = None) -> Taught:
        """Take up posts; when this returns, they are durable and found.

        Args:
            posts: in order of time, where that is possible.
            vectors: (P, D) of their texts, where they are computed already.
        """
        started = time.perf_counter()
        with self.lock:
            numbers = self.store.add(posts)
            new = np.flatnonzero(numbers != KNOWN).tolist()
            if self._encode and vectors is None:
                vectors = self._encode([posts[i].text for i in new])
            elif vectors is not None:
                vectors = vectors[new]
            with self._index_kept_up():
                self.knowledge.teach([posts[i] for i in new], vectors, numbers[new])
                self.knowledge.text_index.commit()
        seconds = time.perf_counter() - started
        return Taught(len(new), len(posts) - len(new), seconds)

    def adopt(self, knowledge: Knowledge, posts: Sequence[Post]) -> None:
        """Make a fresh folder hold what was taught elsewhere.

        Args:
            knowledge: what was taught; it is shared from now on, but for its text index.
            posts: the posts that taught it, in order, with distinct ids.
        """
        with self.lock:
            for start in range(0, len(posts), BLOCK):
                self.store.add(posts[start : start + BLOCK])
            catch_up(self.store, self.knowledge.text_index)
            self.knowledge.use(knowledge.memory)
            self.knowledge.vector_index = knowledge.vector_index
            self.knowledge.classifiers = knowledge.classifiers
            self._keep_classifiers(deletions=0)

    def learn_classes(self, *, forgetting: bool = False) -> bool:
        """Learn the classifiers anew where the newest post is of a later period than they are.

        Takes up to a minute, in which others may ask and teach. Until then they still hold what
        they learned of posts that were deleted since; where some were, they learn from nothing.

        Args:
            forgetting: learn also within the period, where posts were deleted.

        Returns:
            Whether they were learned; not where another thread is learning them.

        Raises:
            InputError: the folder was opened only to read.
        """
        if not self.writable:
            raise InputError(f"{self.folder} was opened to read; open it to teach (teach=True)")
        settings = self.knowledge.classifier_settings
        if settings is None or not self._learning.acquire(blocking=False):
            return False
        try:
            return self._learn_classes(settings, forgetting)
        finally:
            self._learning.release()

    def _learn_classes(self, settings: ClassifierSettings, forgetting: bool) -> bool:
        knowledge = self.knowledge
        period = settings.period_of(self.newest_day)
        with self.lock:
            memory, before = knowledge.memory, knowledge.classifiers
            n_posts = memory.n_posts
        _, deletions = self.store.deleted_since()
        forgotten = deletions != self._classified_deletions
        if before and before.period == period and not (forgetting and forgotten):
            return False
        first, _ = settings.days_of(period)
        # What is taught in the meantime is not counted yet, and waits for the next time.
        posts = (
            (number, post)
            for block in self.store.blocks(from_day=first)
            for number, post in zip(block.numbers.tolist(), block.posts, strict=True)
            if number < n_posts
        )
        before = None if forgotten else before
        vectors_of = None if knowledge.vector_index is None else self._vectors_of
        learned = Classifiers.of_posts(
            period, posts, memory, settings, before=before, vectors_of=vectors_of
        )
        state = learned.state(memory)
        with self.lock:
            if self._closed:
                return False
            # By name: the counts may have been made anew.
            knowledge.use_classifiers(state)
            self._keep_classifiers(deletions)
        return True

    def _vectors_of(self, numbers: np.ndarray) -> np.ndarray:
        index = self.knowledge.vector_index
        assert index is not None
        with self.lock:
            return index.vectors_of(numbers)

    def forget(self, ids: Iterable[str]) -> int:
        """Delete posts by id for good; return how many were there."""
        with self.lock:
            return self._forget(self.store.delete(ids))

    def expire(self, before_day: float) -> int:
        """Delete the posts from before a day (in days since 1970); return how many there were."""
        with self.lock:
            return self._forget(self.store.expire(before_day))

    def keep_newest(self, n: int) -> int:
        """Delete all but the `n` newest posts; return how many that were."""
        with self.lock:
            return self._forget(self.store.keep_newest(n))

    @property
    def newest_day(self) -> float:
        """Day of the newest post, 0 where there is none."""
        return self.store.newest_day()

    def close(self, wait: float = -1) -> None:
        """Write the counts, so that the next opening is quick, and let go of the files.

        Args:
            wait: seconds for which classifiers that are being learned are waited for, -1 for as
                long as it takes; what they would have learned later is learned after the next
                opening.
        """
        learned = self._learning.acquire(timeout=wait)
        with self.lock:
            self._closed = True
            if self.writable:
                self._keep()
            self.knowledge.text_index.close()
            self.store.close()
        if learned:
            self._learning.release()

    def __enter__(self) -> DurableKnowledge:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _forget(self, posts: dict[int, Post]) -> int:
        if not posts:
            return 0
        numbers = np.fromiter(posts, dtype=np.int64, count=len(posts))
        with self._index_kept_up():
            catch_up(self.store, self.knowledge.text_index)
        if self.knowledge.vector_index is not None:
            self.knowledge.vector_index.delete(numbers)
        for number, post in posts.items():
            self.knowledge.memory.forget(number, read(post.text))
        # What trends is remembered for an hour, and may still count what was deleted.
        self.knowledge.use(self.knowledge.memory)
        # The counts on disk are those from before the deletion: they are to be written anew.
        self._keep()
        return len(posts)

    @contextmanager
    def _index_kept_up(self) -> Iterator[None]:
        """Bring everything up to the store again where the text index fails midway."""
        try:
            yield
        except Exception:
            # Whatever went wrong is raised again; the lock of a failed index must be free before.
            self.knowledge.text_index.close()
            self.knowledge.text_index = self._open_index(self.folder / WORDS)
            catch_up(self.store, self.knowledge.text_index)
            self._count_anew()
            raise

    def _keep_classifiers(self, deletions: int) -> None:
        state = self.knowledge.classifiers_state()
        if state is not None:
            save_classifiers(state, deletions, self.folder / CLASSES)
            self._classified_deletions = deletions

    def _remember(self) -> None:
        file = self.folder / MEMORY
        _, serial = self.store.deleted_since()
        state = read_json(self.folder / STATE) if (self.folder / STATE).is_file() else {}
        if not file.is_file() or state.get("deletions") != serial:
            self._count_anew()
        else:
            self.knowledge.use(load_memory(file))
            if self.knowledge.vector_index is not None and (self.folder / VECTORS).is_file():
                self.knowledge.vector_index.load(self.folder / VECTORS)
            self._count_from(self.knowledge.memory.n_posts - 1)
            self._remember_classifiers()

    def _count_anew(self) -> None:
        memory = Memory()
        for author in self.store.authors():
            memory.authors.number(author)
        self.knowledge.use(memory)
        self._count_from(-1)
        self._remember_classifiers()

    def _remember_classifiers(self) -> None:
        # By name: counted anew, hashtags may have other numbers.
        if (self.folder / CLASSES).is_file():
            state, self._classified_deletions = load_classifiers(self.folder / CLASSES)
            self.knowledge.use_classifiers(state)

    def _count_from(self, after: int) -> None:
        memory = self.knowledge.memory
        for block in self.store.blocks(after):
            for number, post in zip(block.numbers.tolist(), block.posts, strict=True):
                memory.teach(post, read(post.text), number)
            if self._encode and self.knowledge.vector_index is not None:
                missing = ~self.knowledge.vector_index.contains(block.numbers)
                texts = [block.posts[i].text for i in np.flatnonzero(missing)]
                if texts:
                    self.knowledge.vector_index.add(block.numbers[missing], self._encode(texts))

    def _keep(self) -> None:
        _, serial = self.store.deleted_since()
        # Without its state the memory is not used: it goes first and comes last.
        (self.folder / STATE).unlink(missing_ok=True)
        if self.knowledge.vector_index is not None:
            with atomic_path(self.folder / VECTORS) as path:
                self.knowledge.vector_index.save(path)
        save_memory(self.knowledge.memory, self.folder / MEMORY)
        write_json(self.folder / STATE, {"deletions": serial})
