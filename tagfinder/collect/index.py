"""The index of a collection: an SQLite file beside the parts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagfinder.errors import InputError

_TABLES = """
CREATE TABLE IF NOT EXISTS settings(name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts(
    number INTEGER PRIMARY KEY, name TEXT UNIQUE, day TEXT, rows INTEGER);
CREATE TABLE IF NOT EXISTS posts(key BLOB PRIMARY KEY, part INTEGER, author INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS posts_by_author ON posts(author);
CREATE TABLE IF NOT EXISTS aliases(key BLOB PRIMARY KEY, post BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS removed(key BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stale(part INTEGER, key BLOB, PRIMARY KEY(part, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cursors(query TEXT PRIMARY KEY, state TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hashtags(number INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS authors(
    number INTEGER PRIMARY KEY, opted_out INTEGER, checked INTEGER);
"""
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file of a collection: its number, file name, day (ISO) and rows."""

    number: int
    name: str
    day: str
    rows: int


@dataclass(frozen=True, slots=True)
class Entry:
    """The location of a post: its key, the number of its part and the number of its author."""

    key: bytes
    part: int
    author: int


class Index:
    """Ids, deletions, parts and cursors; flat in memory however long a collection is.

    One process holds it at a time. What belongs together is written in one transaction.

    Raises:
        InputError: another process works on the collection.
    """

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, timeout=0.5, isolation_level=None)
        try:
            self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode=TRUNCATE")
            self._database.execute("PRAGMA cache_size=-16384")
            with self.transaction():
                for statement in _TABLES.split(";"):
                    self._database.execute(statement)
        except sqlite3.OperationalError as error:
            self._database.close()
            if "locked" not in str(error):
                raise
            raise InputError(
                f"{path.parent.parent}: another process is working on this collection; "
                "stop it first, or choose another folder"
            ) from None

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes of the block become durable together at its end, or none does."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._database.execute(statement, values).fetchall()

    def _rows_in(self, statement: str, values: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
        """Run `statement`, which ends with "IN", for the values in chunks."""
        rest = list(values)
        for start in range(0, len(rest), _CHUNK):
            chunk = rest[start : start + _CHUNK]
            yield from self._rows(f"{statement} ({','.join('?' * len(chunk))})", chunk)

    def _write(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        before = self._database.total_changes
        self._database.executemany(statement, rows)
        return self._database.total_changes - before

    def setting(self, name: str, value: str) -> str:
        """Return a setting; set it to `value` if it was never set."""
        self._write("INSERT OR IGNORE INTO settings VALUES(?, ?)", [(name, value)])
        return str(self._rows("SELECT value FROM settings WHERE name = ?", (name,))[0][0])

    def parts(self) -> list[Part]:
        """Return all parts, oldest number first."""
        return [Part(*row) for row in self._rows("SELECT * FROM parts ORDER BY number")]

    def parts_of_keys(self, keys: Iterable[bytes]) -> dict[bytes, int]:
        """Return the number of the part of each key that is held."""
        return dict(self._rows_in("SELECT key, part FROM posts WHERE key IN", keys))

    def removed_among(self, keys: Iterable[bytes]) -> set[bytes]:
        """Return those keys whose posts were removed and must not come back."""
        return {key for (key,) in self._rows_in("SELECT key FROM removed WHERE key IN", keys)}

    def keys_behind(self, aliases: Iterable[bytes]) -> list[bytes]:
        """Return the keys of the posts that have one of the aliases."""
        return [key for (key,) in self._rows_in("SELECT post FROM aliases WHERE key IN", aliases)]

    def keys_of_authors(self, authors: Iterable[int]) -> list[bytes]:
        """Return the keys of all posts of some authors."""
        return [key for (key,) in self._rows_in("SELECT key FROM posts WHERE author IN", authors)]

    def keys_of_part(self, part: int) -> set[bytes]:
        """Return the keys of the posts in one part."""
        return {key for (key,) in self._rows("SELECT key FROM posts WHERE part = ?", (part,))}

    def stale(self) -> dict[int, set[bytes]]:
        """Return, for each part that still has them, the keys that it should not have."""
        found: dict[int, set[bytes]] = {}
        for part, key in self._rows("SELECT part, key FROM stale"):
            found.setdefault(part, set()).add(key)
        return found

    def cursor(self, query: str) -> Any:
        """Return the state of a query, None for a new one."""
        rows = self._rows("SELECT state FROM cursors WHERE query = ?", (query,))
        return json.loads(rows[0][0]) if rows else None

    def hashtags(self) -> int:
        """Return the number of distinct hashtags ever seen in stored posts."""
        return int(self._rows("SELECT count(*) FROM hashtags")[0][0])

    def opt_outs(self, authors: Iterable[int], checked_since: int) -> dict[int, bool]:
        """Return whether authors opted out, for those looked up since a time (Unix seconds)."""
        fresh = f"checked >= {checked_since:d}"
        statement = f"SELECT number, opted_out FROM authors WHERE {fresh} AND number IN"
        return {number: bool(out) for number, out in self._rows_in(statement, authors)}

    def record_opt_outs(self, opt_outs: dict[int, bool], checked: int) -> None:
        """Remember whether authors opted out."""
        rows = [(number, int(out), checked) for number, out in opt_outs.items()]
        with self.transaction():
            self._write("INSERT OR REPLACE INTO authors VALUES(?, ?, ?)", rows)

    def record_posts(self, entries: Iterable[Entry]) -> None:
        """Note where new posts are."""
        # In the order of the tree each of its pages is visited once.
        rows = sorted((entry.key, entry.part, entry.author) for entry in entries)
        self._write("INSERT OR REPLACE INTO posts VALUES(?, ?, ?)", rows)

    def record_moves(self, entries: Iterable[Entry]) -> None:
        """Note posts that may have been elsewhere, where they become stale."""
        listed = list(entries)
        self._write(
            "INSERT OR IGNORE INTO stale SELECT part, key FROM posts WHERE key = ? AND part != ?",
            [(entry.key, entry.part) for entry in listed],
        )
        self.record_posts(listed)

    def record_aliases(self, aliases: Iterable[tuple[bytes, bytes]]) -> None:
        """Note (alias, key) pairs."""
        self._write("INSERT OR REPLACE INTO aliases VALUES(?, ?)", aliases)

    def record_parts(self, parts: Iterable[Part]) -> None:
        """Note parts; one without rows is forgotten."""
        listed = [(part.number, part.name, part.day, part.rows) for part in parts]
        self._write("INSERT OR REPLACE INTO parts VALUES(?, ?, ?, ?)", listed)
        self._database.execute("DELETE FROM parts WHERE rows = 0")

    def record_cursors(self, cursors: dict[str, Any]) -> None:
        """Record the positions of queries."""
        rows = [(query, json.dumps(state)) for query, state in cursors.items()]
        self._write("INSERT OR REPLACE INTO cursors VALUES(?, ?)", rows)

    def record_hashtags(self, numbers: Iterable[int]) -> int:
        """Note hashtags by number; return how many of them are new."""
        return self._write("INSERT OR IGNORE INTO hashtags VALUES(?)", [(n,) for n in numbers])

    def remove(self, keys: Iterable[bytes]) -> int:
        """Mark posts as removed for good; return how many of them were held."""
        rows = [(key,) for key in keys]
        self._write("INSERT OR IGNORE INTO removed VALUES(?)", rows)
        self._write("INSERT OR IGNORE INTO stale SELECT part, key FROM posts WHERE key = ?", rows)
        self._write("DELETE FROM aliases WHERE post = ?", rows)
        return self._write("DELETE FROM posts WHERE key = ?", rows)

    def forget(self, keys: Iterable[bytes]) -> None:
        """Drop posts that no part has; they may be taken again."""
        self._write("DELETE FROM posts WHERE key = ?", [(key,) for key in keys])

    def forget_stale(self, part: int) -> None:
        """Note that a part no longer has any stale posts."""
        self._database.execute("DELETE FROM stale WHERE part = ?", (part,))
