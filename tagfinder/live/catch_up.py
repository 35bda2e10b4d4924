"""Bringing a text index to what the store of posts holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tagfinder.errors import InputError
from tagfinder.live.post_store import PostStore
from tagfinder.live.text_index import Entry, TextIndex
from tagfinder.live.words import telling, words

BLOCK = 50_000
# Posts between two commits while an index is made anew: an interruption costs so many. Fewer would
# make more segments, each of which a search looks at.
BETWEEN_COMMITS = 500_000


@dataclass(frozen=True)
class CaughtUp:
    """How much a text index had missed.

    Attributes:
        added: posts.
        deleted: deletions.
    """

    added: int
    deleted: int


def words_of(text: str) -> Sequence[str]:
    """Return the words by which a post is found."""
    return telling(words(text))


def catch_up(
    store: PostStore,
    index: TextIndex,
    *,
    reader: str = "words",
    reading: Callable[[str], Sequence[str]] = words_of,
) -> CaughtUp:
    """Do to an index what was done to the store since.

    The store is written first, so that after a crash between the two the index lacks something
    and never has too much. Repeating is harmless. An empty index is filled; to make one again,
    delete it. If this fails in the middle, close the index and open it anew before trying again.

    Args:
        store: the truth; writable, because it remembers how far the index has come.
        index: what is to follow it.
        reader: the index's name in the store; each index of a store has its own.
        reading: gives the words of a post's text.

    Raises:
        InputError: the index holds posts that the store never had.
    """
    last = index.last_number()
    if last > store.last_number():
        raise InputError(
            f"{store.path} ends at post {store.last_number()}, its text index at {last}: "
            "they do not belong together; delete the index to have it made again"
        )
    missed, serial = store.deleted_since(store.seen(reader))
    if len(missed):
        index.delete(missed[missed <= last].tolist())
        index.commit()
    added = committed = 0
    for block in store.blocks(after=last, size=BLOCK):
        rows = zip(block.numbers.tolist(), block.posts, block.authors.tolist(), strict=True)
        index.add([Entry(number, reading(post.text), author) for number, post, author in rows])
        added += len(block.posts)
        if added - committed >= BETWEEN_COMMITS:
            index.commit()
            committed = added
    if added > committed:
        index.commit()
    if len(missed):
        store.set_seen(reader, serial)
    return CaughtUp(added, len(missed))
