"""Posts whose vectors are computed later: they count by their words at once, then by meaning."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import islice
from threading import Event, Lock, RLock, Thread

import numpy as np

from tagfinder.live.knowledge import Knowledge
from tagfinder.live.post_store import PostStore

logger = logging.getLogger(__name__)

Encode = Callable[[Sequence[str]], np.ndarray]
# Posts that are encoded at once: enough for batches of texts of one length, and done in seconds.
ENCODED_AT_ONCE = 128
# Seconds that closing waits for the posts that are being encoded.
CLOSING_SECONDS = 5.0


class VectorQueue:
    """Encodes posts in a thread of its own, so that neither teaching nor queries wait.

    Args:
        knowledge: whose vector index gets the vectors.
        store: has the posts.
        encode: maps texts to (P, D) vectors.
        lock: held while the index changes.
    """

    def __init__(self, knowledge: Knowledge, store: PostStore, encode: Encode, lock: RLock) -> None:
        self._knowledge = knowledge
        self._store = store
        self._encode = encode
        self._lock = lock
        self._one_at_a_time = Lock()
        # In order, and without the ones that are put twice.
        self._waiting: dict[int, None] = {}
        self._new = Event()
        self._closed = False
        self._thread: Thread | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, numbers: Sequence[int]) -> None:
        """Add posts by number; hold the lock."""
        self._waiting.update(dict.fromkeys(numbers))

    def start(self) -> None:
        """Let the thread encode what is waiting."""
        if not self._waiting:
            return
        if self._thread is None:
            self._thread = Thread(target=self._run, daemon=True, name="tagfinder-encoding")
            self._thread.start()
        self._new.set()

    def finish(self) -> None:
        """Return when no post is waiting."""
        while self._encode_some():
            pass

    def close(self) -> None:
        """End the thread; posts that are still waiting are left."""
        self._closed = True
        self._new.set()
        if self._thread is not None:
            self._thread.join(CLOSING_SECONDS)

    def _run(self) -> None:
        while not self._closed:
            self._new.wait()
            self._new.clear()
            try:
                self.finish()
            except Exception:
                # Nobody waits for this; the next start tries again.
                logger.exception("the vectors of %d posts could not be computed", len(self))

    def _encode_some(self) -> bool:
        """Encode the first posts that wait; return whether there were any."""
        with self._one_at_a_time:
            with self._lock:
                numbers = [] if self._closed else list(islice(self._waiting, ENCODED_AT_ONCE))
                posts = self._store.posts_at(numbers) if numbers else {}
            vectors = self._encode([post.text for post in posts.values()]) if posts else None
            with self._lock:
                if self._closed or not numbers:
                    return False
                if vectors is not None:
                    self._add(np.array(list(posts)), vectors)
                for number in numbers:
                    self._waiting.pop(number, None)
        return True

    def _add(self, numbers: np.ndarray, vectors: np.ndarray) -> None:
        """Index the posts that were not deleted meanwhile."""
        index = self._knowledge.vector_index
        assert index is not None
        left = self._store.posts_at(numbers.tolist())
        there = np.array([number in left for number in numbers.tolist()])
        there &= ~index.contains(numbers)
        index.add(numbers[there], vectors[there])
