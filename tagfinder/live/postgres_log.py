"""A log of posts on a PostgreSQL server, which folders on several machines follow.

Posts and deletions are rows in one order. A post's position is its number in every folder. Rows are
appended by one transaction at a time (an advisory lock). So they become visible in the order of
their positions, and a reader that asks for rows above its position misses none.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np

from tagfinder.errors import InputError, WorkError
from tagfinder.live.post import Post
from tagfinder.live.post_rows import stored_row
from tagfinder.live.post_store import KNOWN, Piece, PostStore

# Seconds after which a server that does not answer is given up.
ANSWER_SECONDS = 5.0
# Seconds that an empty log may take to be filled with a folder's posts.
BEGIN_SECONDS = 3600.0
# Rows that are sent in one piece when a folder fills an empty log.
BLOCK = 20_000
_TABLES = (
    "CREATE TABLE IF NOT EXISTS log(name text NOT NULL, origin text NOT NULL, "
    "start bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS entries(position bigint PRIMARY KEY, id text, day float8, "
    "author text, text text, hashtags text, deletes bigint)",
    "CREATE UNIQUE INDEX IF NOT EXISTS entries_by_id ON entries(id) WHERE id IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS entries_by_day ON entries(day) WHERE id IS NOT NULL",
)
_COLUMNS = "position, id, day, author, text, hashtags, deletes"
Result = TypeVar("Result")


class PostgresLog:
    """Posts and deletions in one order, for any number of readers and writers.

    Attributes:
        name: of the log; another log has another one.
        origin: digest of the folder that began it, see `digest_of_store`; empty before.
        start: position of the last entry that it began with, -1 if there is none.
        newest: position of the last entry that was appended here.

    Args:
        address: of the server, as libpq reads it (`postgresql://user@host/database`, or
            `host=… user=…`); what it leaves out comes from libpq's variables (`PGHOST`, …).
        schema: where its tables are; created if missing.
        answer_seconds: after which a server that does not answer is given up.

    Raises:
        InputError: the package is missing, or the address is invalid.
        WorkError: the server does not answer.
    """

    def __init__(self, address: str, schema: str, answer_seconds: float = ANSWER_SECONDS) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise InputError(
                "a log on PostgreSQL needs psycopg: pip install 'tagfinder[postgres]'"
            ) from error
        self._psycopg = psycopg
        try:
            self._settings = psycopg.conninfo.conninfo_to_dict(address)
        except psycopg.Error as error:
            raise InputError(f"--posts {address!r} is no address: {str(error).strip()}") from error
        self.schema = schema
        self._seconds = answer_seconds
        self._writing, self._reading, self._listening = (
            _Line(self._connect, answer_seconds) for _ in range(3)
        )
        # One number for each schema, by which the server knows its lock.
        digest = hashlib.sha256(schema.encode()).digest()
        self._lock = int.from_bytes(digest[:8], "big", signed=True)
        self._write(self._make_tables)
        self._identify()
        self.newest = -1

    def begin(self, store: PostStore) -> None:
        """Fill an empty log with a folder's posts under their numbers, all of them or none.

        Afterwards `origin` and `start` say whose posts it began with, this folder's or another's.
        """

        def fill(cursor: Any) -> None:
            if cursor.execute("SELECT origin FROM log").fetchone()[0]:
                return
            copied = f"COPY entries({_COLUMNS}) FROM STDIN"
            with store.snapshot(), cursor.copy(copied) as copy:
                for block in store.blocks(size=BLOCK):
                    for number, post in zip(block.numbers.tolist(), block.posts, strict=True):
                        copy.write_row(_entry(number, post))
                values = (digest_of_store(store), store.last_number())
            cursor.execute("UPDATE log SET origin = %s, start = %s", values)

        self._write(fill, spare=BEGIN_SECONDS)
        self._identify()

    def add(self, posts: Sequence[Post]) -> np.ndarray:
        """Append posts, all or none; durable when it returns.

        Returns:
            (P,) int64 number of each post; `KNOWN` for one whose id is there, which is skipped.

        Raises:
            InputError: a post has no usable day, or text that is not valid Unicode.
            WorkError: the server does not answer; repeating is harmless.
        """
        ids = [_entry(0, post)[1] for post in posts]

        def append(cursor: Any) -> np.ndarray:
            cursor.execute("SELECT id FROM entries WHERE id = ANY(%s)", (ids,))
            known = {identity for (identity,) in cursor.fetchall()}
            numbers = np.full(len(posts), KNOWN, dtype=np.int64)
            position = self._last(cursor)
            entries = []
            for place, post in enumerate(posts):
                if post.id in known:
                    continue
                known.add(post.id)
                position += 1
                numbers[place] = position
                entries.append(_entry(position, post))
            self._append(cursor, entries)
            return numbers

        return self._write(append)

    def delete(self, ids: Iterable[str]) -> list[int]:
        """Delete posts by id, all or none, and return the numbers of those found."""
        # PostgreSQL has no such character, and therefore no such id.
        return self._delete("id = ANY(%s)", [one for one in ids if "\0" not in one])

    def delete_author(self, name: str) -> list[int]:
        """Delete the posts of an author, and return their numbers."""
        return [] if "\0" in name else self._delete("id IS NOT NULL AND author = %s", name)

    def expire(self, before_day: float) -> list[int]:
        """Delete the posts from before a day, and return their numbers."""
        return self._delete("id IS NOT NULL AND day < %s", before_day)

    def keep_newest(self, n: int) -> list[int]:
        """Delete all but the `n` newest posts by day, and return the numbers of the others."""
        newest = (
            "position IN (SELECT position FROM entries WHERE id IS NOT NULL "
            "ORDER BY day DESC, position DESC OFFSET %s)"
        )
        return self._delete(newest, max(n, 0))

    def read(self, after: int, size: int) -> Piece | None:
        """Return the entries above a position, at most `size`; None if there are none."""

        def ask(cursor: Any) -> list[tuple[Any, ...]]:
            query = f"SELECT {_COLUMNS} FROM entries WHERE position > %s ORDER BY 1 LIMIT %s"
            found: list[tuple[Any, ...]] = cursor.execute(query, (after, size)).fetchall()
            return found

        rows = self._reading.run(ask)
        if not rows:
            return None
        posts = [row for row in rows if row[6] is None]
        return Piece(
            rows[-1][0],
            [row[0] for row in posts],
            [Post(row[1], row[2], row[3], row[4], tuple(json.loads(row[5]))) for row in posts],
            [row[6] for row in rows if row[6] is not None],
        )

    def last(self) -> int:
        """Return the position of the last entry, -1 if there is none."""
        return self._reading.run(self._last)

    def wait(self, seconds: float) -> None:
        """Return when something may have been appended, or when the time is over."""

        def listen(cursor: Any) -> None:
            connection = cursor.connection
            connection.execute(f'LISTEN "{self.schema}"')
            for _ in connection.notifies(timeout=seconds, stop_after=1):
                pass

        self._listening.run(listen, spare=seconds)

    def close(self) -> None:
        """Close the connections."""
        for line in (self._writing, self._reading, self._listening):
            line.close()

    def _connect(self) -> Any:
        settings: dict[str, Any] = {"connect_timeout": max(2, round(self._seconds))}
        connection = self._psycopg.connect(**settings | self._settings, autocommit=True)
        identifier = self._psycopg.sql.Identifier(self.schema)
        sql = self._psycopg.sql.SQL
        connection.execute(sql("SET search_path TO {}").format(identifier))
        return connection

    def _write(self, work: Callable[[Any], Result], spare: float = 0.0) -> Result:
        """Run a transaction that no other writer's overlaps."""

        def locked(cursor: Any) -> Result:
            with cursor.connection.transaction():
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", (self._lock,))
                return work(cursor)

        return self._writing.run(locked, spare)

    def _identify(self) -> None:
        def ask(cursor: Any) -> tuple[str, str, int]:
            found: tuple[str, str, int] = cursor.execute("SELECT * FROM log").fetchone()
            return found

        self.name, self.origin, self.start = self._reading.run(ask)

    def _make_tables(self, cursor: Any) -> None:
        identifier = self._psycopg.sql.Identifier(self.schema)
        cursor.execute(self._psycopg.sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(identifier))
        for statement in _TABLES:
            cursor.execute(statement)
        begun = "INSERT INTO log SELECT %s, '', -1 WHERE NOT EXISTS (SELECT 1 FROM log)"
        cursor.execute(begun, (uuid4().hex,))

    def _delete(self, condition: str, value: Any) -> list[int]:
        def delete(cursor: Any) -> list[int]:
            cursor.execute(f"DELETE FROM entries WHERE {condition} RETURNING position", (value,))
            gone = sorted(number for (number,) in cursor.fetchall())
            first = self._last(cursor) + 1
            # The highest post may be among them, and its number is not given again.
            first = max(first, gone[-1] + 1) if gone else first
            empty = (None,) * 5
            self._append(cursor, [(first + i, *empty, gone[i]) for i in range(len(gone))])
            return gone

        return self._write(delete)

    def _append(self, cursor: Any, entries: Sequence[tuple[Any, ...]]) -> None:
        if entries:
            with cursor.copy(f"COPY entries({_COLUMNS}) FROM STDIN") as copy:
                for entry in entries:
                    copy.write_row(entry)
            cursor.execute("SELECT pg_notify(%s, '')", (self.schema,))
            self.newest = max(self.newest, entries[-1][0])

    @staticmethod
    def _last(cursor: Any) -> int:
        # Empty, a log continues where the folder ended that began it.
        query = "SELECT greatest((SELECT max(position) FROM entries), (SELECT start FROM log), -1)"
        [last] = cursor.execute(query).fetchone()
        return int(last)


class _Line:
    """One connection, opened again where it broke; one thread at a time uses it.

    Args:
        connect: opens it.
        seconds: after which a server that does not answer is given up.
    """

    def __init__(self, connect: Callable[[], Any], seconds: float) -> None:
        self._connect = connect
        self._seconds = seconds
        self._connection: Any = None
        self._guard = threading.Lock()

    def run(self, work: Callable[[Any], Result], spare: float = 0.0) -> Result:
        """Do some work with a cursor, a second time where the connection turns out to be broken.

        Args:
            work: repeatable.
            spare: seconds that the work may take longer than other work.

        Raises:
            WorkError: the server cannot be reached or does not answer.
        """
        import psycopg

        with self._guard:
            for attempt in (1, 2):
                try:
                    if self._connection is None:
                        self._connection = self._connect()
                    limit = _given_up_after(self._seconds + spare, self._connection)
                    with limit, self._connection.cursor() as cursor:
                        return work(cursor)
                except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
                    self._drop()
                    if attempt == 2:
                        raise WorkError(
                            f"the log of posts on PostgreSQL does not answer ({_told(error)}); "
                            "try again"
                        ) from error
                except psycopg.Error as error:
                    raise WorkError(
                        f"the log of posts on PostgreSQL refuses ({_told(error)})"
                    ) from error
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close the connection."""
        with self._guard:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def _given_up_after(seconds: float, connection: Any) -> Iterator[None]:
    """Break a connection whose server has not answered in time, as where a network was cut."""
    # A copy of the descriptor: the connection may close its own in the meantime.
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        timer = threading.Timer(seconds, line.shutdown, (socket.SHUT_RDWR,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _told(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def digest_of_store(store: PostStore) -> str:
    """Return what tells a folder's posts from those of folders that are no copies of it."""
    last = store.last_number()
    newest = [post.id for block in store.blocks(last - 100) for post in block.posts]
    facts = json.dumps([last, len(store), store.newest_deletion(), newest])
    return hashlib.sha256(facts.encode()).hexdigest()


def _entry(number: int, post: Post) -> tuple[Any, ...]:
    identity, day, text, hashtags = stored_row(post)
    if "\0" in f"{identity}{post.author}{text}":
        raise InputError(f"post {post.id!r} has a NUL character, which PostgreSQL cannot keep")
    return number, identity, day, post.author, text, hashtags, None
