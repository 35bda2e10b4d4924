"""Batches of a network: posts to store, to replace and to remove."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

# Posts outside these times are impossible, even if their author claims them.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Post:
    """One public post.

    Attributes:
        network: "x", "mastodon" or "bluesky".
        id: the name of the post that is the same wherever it is seen.
        created_at: when it was written, with a time zone.
        text: plain text, hashtags in place.
        hashtags: the post's own hashtags without '#', as its author spelled them.
        author: the author's name on the network (profile address, DID or account number).
        entity_name: name of the entity that was asked for, None if there is none.
        lang: BCP 47 language, None if it is not known.
        alias: another name that the network may use when it announces the post's deletion.
    """

    network: str
    id: str
    created_at: datetime
    text: str
    hashtags: list[str]
    author: str
    entity_name: str | None = None
    lang: str | None = None
    alias: str | None = None


@dataclass(slots=True)
class Batch:
    """Some posts of one query, and the query's position once they are stored.

    Attributes:
        posts: posts to store unless they are already there.
        edited: posts that replace stored ones.
        removed: ids or aliases of posts that their authors deleted.
        removed_authors: authors whose account is gone, or who asked not to be indexed.
        cursors: state of queries, JSON-able, valid once this batch is stored.
        left_out: number of posts that were seen and not taken, by reason.
    """

    posts: list[Post] = field(default_factory=list)
    edited: list[Post] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    removed_authors: list[str] = field(default_factory=list)
    cursors: dict[str, Any] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)

    def add(self, other: Batch) -> None:
        """Append a later batch."""
        self.posts += other.posts
        self.edited += other.edited
        self.removed += other.removed
        self.removed_authors += other.removed_authors
        self.cursors |= other.cursors
        self.left_out += other.left_out


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which posts are taken.

    Attributes:
        min_hashtags: hashtags that a post must have at least.
        languages: primary language tags such as "en"; empty for all.
        include_opted_out: take posts of authors who ask not to be indexed.
    """

    min_hashtags: int = 1
    languages: frozenset[str] = frozenset()
    include_opted_out: bool = False

    def refusal(self, post: Post) -> str | None:
        """Return the reason why a post is not wanted, None for a wanted one."""
        if (fault := fault_of(post)) is not None:
            return fault
        if not post.text.strip():
            return "no text"
        if len(post.hashtags) < self.min_hashtags:
            return "too few hashtags"
        if self.languages and primary_language(post.lang) not in self.languages:
            return "other language"
        return None

    def sort(self, batch: Batch, post: Post, *, edited: bool = False) -> None:
        """Add a post to a batch; an edited post that is no longer wanted is removed."""
        reason = self.refusal(post)
        if reason is None:
            (batch.edited if edited else batch.posts).append(post)
            return
        batch.left_out[reason] += 1
        if edited:
            batch.removed.append(post.id)


def fault_of(post: Post) -> str | None:
    """Return the reason why a post cannot be stored, None if it can.

    Strangers write posts: a lone surrogate (half of a character) is in no encoding, and a moment
    may be one that never was.
    """
    texts = (post.id, post.text, post.author, post.lang, post.alias, *post.hashtags)
    if any(text and not _is_encodable(text) for text in texts):
        return "text that is no Unicode"
    return None if is_possible(post.created_at) else "impossible time"


def is_possible(moment: datetime) -> bool:
    """Return whether a moment has a time zone and a post may have been written then."""
    return moment.tzinfo is not None and EARLIEST <= moment < LATEST


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def primary_language(tag: str | None) -> str | None:
    """Return "en" for "en-GB", None for None."""
    return tag.split("-")[0].lower() if tag else None
