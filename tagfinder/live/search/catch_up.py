"""Brings a text index up to date with the store of posts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tagfinder.errors import InputError
from tagfinder.live.post_store import PostStore
from tagfinder.live.search.text_index import Entry, TextIndex
from tagfinder.live.tokens import tokenize

BLOCK = 50_000
# Posts between two commits while an index is rebuilt: the most that an interruption costs. Fewer
# would make more segments, each of which a search reads.
BETWEEN_COMMITS = 500_000


@dataclass(frozen=True)
class CaughtUp:
    """What a text index had to catch up with.

    Attributes:
        added: posts.
        deleted: deletions.
    """

    added: int
    deleted: int


def terms_of(text: str) -> Sequence[str]:
    """Return the words by which a post is found."""
    return tokenize(text).terms


def catch_up(
    store: PostStore,
    index: TextIndex,
    *,
    reader: str = "words",
    terms: Callable[[str], Sequence[str]] = terms_of,
) -> CaughtUp:
    """Apply the additions and deletions of a store that an index has missed.

    The store is written first: after a crash in between, the index may lack posts but never has too
    many. Repeating is harmless. An empty index is filled; to rebuild one, delete it. After a
    failure, close the index and open it again before the next attempt.

    Args:
        store: the posts; writable, because it records the index's position.
        index: is brought up to date.
        reader: the index's name in the store; each index of a store has its own.
        terms: returns the words by which a post's text is found.

    Raises:
        InputError: the index has posts that the store never had.
    """
    last = index.last_number()
    if last > store.last_number():
        raise InputError(
            f"{store.path} ends at post {store.last_number()}, its text index at {last}: "
            "they do not belong together; restore the posts from a copy, or delete the index to "
            "have it made again from the posts that are there"
        )
    missed, serial = store.deleted_since(store.seen(reader))
    if len(missed):
        index.delete(missed[missed <= last].tolist())
        index.commit()
    added = committed = 0
    for block in store.blocks(after=last, size=BLOCK):
        rows = zip(block.numbers.tolist(), block.posts, block.authors.tolist(), strict=True)
        index.add([Entry(number, terms(post.text), author) for number, post, author in rows])
        added += len(block.posts)
        if added - committed >= BETWEEN_COMMITS:
            index.commit()
            committed = added
    if added > committed:
        index.commit()
    if len(missed):
        store.set_seen(reader, serial)
    return CaughtUp(added, len(missed))
