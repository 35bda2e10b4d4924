"""A folder of collected posts, each exactly once, even if the process is killed.

    folder/parts/2026-11-20-0001.parquet    the posts of a day (UTC), for `prepare` and others
    folder/.collection/index.sqlite         ids, deletions, parts, cursors
    folder/.collection/salt                 the secret that hashes names, mode 0600

A commit writes parts first and the index (with the cursors) after them in one transaction, so that
a cursor never runs ahead of the posts. If a process was killed between the two, opening the
collection repairs it: rows that the index does not know are dropped. They are fetched again,
because the cursor was not moved. Removals go the other way round: the index notes them first, the
parts follow, and what is missing is finished at the next opening.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import polars as pl

from tagfinder.collect.index import Entry, Index, Part
from tagfinder.collect.names import Authors, Names, read_or_make_salt
from tagfinder.collect.parts import (
    count_rows,
    day_of,
    frame_of,
    read_part,
    sweep,
    write_part,
)
from tagfinder.collect.post import Batch, Post
from tagfinder.errors import InputError

ROWS_OF_A_PART = 20_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a commit: posts newly stored, posts met again, posts removed."""

    new: int = 0
    known: int = 0
    removed: int = 0


class Collection:
    """A folder of posts that one process at a time adds to and removes from.

    Args:
        folder: the collection's folder; it is made if there is none.
        authors: how author names are stored, "hashed", "plain" or "none"; None for what the
            collection has (a new one has "hashed").

    Raises:
        InputError: the folder has parts but no index, stores authors in another way, or another
            process works on it.
    """

    def __init__(self, folder: Path, authors: Authors | None = None) -> None:
        self.folder = folder
        self._parts_folder = folder / "parts"
        hidden = folder / ".collection"
        if self._parts_folder.is_dir() and not hidden.is_dir():
            raise InputError(
                f"{folder}: has parts but no .collection folder, so it is "
                "unknown which posts were collected; choose another folder"
            )
        self._parts_folder.mkdir(parents=True, exist_ok=True)
        hidden.mkdir(mode=0o700, exist_ok=True)
        self._index = Index(hidden / "index.sqlite")
        try:
            self.names = Names(read_or_make_salt(hidden / "salt"), self._stored_authors(authors))
            self._parts = {part.number: part for part in self._index.parts()}
            self._recover()
        except BaseException:
            self.close()
            raise
        self.hashtags = self._index.hashtags()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let other processes work on the folder."""
        self._index.close()

    @property
    def posts(self) -> int:
        """Number of posts held."""
        return sum(part.rows for part in self._parts.values())

    def cursor(self, query: str) -> Any:
        """Return the state that was last committed for a query, None for a new one."""
        return self._index.cursor(query)

    def opt_outs(self, authors: Iterable[str], checked_since: float) -> dict[str, bool]:
        """Return whether authors opted out, for those noted since a time (Unix seconds)."""
        numbers = {self.names.author_number(author): author for author in authors}
        noted = self._index.opt_outs(numbers, int(checked_since))
        return {numbers[number]: out for number, out in noted.items()}

    def note_opt_outs(self, opt_outs: dict[str, bool], checked: float) -> None:
        """Note whether authors opted out, as seen at a time (Unix seconds)."""
        numbers = {self.names.author_number(author): out for author, out in opt_outs.items()}
        self._index.record_opt_outs(numbers, int(checked))

    def commit(self, batch: Batch, limit: int | None = None) -> Outcome:
        """Store a batch durably, each post once.

        If this fails the collection has to be opened again, which puts things right.

        Args:
            batch: what to store, remove and note.
            limit: most posts to store; where it cuts the batch off, the cursors stay as they are.

        Returns:
            What was done.
        """
        removed = self._keys_to_remove(batch)
        chosen, known, seen = self._choose(batch, removed)
        kept = dict(list(chosen.items())[:limit])
        places = self._append(kept)
        entries = [
            Entry(key, places[day_of(post.created_at)].number, self._number(post))
            for key, post in kept.items()
        ]
        with self._index.transaction():
            self._index.record_parts(places.values())
            self._index.record_moves(entry for entry in entries if entry.key in known)
            self._index.record_posts(entry for entry in entries if entry.key not in known)
            self._index.record_aliases(self._aliases(batch, removed))
            gone = self._index.remove(removed)
            if len(kept) == len(chosen):
                self._index.record_cursors(batch.cursors)
            self.hashtags += self._index.record_hashtags(_hashtag_numbers(kept.values()))
        self._note(places.values())
        self._drop_stale()
        repeated = len(batch.posts) + len(batch.edited) - seen
        return Outcome(len(kept.keys() - known), len(known) + repeated, gone)

    def purge(self, ids: Iterable[str], authors: Iterable[str] = ()) -> int:
        """Remove posts for good; they do not come back when a query meets them again.

        Args:
            ids: ids on the network, aliases, or ids as in the parts.
            authors: authors whose posts are all to go, by their names on the network.

        Returns:
            How many posts were held.
        """
        names = list(ids)
        keys = {self.names.key(name) for name in names}
        keys |= {self.names.key_of_stored(name) for name in names}
        keys |= set(self._index.keys_behind(keys))
        numbers = [self.names.author_number(author) for author in authors]
        keys |= set(self._index.keys_of_authors(numbers))
        with self._index.transaction():
            held = self._index.remove(keys)
        self._drop_stale()
        return held

    def _stored_authors(self, wanted: Authors | None) -> Authors:
        stored = self._index.setting("authors", wanted or "hashed")
        if wanted not in (None, stored):
            raise InputError(
                f"--authors {wanted}: the collection {self.folder} stores authors as "
                f"'{stored}'; leave the option out or choose another folder"
            )
        return cast(Authors, stored)

    def _number(self, post: Post) -> int:
        return self.names.author_number(post.author)

    def _path(self, part: Part) -> Path:
        return self._parts_folder / part.name

    def _keys_to_remove(self, batch: Batch) -> set[bytes]:
        """Return the keys that a batch takes away, of posts that are held or arrive with it."""
        given = {self.names.key(name) for name in batch.removed}
        authors = {self.names.author_number(author) for author in batch.removed_authors}
        keys = set(self._index.parts_of_keys(given))
        keys |= set(self._index.keys_behind(given))
        keys |= set(self._index.keys_of_authors(authors))
        for post in batch.posts + batch.edited:
            key = self.names.key(post.id)
            alias = self.names.key(post.alias) if post.alias else key
            if key in given or alias in given or self._number(post) in authors:
                keys.add(key)
        return keys

    def _choose(
        self, batch: Batch, removed: set[bytes]
    ) -> tuple[dict[bytes, Post], set[bytes], int]:
        """Return the posts to write, the keys that are held already, and the number of posts."""
        posts = {self.names.key(post.id): post for post in batch.posts}
        edited = {self.names.key(post.id): post for post in batch.edited}
        everything = posts | edited
        known = set(self._index.parts_of_keys(everything))
        unwanted = removed | self._index.removed_among(everything) | (known - edited.keys())
        chosen = {key: post for key, post in everything.items() if key not in unwanted}
        return chosen, known, len(everything)

    def _aliases(self, batch: Batch, removed: set[bytes]) -> list[tuple[bytes, bytes]]:
        pairs = [(post.alias, self.names.key(post.id)) for post in batch.posts if post.alias]
        return [(self.names.key(alias), key) for alias, key in pairs if key not in removed]

    def _append(self, posts: dict[bytes, Post]) -> dict[str, Part]:
        """Write posts to the newest part of their day; return the parts by day."""
        days: dict[str, dict[bytes, Post]] = defaultdict(dict)
        for key, post in posts.items():
            days[day_of(post.created_at)][key] = post
        places = {}
        for number, (day, added) in enumerate(days.items(), max(self._parts, default=0) + 1):
            part = self._open_part(day) or Part(number, f"{day}-{number:06d}.parquet", day, 0)
            rows = frame_of([self._row(post) for post in added.values()])
            if part.rows:
                there = self._without(read_part(self._path(part)), added.keys())
                rows = pl.concat([there, rows])
            write_part(self._path(part), rows)
            places[day] = replace(part, rows=rows.height)
        return places

    def _open_part(self, day: str) -> Part | None:
        of_day = [part for part in self._parts.values() if part.day == day]
        newest = max(of_day, key=lambda part: part.number, default=None)
        return newest if newest and newest.rows < ROWS_OF_A_PART else None

    def _row(self, post: Post) -> dict[str, Any]:
        return {
            "id": self.names.stored_id(post),
            "created_at": post.created_at,
            "text": post.text,
            "hashtags": post.hashtags,
            "entity_name": post.entity_name,
            "lang": post.lang,
            "author": self.names.stored_author(post.author),
            "network": post.network,
        }

    def _keys_of(self, rows: pl.DataFrame) -> list[bytes]:
        return [self.names.key_of_stored(stored) for stored in rows["id"]]

    def _without(self, rows: pl.DataFrame, keys: Set[bytes]) -> pl.DataFrame:
        kept = [key not in keys for key in self._keys_of(rows)]
        return rows.filter(pl.Series(kept, dtype=pl.Boolean))

    def _note(self, parts: Iterable[Part]) -> None:
        for part in parts:
            if part.rows:
                self._parts[part.number] = part
            else:
                self._parts.pop(part.number, None)

    def _drop_stale(self) -> None:
        """Take posts out of parts that no longer should have them, and note that it is done."""
        for number, keys in self._index.stale().items():
            part = self._parts[number]
            rows = self._without(read_part(self._path(part)), keys)
            write_part(self._path(part), rows)
            self._finish(replace(part, rows=rows.height))

    def _finish(self, part: Part) -> None:
        with self._index.transaction():
            self._index.record_parts([part])
            self._index.forget_stale(part.number)
        self._note([part])

    def _recover(self) -> None:
        """Bring parts and index to the same state after a process was killed."""
        sweep(self._parts_folder, {part.name for part in self._parts.values()})
        self._drop_stale()
        for part in list(self._parts.values()):
            if count_rows(self._path(part)) != part.rows:
                self._repair(part)

    def _repair(self, part: Part) -> None:
        """Keep those rows of a part that the index knows to be there."""
        keys = self._index.keys_of_part(part.number)
        rows = read_part(self._path(part))
        found = set(self._keys_of(rows))
        rows = self._without(rows, found - keys)
        write_part(self._path(part), rows)
        with self._index.transaction():
            self._index.forget(keys - found)
        self._finish(replace(part, rows=rows.height))


def _hashtag_numbers(posts: Iterable[Post]) -> set[int]:
    hashtags = {hashtag.lower() for post in posts for hashtag in post.hashtags}
    digests = (blake2b(hashtag.encode(), digest_size=8).digest() for hashtag in hashtags)
    return {int.from_bytes(digest, "big", signed=True) for digest in digests}
