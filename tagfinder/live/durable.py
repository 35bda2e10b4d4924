"""Knowledge on disk: taught posts survive a crash of the process.

A folder has `posts.sqlite` (the log of posts and deletions), `words/` (the text index),
`vectors.faiss` (with an encoder), `memory.npz` (the counts when they were saved last) and
`classifiers.npz` (the classifiers trained last). All but the log is rebuilt from it if it is
missing or behind.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, RLock
from typing import Any
from uuid import uuid4

import numpy as np
from filelock import FileLock, Timeout

from tagfinder.configuration.limits import check_ordinary_files
from tagfinder.corpus.hashtags import fold
from tagfinder.errors import InputError, WorkError
from tagfinder.files import atomic_path, read_json, write_json
from tagfinder.live.classify.classifier import ClassifierSettings
from tagfinder.live.classify.classifiers import Classifiers, load_classifiers, save_classifiers
from tagfinder.live.counts.statistics import PostStatistics
from tagfinder.live.counts.statistics_file import load_statistics, save_statistics
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.post import Post
from tagfinder.live.post_store import KNOWN, Block, Changes, PostStore
from tagfinder.live.postgres_log import PostgresLog, digest_of_store
from tagfinder.live.search.catch_up import catch_up
from tagfinder.live.search.tantivy_index import TantivyIndex
from tagfinder.live.search.text_index import Entry, OpenTextIndex, TextIndex
from tagfinder.live.search.vector_index import VectorIndex
from tagfinder.live.search.vector_queue import Encode, VectorQueue
from tagfinder.live.tokens import tokenize

logger = logging.getLogger(__name__)

POSTS, WORDS, VECTORS, MEMORY = "posts.sqlite", "words", "vectors.faiss", "memory.npz"
CLASSES = "classifiers.npz"
STATE = "state.json"
# The keeper's files, among the readers of deletions.
FILES = "files"
BLOCK = 20_000
# Posts and deletions that are applied at once, so that queries do not wait long.
FOLLOWED_AT_ONCE = 1_000
# Seconds that a deletion waits for the other processes to apply it, and for a keeper that has
# applied it to write its files again.
SEEN_SECONDS, CLEAN_SECONDS = 2.0, 600.0
# Newest posts with a hashtag whose spelling is looked at after a deletion.
SPELLED_BY = 64
REBUILT = "open it to teach (tagfinder update, or teach=True), which rebuilds the index"
# Seconds between two attempts to become the keeper.
TAKE_OVER_SECONDS = 0.5
# Seconds without a deletion after which counts that a deletion made obsolete are saved again.
QUIET_SECONDS = 30.0
AfterDeletions = Callable[[PostStore, PostStatistics], None]


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

    A deletion returns when no file has the posts any more: their texts, ids, and words and names
    that no other post has.

    Several processes may open it. Each has its own counts and follows the log (`follow`). One of
    the teaching processes is the keeper: it alone writes the files that are derived from the log.
    When it ends, another takes its place. Threads may share this object.

    Args:
        folder: created if missing.
        encode: maps texts to (P, D) vectors; None without an encoder.
        dimension: D.
        writable: False only reads.
        settings: arguments of `Knowledge`.
        open_index: opens the text index in a folder.
        log: where posts and deletions go first, and come from, if several machines share them;
            None keeps them in this folder alone.
        after_deletions: erases what is kept elsewhere of posts that the store has no more; called
            by the keeper with the store and the counts.

    Attributes:
        knowledge: counts and indexes of the posts.
        lock: hold it while `knowledge` is queried, if another thread may teach or follow.
        keeps: whether this is the keeper.

    Raises:
        InputError: a file is damaged, of another version or no ordinary one, there is no text
            index to read, or the folder has posts that the log does not have.
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
        log: PostgresLog | None = None,
        after_deletions: AfterDeletions | None = None,
    ) -> None:
        self.folder = folder
        self._erase_elsewhere = after_deletions
        self.writable = writable
        self.lock = RLock()
        self.keeps = False
        self._encode = encode
        self._open_index = open_index
        self._training = Lock()
        self._following = RLock()
        self._index: TextIndex | None = None
        self._vector_queue: VectorQueue | None = None
        self._closed = False
        self._unsaved = False
        self._last_deletion = self._next_attempt = 0.0
        # Newest deletion before the classifiers were trained, and their file as it was read.
        self._classified_deletions = 0
        self._classes_read = 0
        # Newest deletion that the counts do without, and newest post that the index has.
        self._serial = 0
        self._indexed = -1
        # Newest deletion that the files of the keeper do without.
        self._cleaned = 0
        self._process = f"{os.getpid()} {uuid4().hex[:8]}"
        self._one_keeper = FileLock(folder / f"{POSTS}.lock", thread_local=False)
        self._log = log
        self._pulling = Lock()
        # The text index looks at its own.
        check_ordinary_files(folder)
        self.store = PostStore(folder / POSTS, writable)
        try:
            self._start(settings or {}, dimension, log)
        except BaseException:
            self._give_up()
            raise

    def _start(self, settings: dict[str, Any], dimension: int, log: PostgresLog | None) -> None:
        self.keeps = self.writable and self._lock_folder()
        self._index = index = self._opened_index()
        if self.keeps:
            catch_up(self.store, index)
        elif len(self.store) and index.last_number() < 0 and not self._has_keeper():
            raise InputError(f"{self.folder} has posts and no text index: {REBUILT}")
        vectors = VectorIndex(dimension) if self._encode else None
        self.knowledge = Knowledge(index, vectors, **settings)
        if self._encode is not None:
            self._vector_queue = VectorQueue(self.knowledge, self.store, self._encode, self.lock)
        self._indexed = index.last_number()
        self._load()
        if self.writable:
            self.store.enter(self._process, self._serial)
        if self.keeps:
            # Files that a process left when it was killed while deleting.
            self.store.erase(self._serial, now=True)
            self.store.compact(self._serial)
            self._cleaned = self.store.seen(FILES)
        if log is not None:
            self._join(log)
        self.pull()
        self.follow()
        self.encode_waiting()

    def _give_up(self) -> None:
        """Close what is open after a failure to open the rest."""
        if self._vector_queue is not None:
            self._vector_queue.close()
        if self._index is not None:
            self._index.close()
        self.store.close()
        self._one_keeper.release()

    def _opened_index(self) -> TextIndex:
        """Open the text index; the keeper makes one that is damaged again."""
        try:
            return self._open_index(self.folder / WORDS)
        except InputError as error:
            if not self.keeps:
                raise InputError(f"{error}: {REBUILT}") from error
            logger.warning("%s; the text index is made again from the posts", error)
            shutil.rmtree(self.folder / WORDS)
            return self._open_index(self.folder / WORDS)

    def teach(self, posts: Sequence[Post]) -> Taught:
        """Learn posts; when this returns, they are durable, and this process counts them.

        In the keeper searches find them too, in other processes when the keeper has followed;
        by meaning, a little later.

        Args:
            posts: in order of time, if possible.
        """
        self._check_writable()
        started = time.perf_counter()
        numbers = (self._log or self.store).add(posts)
        self._reach(int(numbers.max(initial=KNOWN)))
        new = int(np.count_nonzero(numbers != KNOWN))
        return Taught(new, len(posts) - new, time.perf_counter() - started)

    def encode(self, texts: Sequence[str]) -> np.ndarray | None:
        """Return (P, D) vectors of texts; None without an encoder."""
        return None if self._encode is None else self._encode(texts)

    def encode_waiting(self) -> None:
        """Return when all posts are found by meaning, where there is an encoder.

        A thread encodes them anyway. What it has not done when the folder is closed is done when
        it is opened again, and all who open it wait for that.
        """
        if self._vector_queue is not None:
            self._vector_queue.finish()

    def follow(self) -> bool:
        """Apply what any process has written to the log since; return whether there was anything.

        A piece at a time is applied, so that queries hardly wait. Where there is an encoder, posts
        are found by meaning later, see `encode_waiting`.
        """
        applied = False
        with self._following:
            self._take_over()
            while not self._closed:
                # What the index has must be in the log when that is read, see `TextIndex.show`.
                view = None if self.keeps else self.knowledge.text_index.newest()
                changes = self._changes()
                with self.lock:
                    if changes:
                        self._apply(changes)
                    if view is not None and changes.complete:
                        self.knowledge.text_index.show(view)
                applied = applied or bool(changes)
                if changes.complete:
                    break
            if not self._closed:
                if self._vector_queue is not None:
                    self._vector_queue.start()
                self._look_after_files()
        return applied

    def pull(self) -> bool:
        """Copy what the shared log has more into the folder, which only the keeper does.

        Returns:
            Whether the folder has all of it.

        Raises:
            WorkError: the log does not answer.
        """
        if self._log is None:
            return True
        with self._pulling:
            while self.keeps and (piece := self._log.read(self._position(), FOLLOWED_AT_ONCE)):
                self.store.replicate(self._log.name, piece)
        return self._position() >= self._log.last()

    @property
    def is_shared(self) -> bool:
        """Whether several machines share the posts."""
        return self._log is not None

    def wait(self, seconds: float) -> None:
        """Return when the shared log may have something new, or when the time is over.

        Raises:
            WorkError: the log does not answer.
        """
        if self._log is not None:
            self._log.wait(seconds)

    def behind(self) -> int:
        """Return how many posts and deletions of the log are not applied yet."""
        posts = self.store.last_number() - self.knowledge.statistics.n_posts + 1
        return posts + self.store.newest_deletion() - self._serial

    def without_vectors(self) -> int:
        """Return how many posts are not found by meaning yet."""
        return 0 if self._vector_queue is None else len(self._vector_queue)

    def adopt(self, knowledge: Knowledge, posts: Sequence[Post]) -> None:
        """Store knowledge that was gathered in memory in this empty folder.

        Args:
            knowledge: counts and vectors; they are shared from now on, unlike the text index.
            posts: the posts that it was taught, in order, with distinct ids.
        """
        with self._following, self.lock:
            for start in range(0, len(posts), BLOCK):
                self.store.add(posts[start : start + BLOCK])
            catch_up(self.store, self.knowledge.text_index)
            self._indexed = self.store.last_number()
            self._unsaved = True
            self.knowledge.use(knowledge.statistics)
            self.knowledge.vector_index = knowledge.vector_index
            self.knowledge.classifiers = knowledge.classifiers
            self._save_classifiers(deletions=0)

    def train_classifiers(self, *, forgetting: bool = False) -> bool:
        """Train the classifiers if the newest post belongs to a later period than they do.

        Takes up to a minute; other threads may query and teach meanwhile. Classifiers keep what
        they learned of deleted posts until then. After deletions they are trained without a warm
        start. Only the keeper trains; the others read what it has written.

        Args:
            forgetting: train also within the period if posts were deleted.

        Returns:
            Whether they were trained; False if another thread or process trains them.

        Raises:
            InputError: the folder was opened only to read.
        """
        self._check_writable()
        settings = self.knowledge.classifier_settings
        if not self.keeps or settings is None or not self._training.acquire(blocking=False):
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
            n_posts, deletions = statistics.n_posts, self._serial
        forgotten = deletions != self._classified_deletions
        if before and before.period == period and not (forgetting and forgotten):
            return False
        # They read the vectors of posts, too.
        self.encode_waiting()
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
            # Posts that were deleted meanwhile were learned.
            self._cleaned = min(self._cleaned, deletions)
        return True

    def _vectors_of(self, numbers: np.ndarray) -> np.ndarray:
        index = self.knowledge.vector_index
        assert index is not None
        with self.lock:
            return index.vectors_of(numbers)

    def forget(self, ids: Iterable[str]) -> int:
        """Delete posts by id; return how many were found."""
        self._check_writable()
        return self._forgotten((self._log or self.store).delete(ids))

    def forget_author(self, name: str) -> int:
        """Delete all posts of an author, and the name; return how many."""
        self._check_writable()
        return self._forgotten((self._log or self.store).delete_author(name))

    def expire(self, before_day: float) -> int:
        """Delete the posts before a day (in days since 1970); return how many."""
        self._check_writable()
        return self._forgotten((self._log or self.store).expire(before_day))

    def keep_newest(self, n: int) -> int:
        """Delete all but the `n` newest posts; return how many."""
        self._check_writable()
        return self._forgotten((self._log or self.store).keep_newest(n))

    @property
    def newest_day(self) -> float:
        """Day of the newest post, 0 if there is none."""
        return self.store.newest_day()

    def close(self, wait: float = -1) -> None:
        """Save the counts, so that opening is quick, and close the files.

        Args:
            wait: seconds to wait for classifiers that are being trained, -1 until they are; what
                is not finished by then is trained after the next opening.
        """
        trained = self._training.acquire(timeout=wait)
        if self._vector_queue is not None:
            self._vector_queue.close()
        with self._following, self.lock:
            self._closed = True
            if self.keeps and self._unsaved:
                self._save()
            self.knowledge.text_index.close()
            if self.writable:
                self.store.leave(self._process)
            self.store.close()
            self._one_keeper.release()
            if self._log is not None:
                self._log.close()
        if trained:
            self._training.release()

    def __enter__(self) -> DurableKnowledge:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _check_writable(self) -> None:
        if not self.writable:
            raise InputError(f"{self.folder} was opened to read; open it to teach (teach=True)")

        if self._log is None and self.store.followed() is not None:
            raise InputError(
                f"{self.folder} follows a log on PostgreSQL: name it (--posts ADDRESS), so that "
                "others get the posts too"
            )

    def _join(self, log: PostgresLog) -> None:
        """Follow a log; a log that is empty begins with this folder's posts."""
        if self.store.followed() is None and self.keeps:
            log.begin(self.store)
            if log.origin == digest_of_store(self.store):
                self.store.follow(log.name, log.start)
        followed = self.store.followed()
        if followed is None or followed[0] != log.name:
            raise InputError(
                f"{self.folder} has other posts than the log on PostgreSQL: start from a copy of a "
                "folder that follows it, or name another schema (--schema)"
            )

    def _position(self) -> int:
        followed = self.store.followed()
        return followed[1] if followed else -1

    def _reach(self, position: int) -> None:
        """Apply what was written, also what had to go through the shared log."""
        end = time.monotonic() + SEEN_SECONDS
        while self._log is not None and self._position() < position and time.monotonic() < end:
            with suppress(WorkError):
                # What was acknowledged is safe in the log, and comes later.
                self.pull()
            if not self.keeps:
                time.sleep(0.02)
        self.follow()

    def _lock_folder(self) -> bool:
        try:
            self._one_keeper.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def _has_keeper(self) -> bool:
        """Whether a process keeps the files, which will index the posts that the index lacks."""
        if self.writable:
            return not self.keeps
        try:
            free = self._lock_folder()
        except OSError:
            return False
        if free:
            self._one_keeper.release()
        return not free

    def _take_over(self) -> None:
        """Become the keeper if there is none."""
        if self.keeps or not self.writable or self._closed or time.monotonic() < self._next_attempt:
            return
        self._next_attempt = time.monotonic() + TAKE_OVER_SECONDS
        if not self._lock_folder():
            return
        index = self.knowledge.text_index
        with self.lock:
            index.show(index.newest())
            catch_up(self.store, index)
            self._indexed = index.last_number()
            self.keeps = True
            self._cleaned = self.store.seen(FILES)
            # Before another query finds what the index has now.
            while changes := self._changes():
                self._apply(changes)

    def _changes(self) -> Changes:
        after = self.knowledge.statistics.n_posts - 1
        return self.store.changes(after, self._serial, FOLLOWED_AT_ONCE)

    def _apply(self, changes: Changes) -> None:
        """Count posts and take deleted ones out of the counts; in the keeper, index them too."""
        knowledge, statistics = self.knowledge, self.knowledge.statistics
        counted = [one for one in changes.deletions if one.number < statistics.n_posts]
        if knowledge.vector_index is not None:
            numbers = [one.number for one in counted]
            knowledge.vector_index.delete(np.array(numbers, dtype=np.int64))
        if any(one.text is None for one in counted):
            # This process was too slow: the texts that it has to take back are gone.
            self._load()
            if self.keeps:
                catch_up(self.store, knowledge.text_index)
                self._indexed = knowledge.text_index.last_number()
        else:
            with self._recovering():
                self._add_posts(changes)
                flat, _ = statistics.hashtags_at(np.array([one.number for one in counted], int))
                for one in counted:
                    assert one.text is not None
                    statistics.forget(one.number, tokenize(one.text))
                self._spell(np.unique(flat).tolist())
                if self.keeps and changes.deletions:
                    knowledge.text_index.delete([one.number for one in changes.deletions])
                    knowledge.text_index.commit()
                    self.store.set_seen("words", changes.serial)
            self._serial = changes.serial
        self._unsaved = True
        if changes.deletions:
            self._after_deletions()

    def _add_posts(self, changes: Changes) -> None:
        block = changes.posts
        if not block.posts:
            return
        _place_authors(self.knowledge.statistics, block)
        first, last = int(block.numbers[0]), int(block.numbers[-1])
        # The index may have some of them, where this process has just become the keeper.
        is_new = first > self._indexed
        indexed = self.keeps and is_new
        self.knowledge.teach(block.posts, numbers=block.numbers, indexed=indexed)
        if self._vector_queue is not None:
            self._vector_queue.put(block.numbers.tolist())
        if self.keeps and is_new:
            self.knowledge.text_index.commit()
        elif self.keeps:
            catch_up(self.store, self.knowledge.text_index)
        self._indexed = max(self._indexed, last)

    def _after_deletions(self) -> None:
        self._last_deletion = time.monotonic()
        # Trends are cached for an hour and may still count deleted posts.
        self.knowledge.use(self.knowledge.statistics)
        if self.writable:
            self.store.enter(self._process, self._serial)

    def _spell(self, hashtags: Sequence[int]) -> None:
        """Let the posts that are left say how hashtags are spelled."""
        statistics = self.knowledge.statistics
        for hashtag in hashtags:
            if not statistics.total.values[hashtag]:
                continue
            newest = statistics.posts_with(hashtag, 4 * SPELLED_BY).tolist()
            posts = self.store.posts_at(newest)
            name = statistics.hashtags.names[hashtag]
            spellings = [
                spelling
                for number in sorted(posts)[-SPELLED_BY:]
                for spelling in posts[number].hashtags
                if fold(spelling) == name
            ]
            many = len(spellings) == SPELLED_BY
            if spellings and not (many and statistics.spellings[hashtag] in spellings):
                statistics.spell(hashtag, spellings)

    def _forgotten(self, numbers: Sequence[int]) -> int:
        """Apply own deletions, and wait until no file has the posts any more."""
        if len(numbers):
            # In a shared log, entries that say what was deleted come after all others.
            self._reach(self._log.newest if self._log else KNOWN)
            serial = self.store.newest_deletion()
            self._drop_saved()
            end = time.monotonic() + SEEN_SECONDS
            while not self.store.erase(serial, now=time.monotonic() > end):
                if time.monotonic() > end + SEEN_SECONDS:
                    logger.warning("%s: somebody reads it and keeps its log full", self.store.path)
                    break
                time.sleep(0.02)
            self.store.compact(serial)
            while self.store.seen(FILES) < serial:
                # Wait for a keeper that is busy with it, but not for one that does nothing.
                busy = self.store.seen("words") >= serial
                if time.monotonic() > end + (CLEAN_SECONDS if busy else 0):
                    logger.warning(
                        "%s: the process that keeps the files has not written them again yet; "
                        "until it does, they have words of deleted posts",
                        self.folder,
                    )
                    break
                time.sleep(0.02)
                self.follow()
        return len(numbers)

    def _clean(self) -> None:
        """Write the files again that have something of deleted posts."""
        serial, knowledge = self._serial, self.knowledge
        self._drop_saved()
        with self._recovering():
            words = knowledge.text_index.purge(self._entries)
        self._save_vectors()
        with self.lock:
            settings = knowledge.classifier_settings
            if knowledge.classifiers is not None and settings is not None:
                knowledge.classifiers = knowledge.classifiers.with_words(words, settings)
                # Without the names that have no number any more.
                knowledge.use_classifiers(knowledge.classifiers.state(knowledge.statistics))
                self._save_classifiers(self._classified_deletions)
        if self._erase_elsewhere is not None:
            self._erase_elsewhere(self.store, knowledge.statistics)
        self.store.set_seen(FILES, serial)
        self._cleaned = serial

    def _entries(self, numbers: Sequence[int]) -> list[Entry]:
        statistics = self.knowledge.statistics
        return [
            Entry(number, tokenize(post.text).terms, int(statistics.author_of.values[number]))
            for number, post in sorted(self.store.posts_at(numbers).items())
        ]

    def _look_after_files(self) -> None:
        if not self.keeps:
            self._load_classifiers()
            return
        if self._cleaned < self._serial:
            self._clean()
        if (
            self._unsaved
            and self._last_deletion
            and time.monotonic() - self._last_deletion > QUIET_SECONDS
            and not (self.folder / STATE).exists()
        ):
            # Deletions of processes that were killed meanwhile leave texts behind.
            self.store.erase(self._serial, now=True)
            self.store.compact(self._serial)
            with self.lock:
                self._save()

    @contextmanager
    def _recovering(self) -> Iterator[None]:
        """Rebuild everything from the store if the text index fails midway."""
        try:
            yield
        except Exception:
            # The error is raised again; the lock of a failed index must be free before that.
            with self.lock:
                self.knowledge.text_index.close()
                self.knowledge.text_index = self._open_index(self.folder / WORDS)
                if self.keeps:
                    catch_up(self.store, self.knowledge.text_index)
                self._recount()
            raise

    def _save_classifiers(self, deletions: int) -> None:
        state = self.knowledge.classifiers_state()
        if state is not None:
            save_classifiers(state, deletions, self.folder / CLASSES)
            self._classified_deletions = deletions
            self._classes_read = (self.folder / CLASSES).stat().st_mtime_ns

    def _load(self) -> None:
        """Read the saved counts if they do without all deleted posts; else count all posts."""
        index = self.knowledge.vector_index
        if index is not None and not len(index) and (self.folder / VECTORS).is_file():
            try:
                index.load(self.folder / VECTORS)
            except InputError as error:
                logger.warning("%s; the vectors are computed again", error)
            index.delete(self.store.deleted_since()[0])
        saved = self._saved_counts()
        if saved is None:
            self._recount()
        else:
            statistics, self._serial = saved
            self.knowledge.use(statistics)
            self._queue_missing_vectors()
        self._load_classifiers(again=True)

    def _saved_counts(self) -> tuple[PostStatistics, int] | None:
        newest = self.store.newest_deletion()
        if _deletions_of(self.folder) != newest:
            return None
        try:
            statistics = load_statistics(self.folder / MEMORY)
        except InputError:
            # Damaged, or deleted in the meantime: they are counted again.
            return None
        # Another process may have deleted posts and these files in the meantime.
        whole = _deletions_of(self.folder) == newest
        fits = statistics.n_posts <= self.store.last_number() + 1
        return (statistics, newest) if whole and fits else None

    def _recount(self) -> None:
        statistics = PostStatistics(readable=self.knowledge.statistics.readable)
        with self.store.snapshot():
            self._serial = self.store.newest_deletion()
            for block in self.store.blocks():
                _place_authors(statistics, block)
                for number, post in zip(block.numbers.tolist(), block.posts, strict=True):
                    statistics.teach(post, tokenize(post.text), number)
            # SQLite counts in an index, and reads in the table.
            if statistics.n_alive != len(self.store):
                raise self.store.damaged("it has lost posts")
        self.knowledge.use(statistics)
        self._unsaved = True
        self._indexed = self.knowledge.text_index.last_number()
        self._queue_missing_vectors()
        self._load_classifiers(again=True)

    def _queue_missing_vectors(self) -> None:
        """Let the counted posts be encoded that the vector index lacks."""
        index, queue = self.knowledge.vector_index, self._vector_queue
        if index is None or queue is None:
            return
        statistics = self.knowledge.statistics
        numbers = np.flatnonzero(~statistics.forgotten.values[: statistics.n_posts])
        queue.put(numbers[~index.contains(numbers)].tolist())

    def _load_classifiers(self, *, again: bool = False) -> None:
        """Read the classifiers if they are not the ones that are in use."""
        file = self.folder / CLASSES
        written = file.stat().st_mtime_ns if file.is_file() else 0
        if written and (again or written != self._classes_read):
            # By name: after a recount, hashtags may have other numbers.
            state, self._classified_deletions = load_classifiers(file)
            with self.lock:
                self.knowledge.use_classifiers(state)
            self._classes_read = written

    def _save_vectors(self) -> None:
        if self.knowledge.vector_index is not None:
            with atomic_path(self.folder / VECTORS) as path:
                self.knowledge.vector_index.save(path)

    def _save(self) -> None:
        # Without the state file the counts are not used: delete it first and write it last.
        (self.folder / STATE).unlink(missing_ok=True)
        self._save_vectors()
        save_statistics(self.knowledge.statistics, self.folder / MEMORY)
        write_json(self.folder / STATE, {"deletions": self._serial})
        self._unsaved = False
        if self.store.newest_deletion() != self._serial:
            self._drop_saved()

    def _drop_saved(self) -> None:
        """Delete the saved counts: they have names that a deletion may have taken."""
        for name in (STATE, MEMORY):
            (self.folder / name).unlink(missing_ok=True)
        self._unsaved = True


def _place_authors(statistics: PostStatistics, block: Block) -> None:
    """Give the authors of posts the numbers that they have in the store and in the index."""
    for number, post in zip(block.authors.tolist(), block.posts, strict=True):
        if post.author is not None:
            statistics.authors.place(post.author, number)


def _deletions_of(folder: Path) -> int | None:
    """Return the newest deletion that the saved counts of a folder do without, if there are any."""
    try:
        deletions = read_json(folder / STATE)["deletions"]
    except (OSError, ValueError, KeyError):
        return None
    return int(deletions) if (folder / MEMORY).is_file() else None
