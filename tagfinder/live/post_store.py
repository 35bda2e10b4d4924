"""The durable store of all taught posts: one SQLite file.

Everything else (counts, text index, vectors) can be rebuilt from it. When a call returns, its
change is on disk; if the process is killed, a batch of posts is stored completely or not at all.
"""

from __future__ import annotations

import json
import math
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from tagfinder.errors import InputError
from tagfinder.live.post import NO_AUTHOR, Post

# "TagF", by which SQLite's file header says whose file it is.
APPLICATION = 0x54616746
FORMAT = 1
# Instead of a number, for a post whose id is stored already.
KNOWN = -1
_CHUNK = 500
# AUTOINCREMENT: numbers and serials are never reused, even after the highest was deleted.
_TABLES = (
    "CREATE TABLE authors(number INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL)",
    "CREATE TABLE posts(number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, "
    "day REAL NOT NULL, author INTEGER, text TEXT NOT NULL, hashtags TEXT NOT NULL)",
    "CREATE INDEX posts_by_day ON posts(day)",
    "CREATE TABLE deletions(serial INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL)",
    "CREATE TABLE seen(reader TEXT PRIMARY KEY, serial INTEGER NOT NULL) WITHOUT ROWID",
)
_POSTS = (
    "SELECT posts.number, id, day, author, name, text, hashtags "
    "FROM posts LEFT JOIN authors ON author = authors.number"
)


@dataclass(frozen=True)
class Block:
    """Posts in order of number, column by column.

    Attributes:
        numbers: (B,) int64, ascending.
        authors: (B,) int64 numbers of their authors, `NO_AUTHOR` if unknown.
        posts: the B posts.
    """

    numbers: np.ndarray
    authors: np.ndarray
    posts: list[Post]


class PostStore:
    """Posts by number, and a log of deletions.

    One process writes at a time; others may read at the same time. Threads may share it.

    Args:
        path: the file; created if missing.
        writable: False only reads, also while another process writes.

    Raises:
        InputError: another process writes to it, or it is not a store of this version.
    """

    def __init__(self, path: Path, writable: bool = True) -> None:
        self.path = path
        self._guard = threading.RLock()
        # Whichever thread closes gives it back.
        self._one_writer = FileLock(f"{path}.lock", thread_local=False)
        if writable:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._one_writer.acquire(timeout=0)
            except Timeout:
                raise InputError(
                    f"{path}: another process is teaching here; let it end or stop it first"
                ) from None
        elif not path.exists():
            raise InputError(f"{path} is not there: nothing was taught yet")
        try:
            self._database = self._open(writable)
        except BaseException:
            self._one_writer.release()
            raise

    def _open(self, writable: bool) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            is_new = _check_format(database, self.path)
            database.execute("PRAGMA synchronous=FULL")
            # Deleted posts are overwritten: they are personal data.
            database.execute("PRAGMA secure_delete=ON")
            if writable:
                database.execute("PRAGMA journal_mode=WAL")
            else:
                database.execute("PRAGMA query_only=ON")
            if is_new and writable:
                _make_tables(database)
        except sqlite3.DatabaseError as error:
            database.close()
            raise InputError(f"{self.path} cannot be read as a store of posts: {error}") from error
        except BaseException:
            database.close()
            raise
        return database

    def __enter__(self) -> PostStore:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and release its lock."""
        self._database.close()
        self._one_writer.release()

    def add(self, posts: Sequence[Post]) -> np.ndarray:
        """Store posts, all or none; durable when it returns.

        Args:
            posts: in the order of their future numbers.

        Returns:
            (P,) int64 number of each post, ascending without gaps; `KNOWN` for a post whose id is
            stored already (or occurs earlier in `posts`), which is skipped.

        Raises:
            InputError: a post has no usable day, or text that is not valid Unicode.
        """
        rows = [_row(post) for post in posts]
        numbers = np.full(len(posts), KNOWN, dtype=np.int64)
        with self._transaction():
            known = {row[0] for row in self._rows_in("SELECT id FROM posts WHERE id IN", rows)}
            authors = self._author_numbers([post.author for post in posts])
            number = self.last_number()
            kept = []
            for position, (post, row) in enumerate(zip(posts, rows, strict=True)):
                if post.id in known:
                    continue
                known.add(post.id)
                number += 1
                numbers[position] = number
                author = None if post.author is None else authors[post.author]
                kept.append((number, row[0], row[1], author, *row[2:]))
            self._database.executemany("INSERT INTO posts VALUES(?, ?, ?, ?, ?, ?)", kept)
        return numbers

    def delete(self, ids: Iterable[str]) -> dict[int, Post]:
        """Delete posts by id, all or none, and return number -> post of those found."""
        with self._transaction():
            asked = [(identity,) for identity in ids]
            return self._delete(self._rows_in("SELECT number FROM posts WHERE id IN", asked))

    def expire(self, before_day: float) -> dict[int, Post]:
        """Delete the posts from before a day, and return them by number."""
        with self._transaction():
            rows = self._rows("SELECT number FROM posts WHERE day < ?", (before_day,))
            return self._delete(rows)

    def keep_newest(self, n: int) -> dict[int, Post]:
        """Delete all but the `n` newest posts by day, and return the deleted by number."""
        with self._transaction():
            newest = "SELECT number FROM posts ORDER BY day DESC, number DESC LIMIT -1 OFFSET ?"
            return self._delete(self._rows(newest, (max(n, 0),)))

    def newest_day(self) -> float:
        """Return the day of the newest post, 0 if there is none."""
        return float(self._rows("SELECT coalesce(max(day), 0) FROM posts")[0][0])

    def blocks(
        self, after: int = -1, size: int = 20_000, from_day: float = -math.inf
    ) -> Iterator[Block]:
        """Yield posts in the order of their numbers.

        Args:
            after: number above which they are.
            size: most posts in a block.
            from_day: day from which they are.
        """
        query = f"{_POSTS} WHERE posts.number > ? AND day >= ? ORDER BY posts.number LIMIT ?"
        while True:
            rows = self._rows(query, (after, from_day, size))
            if not rows:
                return
            numbers = np.array([row[0] for row in rows], dtype=np.int64)
            authors = [NO_AUTHOR if row[3] is None else row[3] for row in rows]
            yield Block(numbers, np.array(authors, dtype=np.int64), _posts(rows))
            after = int(numbers[-1])

    def posts_at(self, numbers: Iterable[int]) -> dict[int, Post]:
        """Return number -> post for the numbers whose posts are stored."""
        asked = [(int(number),) for number in numbers]
        rows = self._rows_in(f"{_POSTS} WHERE posts.number IN", asked)
        return {row[0]: post for row, post in zip(rows, _posts(rows), strict=True)}

    def authors(self) -> list[str]:
        """Return authors' names by their numbers, which never change.

        Authors are numbered in order of their first post. A name stays when its last post is
        deleted, so that other numbers do not shift.
        """
        return [name for (name,) in self._rows("SELECT name FROM authors ORDER BY number")]

    def __len__(self) -> int:
        """Return how many posts are stored."""
        return int(self._rows("SELECT count(*) FROM posts")[0][0])

    def last_number(self) -> int:
        """Return the highest number ever given, -1 if there is none."""
        rows = self._rows("SELECT seq FROM sqlite_sequence WHERE name = 'posts'")
        return int(rows[0][0]) if rows else -1

    def deleted_since(self, serial: int = 0) -> tuple[np.ndarray, int]:
        """Return the deletions after a given one.

        Args:
            serial: of a deletion, 0 for all.

        Returns:
            (D,) int64 numbers of posts in order of deletion, and the newest serial.
        """
        query = "SELECT number, serial FROM deletions WHERE serial > ? ORDER BY serial"
        rows = self._rows(query, (serial,))
        numbers = np.array([number for number, _ in rows], dtype=np.int64)
        return numbers, int(rows[-1][1]) if rows else serial

    def seen(self, reader: str) -> int:
        """Return the serial of the last deletion that a reader has applied, 0 before any."""
        rows = self._rows("SELECT serial FROM seen WHERE reader = ?", (reader,))
        return int(rows[0][0]) if rows else 0

    def set_seen(self, reader: str, serial: int) -> None:
        """Record that a reader has applied all deletions up to a serial."""
        with self._transaction():
            self._database.execute("INSERT OR REPLACE INTO seen VALUES(?, ?)", (reader, serial))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Make all changes of the block durable at its end, or none of them."""
        with self._guard:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._guard:
            return self._database.execute(query, values).fetchall()

    def _rows_in(self, query: str, asked: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """Run a query that ends with "IN" for the first values of `asked`, in chunks."""
        rows = []
        for start in range(0, len(asked), _CHUNK):
            chunk = [values[0] for values in asked[start : start + _CHUNK]]
            rows += self._rows(f"{query} ({','.join('?' * len(chunk))})", chunk)
        return rows

    def _author_numbers(self, names: Sequence[str | None]) -> dict[str, int]:
        distinct = [(name,) for name in dict.fromkeys(names) if name is not None]
        query = "SELECT name, number FROM authors WHERE name IN"
        numbers = dict(self._rows_in(query, distinct))
        start = self._rows("SELECT coalesce(max(number) + 1, 0) FROM authors")[0][0]
        new = [name for (name,) in distinct if name not in numbers]
        rows = list(enumerate(new, start))
        self._database.executemany("INSERT INTO authors VALUES(?, ?)", rows)
        return numbers | {name: number for number, name in rows}

    def _delete(self, rows: Iterable[tuple[int]]) -> dict[int, Post]:
        numbers = sorted({number for (number,) in rows})
        posts = self.posts_at(numbers)
        values = [(number,) for number in numbers]
        self._database.executemany("DELETE FROM posts WHERE number = ?", values)
        self._database.executemany("INSERT INTO deletions(number) VALUES(?)", values)
        return {number: posts[number] for number in numbers}


def _check_format(database: sqlite3.Connection, path: Path) -> bool:
    """Return whether the file is empty; raise if it is not ours."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application == 0 and tables == 0:
        return True
    if application != APPLICATION:
        raise InputError(f"{path} is not a store of posts but another program's SQLite file")
    if version != FORMAT:
        raise InputError(
            f"{path} is a store of format {version}, this TagFinder reads format {FORMAT}: "
            "use the version that wrote it"
        )
    return False


def _make_tables(database: sqlite3.Connection) -> None:
    database.execute("BEGIN IMMEDIATE")
    for statement in (
        *_TABLES,
        f"PRAGMA application_id={APPLICATION}",
        f"PRAGMA user_version={FORMAT}",
    ):
        database.execute(statement)
    database.execute("COMMIT")


def _row(post: Post) -> tuple[str, float, str, str]:
    """Return id, day, text and hashtags as they are stored."""
    if not math.isfinite(post.day):
        raise InputError(f"post {post.id!r}: its day is {post.day}, not a number of days")
    hashtags = json.dumps(post.hashtags, ensure_ascii=False)
    try:
        f"{post.id}{post.author}{post.text}{hashtags}".encode()
    except UnicodeEncodeError:
        raise InputError(f"post {post.id!r} holds half a character (a lone surrogate)") from None
    return post.id, float(post.day), post.text, hashtags


def _posts(rows: Sequence[tuple[Any, ...]]) -> list[Post]:
    """Return posts of rows: number, id, day, author's number and name, text, hashtags."""
    # One call for all rows: a call for each would take most of the time.
    hashtags = json.loads("[" + ",".join(row[6] for row in rows) + "]")
    return [
        Post(row[1], row[2], row[4], row[5], tuple(names))
        for row, names in zip(rows, hashtags, strict=True)
    ]
