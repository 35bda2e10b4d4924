"""The durable log of all taught posts and of deletions: one SQLite file.

Everything else (counts, text index, vectors) can be rebuilt from it, and every process that answers
follows it: posts by their numbers, deletions by their serials. When a call returns, its change is
on disk; if the process is killed, a batch of posts is stored completely or not at all.
"""

from __future__ import annotations

import math
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tagfinder.errors import InputError, naming
from tagfinder.live.post import NO_AUTHOR, Post
from tagfinder.live.post_rows import checksum, is_sound, posts_of, stored_row

# "TagF", by which SQLite's file header says whose file it is.
APPLICATION = 0x54616746
FORMAT = 1
# Instead of a number, for a post whose id is stored already.
KNOWN = -1
_CHUNK = 500
# Seconds to wait while another process writes.
_BUSY_SECONDS = 30.0
# Names of processes among the readers of deletions.
_PROCESS = "process "
# The file itself, among the readers of deletions.
_COMPACT = "compact"
# AUTOINCREMENT: numbers and serials are never reused, even after the highest was deleted.
_TABLES = (
    "CREATE TABLE authors(number INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL)",
    "CREATE TABLE posts(number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, "
    "day REAL NOT NULL, author INTEGER, text TEXT NOT NULL, hashtags TEXT NOT NULL)",
    "CREATE INDEX posts_by_day ON posts(day)",
    "CREATE TABLE deletions(serial INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL)",
    "CREATE TABLE seen(reader TEXT PRIMARY KEY, serial INTEGER NOT NULL) WITHOUT ROWID",
)
# Added later, to files that are there. Texts of deleted posts stay in `leaving` until every process
# has subtracted them; `followed` is this folder's position in a log of several machines.
_LATER_TABLES = {
    "leaving": "(serial INTEGER PRIMARY KEY, text TEXT NOT NULL)",
    "followed": "(log TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID",
}
_CHECKSUM = (
    "checksum(number, id, day, "
    "(SELECT name FROM authors WHERE authors.number = author), text, hashtags)"
)
# Authors whose last post was deleted lose their name. Their number stays: it is not given again.
_NAMELESS = (
    "UPDATE authors SET name = hex(randomblob(16)) "
    "WHERE NOT EXISTS (SELECT 1 FROM posts WHERE author = authors.number)"
)
_COLUMNS = "number, id, day, author, text, hashtags, checksum"
_POSTS = (
    "SELECT posts.number, id, day, author, name, text, hashtags, checksum "
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


NO_POSTS = Block(np.empty(0, np.int64), np.empty(0, np.int64), [])


@dataclass(frozen=True)
class Deletion:
    """One deleted post.

    Attributes:
        serial: ascending in order of deletion.
        number: of the post.
        text: of the post; None once every process has seen the deletion.
    """

    serial: int
    number: int
    text: str | None


@dataclass(frozen=True)
class Changes:
    """What happened to a store, as it was at one moment.

    Attributes:
        posts: added and not deleted since.
        deletions: in their order.
        serial: of the last deletion that was read.
        complete: whether there was nothing more at that moment.
    """

    posts: Block
    deletions: list[Deletion]
    serial: int
    complete: bool

    def __bool__(self) -> bool:
        """Whether anything happened."""
        return bool(self.posts.posts or self.deletions)


@dataclass(frozen=True)
class Piece:
    """Some entries of a log that a store follows, in their order.

    Attributes:
        position: of the last one.
        numbers: of the posts, ascending and above all before.
        posts: the ones that were not deleted since.
        deleted: numbers of deleted posts, of which some may never have been added.
    """

    position: int
    numbers: list[int]
    posts: list[Post]
    deleted: list[int]


class PostStore:
    """Posts by number, and a log of deletions.

    Several processes may write: SQLite puts their transactions in an order, in which numbers and
    serials ascend. Threads may share a store.

    Args:
        path: the file; created if missing.
        writable: False only reads.

    Raises:
        InputError: it is not a store of this version, or is not there to be read.
    """

    def __init__(self, path: Path, writable: bool = True) -> None:
        self.path = path
        self._guard = threading.RLock()
        if writable:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.exists():
            raise InputError(f"{path} is not there: nothing was taught yet")
        self._database = self._open(writable)

    def _open(self, writable: bool) -> sqlite3.Connection:
        database = sqlite3.connect(
            self._address(writable),
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            is_new = _check_format(database, self.path)
            database.create_function("checksum", 6, checksum, deterministic=True)
            database.execute("PRAGMA synchronous=FULL")
            # Deleted posts are overwritten: they are personal data.
            database.execute("PRAGMA secure_delete=ON")
            if writable:
                database.execute("PRAGMA journal_mode=WAL")
            else:
                _stand_in_for_tables(database)
                database.execute("PRAGMA query_only=ON")
            if writable:
                _make_tables(database, is_new)
        except sqlite3.DatabaseError as error:
            database.close()
            raise InputError(f"{self.path} cannot be read as a store of posts: {error}") from error
        except BaseException:
            database.close()
            raise
        return database

    def _address(self, writable: bool) -> str:
        can_write = os.access(self.path.parent, os.W_OK)
        if writable and not can_write:
            raise InputError(
                f"{self.path.parent} cannot be written, which teaching and deleting need: change "
                "its permissions, mount it for writing, or work on a copy"
            )
        if can_write:
            return self.path.absolute().as_uri()
        # SQLite needs a file beside this one to share it with a process that writes.
        log = self.path.with_name(f"{self.path.name}-wal")
        if log.is_file() and log.stat().st_size:
            raise InputError(
                f"{log} has posts that {self.path.name} has not, and the folder is read-only: open "
                "it once where it can be written (tagfinder update), then copy it again"
            )
        return f"{self.path.absolute().as_uri()}?immutable=1"

    def __enter__(self) -> PostStore:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._guard:
            self._database.close()

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
        rows = [stored_row(post) for post in posts]
        numbers = np.full(len(posts), KNOWN, dtype=np.int64)
        with self._transaction():
            known = self.stored([row[0] for row in rows])
            number = self.last_number()
            new = []
            for position, post in enumerate(posts):
                if post.id in known:
                    continue
                known.add(post.id)
                number += 1
                numbers[position] = number
                new.append(position)
            self._insert(numbers[new].tolist(), [posts[i] for i in new], [rows[i] for i in new])
        return numbers

    def replicate(self, log: str, piece: Piece) -> None:
        """Apply a piece of another log, all of it or nothing, and record that it was applied.

        Args:
            log: name of the log.
            piece: its next entries.

        Raises:
            InputError: the store has other posts under these numbers or ids.
        """
        rows = [stored_row(post) for post in piece.posts]
        try:
            with self._transaction():
                # First what was deleted: a post of the same id may follow.
                self._delete([(number,) for number in piece.deleted])
                self._insert(piece.numbers, piece.posts, rows)
                self._set_followed(log, piece.position)
        except sqlite3.IntegrityError as error:
            raise InputError(
                f"{self.path} has posts that the log {log} does not have ({error}): start from a "
                "copy of a folder that follows this log"
            ) from error

    def followed(self) -> tuple[str, int] | None:
        """Return the name of the log that the store follows and the position in it, or None."""
        rows = self._rows("SELECT log, position FROM followed")
        return (rows[0][0], int(rows[0][1])) if rows else None

    def follow(self, log: str, position: int) -> None:
        """Record which log the store follows, and the position in it."""
        with self._transaction():
            self._set_followed(log, position)

    def delete(self, ids: Iterable[str]) -> list[int]:
        """Delete posts by id, all or none, and return the numbers of those found."""
        with self._transaction():
            asked = [(identity,) for identity in ids]
            return self._delete(self._rows_in("SELECT number FROM posts WHERE id IN", asked))

    def delete_author(self, name: str) -> list[int]:
        """Delete the posts of an author, and return their numbers."""
        with self._transaction():
            query = "SELECT posts.number FROM posts JOIN authors ON author = authors.number "
            return self._delete(self._rows(f"{query} WHERE name = ?", (name,)))

    def expire(self, before_day: float) -> list[int]:
        """Delete the posts from before a day, and return their numbers."""
        with self._transaction():
            rows = self._rows("SELECT number FROM posts WHERE day < ?", (before_day,))
            return self._delete(rows)

    def keep_newest(self, n: int) -> list[int]:
        """Delete all but the `n` newest posts by day, and return the numbers of the others."""
        with self._transaction():
            newest = "SELECT number FROM posts ORDER BY day DESC, number DESC LIMIT -1 OFFSET ?"
            return self._delete(self._rows(newest, (max(n, 0),)))

    def changes(self, after: int, serial: int, size: int) -> Changes:
        """Return the entries since a moment, in their present state.

        A deleted post is among the posts or the deletions of one answer, never among both. Where
        there is more than `size`, deletions come first, so that this holds for later answers too.

        Args:
            after: number above which posts are.
            serial: above which deletions are.
            size: most posts and most deletions.
        """
        query = (
            "SELECT deletions.serial, number, text FROM deletions LEFT JOIN leaving "
            "ON leaving.serial = deletions.serial "
            "WHERE deletions.serial > ? ORDER BY deletions.serial LIMIT ?"
        )
        with self.snapshot():
            deletions = [Deletion(*row) for row in self._rows(query, (serial, size))]
            last = deletions[-1].serial if deletions else serial
            if len(deletions) == size:
                return Changes(NO_POSTS, deletions, last, complete=False)
            posts = next(self.blocks(after, size), NO_POSTS)
            return Changes(posts, deletions, last, complete=len(posts.posts) < size)

    def erase(self, serial: int, *, now: bool) -> bool:
        """Erase the texts of deleted posts that every process has seen the deletion of.

        Args:
            serial: of a deletion.
            now: erase all up to this deletion; processes that have not seen it have to rebuild
                their counts.

        Returns:
            Whether all up to this deletion are erased.
        """
        with self._transaction():
            behind = "reader LIKE ? AND serial < ?"
            if now:
                self._database.execute(f"DELETE FROM seen WHERE {behind}", (f"{_PROCESS}%", serial))
            query = f"SELECT coalesce(min(serial), ?) FROM seen WHERE {behind}"
            [(least,)] = self._rows(query, (serial, f"{_PROCESS}%", serial))
            self._database.execute("DELETE FROM leaving WHERE serial <= ?", (least,))
        # What is erased is still in the write-ahead log until that is emptied, which waits for
        # whoever reads.
        [(busy, _, _)] = self._rows("PRAGMA wal_checkpoint(TRUNCATE)")
        return bool(least >= serial) and not busy

    def compact(self, serial: int) -> None:
        """Write the file again where that has not happened since a deletion.

        SQLite overwrites what is deleted, but not the copies that it left where it moved rows
        from one page to another. This takes space for a second copy for a moment.
        """
        with self._guard, naming(self.path):
            if self.seen(_COMPACT) < serial:
                self._database.execute("VACUUM")
                self.set_seen(_COMPACT, serial)
                self._rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def damaged(self, reason: object) -> InputError:
        """Return an error that says what to do about a damaged file."""
        return InputError(f"{self.path} is damaged ({reason}); restore it from a copy")

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
            posts = posts_of(rows, self.path)
            numbers = np.array([row[0] for row in rows], dtype=np.int64)
            authors = [NO_AUTHOR if row[3] is None else row[3] for row in rows]
            if numbers[0] <= after or (np.diff(numbers) <= 0).any():
                raise self.damaged("its posts are in no order")
            yield Block(numbers, np.array(authors, dtype=np.int64), posts)
            after = int(numbers[-1])

    def posts_at(self, numbers: Iterable[int]) -> dict[int, Post]:
        """Return number -> post for the numbers whose posts are stored."""
        asked = [(int(number),) for number in numbers]
        rows = self._rows_in(f"{_POSTS} WHERE posts.number IN", asked)
        return {row[0]: post for row, post in zip(rows, posts_of(rows, self.path), strict=True)}

    def stored(self, ids: Sequence[str]) -> set[str]:
        """Return which of some ids are those of stored posts."""
        asked = [(identity,) for identity in ids]
        return {row[0] for row in self._rows_in("SELECT id FROM posts WHERE id IN", asked)}

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

    def newest_deletion(self) -> int:
        """Return the serial of the newest deletion, 0 if there is none."""
        rows = self._rows("SELECT seq FROM sqlite_sequence WHERE name = 'deletions'")
        return int(rows[0][0]) if rows else 0

    def seen(self, reader: str) -> int:
        """Return the serial of the last deletion that a reader has applied, 0 before any."""
        rows = self._rows("SELECT serial FROM seen WHERE reader = ?", (reader,))
        return int(rows[0][0]) if rows else 0

    def set_seen(self, reader: str, serial: int) -> None:
        """Record that a reader has applied all deletions up to a serial."""
        with self._transaction():
            self._database.execute("INSERT OR REPLACE INTO seen VALUES(?, ?)", (reader, serial))

    def enter(self, process: str, serial: int) -> None:
        """Record that a process follows, and has applied all deletions up to a serial."""
        self.set_seen(_PROCESS + process, serial)

    def leave(self, process: str) -> None:
        """Record that a process follows no more."""
        with self._transaction():
            self._database.execute("DELETE FROM seen WHERE reader = ?", (_PROCESS + process,))

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads of the block see the store at one moment."""
        with self._guard, self._naming_damaged():
            self._database.execute("BEGIN")
            try:
                yield
            finally:
                self._database.execute("COMMIT")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Make all changes of the block durable at its end, or none of them."""
        with self._guard, naming(self.path), self._naming_damaged():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                # A full disk ends the transaction by itself.
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _naming_damaged(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            damaged = code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
            if not damaged and "Could not decode" not in str(error):
                raise
            raise self.damaged(error) from error

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._guard, self._naming_damaged():
            return self._database.execute(query, values).fetchall()

    def _rows_in(self, query: str, asked: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """Run a query that ends with "IN" for the first values of `asked`, in chunks."""
        rows = []
        for start in range(0, len(asked), _CHUNK):
            chunk = [values[0] for values in asked[start : start + _CHUNK]]
            rows += self._rows(f"{query} ({','.join('?' * len(chunk))})", chunk)
        return rows

    def _author_numbers(self, names: Sequence[str | None]) -> dict[str | None, int]:
        distinct = [(name,) for name in dict.fromkeys(names) if name is not None]
        query = "SELECT name, number FROM authors WHERE name IN"
        numbers: dict[str | None, int] = dict(self._rows_in(query, distinct))
        start = self._rows("SELECT coalesce(max(number) + 1, 0) FROM authors")[0][0]
        new = [name for (name,) in distinct if name not in numbers]
        rows = list(enumerate(new, start))
        self._database.executemany("INSERT INTO authors VALUES(?, ?)", rows)
        return numbers | {name: number for number, name in rows}

    def _insert(
        self, numbers: Sequence[int], posts: Sequence[Post], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        authors = self._author_numbers([post.author for post in posts])
        values = [
            (
                number,
                row[0],
                row[1],
                None if post.author is None else authors[post.author],
                *row[2:],
                checksum(number, *row[:2], post.author, *row[2:]),
            )
            for number, post, row in zip(numbers, posts, rows, strict=True)
        ]
        self._database.executemany(f"INSERT INTO posts({_COLUMNS}) VALUES(?{', ?' * 6})", values)

    def _set_followed(self, log: str, position: int) -> None:
        self._database.execute("INSERT OR REPLACE INTO followed VALUES(?, ?)", (log, position))

    def _delete(self, rows: Iterable[tuple[int]]) -> list[int]:
        found = {row[0]: row for row in self._rows_in(f"{_POSTS} WHERE posts.number IN", [*rows])}
        numbers = sorted(found)
        of_posts = "SELECT DISTINCT author FROM posts WHERE number IN"
        authors = {author for (author,) in self._rows_in(of_posts, [(n,) for n in numbers])}
        for number in numbers:
            deletion = "INSERT INTO deletions(number) VALUES(?)"
            serial = self._database.execute(deletion, (number,)).lastrowid
            # What was counted of a damaged text is unknown: without it, counts are made again.
            if is_sound(found[number]):
                values = (serial, found[number][5])
                self._database.execute("INSERT INTO leaving VALUES(?, ?)", values)
            self._database.execute("DELETE FROM posts WHERE number = ?", (number,))
        self._database.executemany(f"{_NAMELESS} AND number = ?", [(one,) for one in authors])
        return numbers


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


def _make_tables(database: sqlite3.Connection, is_new: bool) -> None:
    database.execute("BEGIN IMMEDIATE")
    # Another process may have made them meanwhile.
    if is_new and not database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        for statement in (
            *_TABLES,
            f"PRAGMA application_id={APPLICATION}",
            f"PRAGMA user_version={FORMAT}",
        ):
            database.execute(statement)
    for name, columns in _LATER_TABLES.items():
        database.execute(f"CREATE TABLE IF NOT EXISTS {name}{columns}")
    indexes = "SELECT 1 FROM sqlite_schema WHERE name = 'posts_by_author'"
    if not database.execute(indexes).fetchone():
        database.execute("CREATE INDEX posts_by_author ON posts(author)")
        # Earlier versions kept their names.
        database.execute(_NAMELESS)
    if not _has_checksums(database):
        database.execute("ALTER TABLE posts ADD COLUMN checksum INTEGER")
        database.execute(f"UPDATE posts SET checksum = {_CHECKSUM}")
    database.execute("COMMIT")


def _has_checksums(database: sqlite3.Connection) -> bool:
    columns = database.execute("PRAGMA table_info(posts)").fetchall()
    return "checksum" in [column[1] for column in columns]


def _stand_in_for_tables(database: sqlite3.Connection) -> None:
    """Let a file of an earlier version, which is only read, seem to have what came later."""
    present = {name for (name,) in database.execute("SELECT name FROM sqlite_schema")}
    for name, columns in _LATER_TABLES.items():
        if name not in present:
            database.execute(f"CREATE TEMP TABLE {name}{columns}")
    if "posts" in present and not _has_checksums(database):
        database.execute(
            f"CREATE TEMP VIEW posts AS SELECT *, {_CHECKSUM} AS checksum FROM main.posts"
        )
