"""A text index on a PostgreSQL server, for more posts or more machines than a folder serves.

PostgreSQL finds posts by an inverted index (GIN) over their words but ranks without knowing how
rare a word is. So the posts of each word are counted in a table of their own, and BM25 is computed
in the query from these counts, for the posts with the rarest of the words asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2s
from math import log
from pathlib import Path
from typing import Any

import numpy as np

from tagfinder.errors import InputError
from tagfinder.live.text_index import Entry, Neighbours

FORMAT = 1
# BM25's usual constants, the same as the embedded index's.
SATURATION, LENGTH_WEIGHT = 1.2, 0.75
# PostgreSQL's words are shorter than 2 KB.
LONGEST_WORD = 255
_TABLES = """
CREATE SCHEMA IF NOT EXISTS {schema};
CREATE TABLE IF NOT EXISTS {schema}.posts(
    number bigint PRIMARY KEY, author bigint NOT NULL, words tsvector NOT NULL);
-- Without the list of pending changes, which each search would have to go through.
CREATE INDEX IF NOT EXISTS posts_by_words ON {schema}.posts USING gin(words)
    WITH (fastupdate = off);
CREATE INDEX IF NOT EXISTS posts_by_author ON {schema}.posts(author);
CREATE TABLE IF NOT EXISTS {schema}.terms(word text COLLATE "C" PRIMARY KEY, posts bigint NOT NULL);
CREATE TABLE IF NOT EXISTS {schema}.totals(
    format integer NOT NULL, posts bigint NOT NULL, words bigint NOT NULL);
INSERT INTO {schema}.totals SELECT {format}, 0, 0
    WHERE NOT EXISTS (SELECT FROM {schema}.totals);
"""
_TERMS = """
SELECT totals.posts, totals.words, terms.word, terms.posts
FROM {schema}.totals, {schema}.terms WHERE terms.word = ANY(%s)
"""
_SEARCH = """
SELECT number,
    ({sum}) / (1 + {saturation} * (1 - {weight} + {weight} * length(words) / %s)) AS score
FROM {schema}.posts WHERE words @@ %s::tsquery AND number >= %s {of_author}
ORDER BY score DESC, number LIMIT %s
"""
_DELETE = """
DELETE FROM {schema}.posts WHERE number = ANY(%s) RETURNING tsvector_to_array(words)
"""
_COUNT = """
INSERT INTO {schema}.terms SELECT * FROM unnest(%s::text[], %s::bigint[])
ON CONFLICT (word) DO UPDATE SET posts = terms.posts + excluded.posts
"""


def index_for(
    folder: Path, *, connection: str, schema: str | None, candidates: int
) -> PostgresIndex:
    """Open the index that belongs to a folder of posts.

    Args:
        folder: of the posts.
        connection: see `PostgresIndex`.
        schema: where the tables lie; None takes a name made from the folder's. Where the folder
            is moved, its index is made anew.
        candidates: see `PostgresIndex`.
    """
    own = f"tagfinder_{blake2s(str(folder.resolve()).encode(), digest_size=6).hexdigest()}"
    return PostgresIndex(connection, own if schema is None else schema, candidates)


class PostgresIndex:
    """Posts by their words in one schema of a PostgreSQL database.

    A word counts once for a post, however often it is there.

    Args:
        connection: libpq's connection string; what it leaves out comes from libpq's environment
            variables (`PGHOST`, `PGUSER`, `PGPASSWORD`, ...).
        schema: where the tables lie or are to be made; each index has its own.
        candidates: about how many posts are scored for a question, those with its rarest words.
            More are closer to BM25 over all posts, and slower.

    Raises:
        InputError: the package is missing, the server cannot be reached or refuses, or the schema
            is of another version.
    """

    def __init__(
        self, connection: str = "", schema: str = "tagfinder", candidates: int = 10_000
    ) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise InputError(
                "a text index on PostgreSQL needs psycopg: pip install 'tagfinder[postgres]'"
            ) from error
        self._psycopg = psycopg
        self._connection = connection
        self._schema = schema
        self.candidates = candidates
        self._reader = self._connect()
        # A connection of its own: what is not committed yet must not be found.
        self._writer: Any = None
        self._changes: Counter[str] = Counter()
        self._posts_change = 0
        self._make_tables()

    def add(self, entries: Sequence[Entry]) -> None:
        """Add posts; they are found after the next `commit`."""
        with self._writing() as cursor:
            with cursor.copy(self._sql("COPY {schema}.posts FROM STDIN")) as copy:
                for entry in entries:
                    words = _distinct(entry.words)
                    copy.write_row((entry.number, entry.author, " ".join(map(_quoted, words))))
                    self._changes.update(words)
            self._posts_change += len(entries)

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete posts; unknown numbers are ignored. Takes effect at the next `commit`."""
        delete = (
            "DELETE FROM {schema}.posts WHERE number = ANY(%s) RETURNING tsvector_to_array(words)"
        )
        with self._writing() as cursor:
            cursor.execute(self._sql(delete), (list(numbers),))
            for (words,) in cursor:
                self._changes.subtract(words)
                self._posts_change -= 1

    def commit(self) -> None:
        """Make what was added and deleted durable and visible, all of it or nothing."""
        if self._writer is None:
            return
        # In one order, so that two writers cannot wait for each other.
        changed = sorted(word for word, change in self._changes.items() if change)
        changes = [self._changes[word] for word in changed]
        with self._writing() as cursor:
            cursor.execute(self._sql(_COUNT), (changed, changes))
            unused = "DELETE FROM {schema}.terms WHERE posts <= 0 AND word = ANY(%s)"
            cursor.execute(self._sql(unused), (changed,))
            totals = "UPDATE {schema}.totals SET posts = posts + %s, words = words + %s"
            cursor.execute(self._sql(totals), (self._posts_change, sum(changes)))
            self._writer.commit()
        self._changes.clear()
        self._posts_change = 0

    def search(
        self, words: Sequence[str], k: int, author: int | None = None, since: int = 0
    ) -> Neighbours:
        """Return the `k` posts most like some words, see `TextIndex.search`."""
        rows = self._read(_TERMS, (_distinct(words),)) if words and k > 0 else []
        if not rows:
            return Neighbours(np.empty(0, np.int64), np.empty(0, np.float32))
        n_posts, n_words = rows[0][:2]
        rarest_first = sorted((posts, word) for _, _, word, posts in rows)
        values: list[Any] = []
        for posts, word in rarest_first:
            weight = (SATURATION + 1) * log(1 + (n_posts - posts + 0.5) / (posts + 0.5))
            values += [_quoted(word), weight]
        everything = author is not None or since > 0
        looked_up = rarest_first if everything else self._rarest(rarest_first)
        values += [n_words / n_posts, " | ".join(_quoted(word) for _, word in looked_up)]
        values += [since, k] if author is None else [since, author, k]
        query = _SEARCH.format(
            schema="{schema}",
            sum=" + ".join(
                ["CASE WHEN words @@ %s::tsquery THEN %s::float8 ELSE 0 END"] * len(rarest_first)
            ),
            saturation=f"{SATURATION}::float8",
            weight=f"{LENGTH_WEIGHT}::float8",
            of_author="" if author is None else "AND author = %s",
        )
        found = self._read(query, values)
        return Neighbours(
            np.array([number for number, _ in found], dtype=np.int64),
            np.array([score for _, score in found], dtype=np.float32),
        )

    def last_number(self) -> int:
        """Return the highest number that was committed, -1 where there is none."""
        newest = self._read("SELECT coalesce(max(number), -1) FROM {schema}.posts")
        return int(newest[0][0])

    def close(self) -> None:
        """Let go of the connections; what was not committed is dropped."""
        self._reader.close()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _rarest(self, rarest_first: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """Return the rarest words with about as many posts as are to be scored, at least one."""
        reached = np.cumsum([posts for posts, _ in rarest_first])
        return rarest_first[: max(1, int(np.searchsorted(reached, self.candidates, "right")))]

    def _connect(self) -> Any:
        try:
            connection = self._psycopg.connect(self._connection, autocommit=True)
        except self._psycopg.Error as error:
            raise InputError(f"PostgreSQL cannot be reached: {_sentence(error)}") from error
        # A search compares a few thousand rows: going through all of them, or compiling the
        # query first, takes longer than the search, whatever the planner expects.
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET jit = off")
        return connection

    def _make_tables(self) -> None:
        try:
            with self._reader.transaction():
                # Two processes that make the same tables at once would fail.
                self._reader.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (self._schema,))
                self._reader.execute(self._sql(_TABLES, format=FORMAT))
            (version,) = self._read("SELECT format FROM {schema}.totals")[0]
        except self._psycopg.Error as error:
            self.close()
            raise InputError(
                f"schema {self._schema} of the PostgreSQL database cannot be used as a text index: "
                f"{_sentence(error)}"
            ) from error
        if version != FORMAT:
            self.close()
            raise InputError(
                f"schema {self._schema} of the PostgreSQL database is a text index of format "
                f"{version}, this TagFinder reads format {FORMAT}"
            )

    def _writing(self) -> _Writing:
        if self._writer is None:
            self._writer = self._connect()
            self._writer.execute("SET synchronous_commit = on")
            self._writer.autocommit = False
        return _Writing(self)

    def _drop_changes(self) -> None:
        """Go back to what was committed."""
        self._changes.clear()
        self._posts_change = 0
        self._writer.close()
        self._writer = None

    def _read(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._reader.execute(self._sql(query), values).fetchall()
        except self._psycopg.OperationalError:
            if not self._reader.closed:
                raise
            # The server was restarted, or somebody between dropped an idle connection.
            self._reader = self._connect()
            return self._reader.execute(self._sql(query), values).fetchall()

    def _sql(self, query: str, **values: int) -> Any:
        sql = self._psycopg.sql
        literals = {name: sql.Literal(value) for name, value in values.items()}
        return sql.SQL(query).format(schema=sql.Identifier(self._schema), **literals)


class _Writing:
    """A cursor for changes; where the block fails, nothing since the last commit is kept."""

    def __init__(self, index: PostgresIndex) -> None:
        self.index = index

    def __enter__(self) -> Any:
        self.cursor = self.index._writer.cursor()
        return self.cursor

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self.cursor.close()
        if kind is not None:
            self.index._drop_changes()


def _distinct(words: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in words if word))


def _quoted(word: str) -> str:
    """Return a word as `tsvector` and `tsquery` read it."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def _sentence(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
