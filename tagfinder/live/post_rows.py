"""Posts as rows of a table: texts and numbers, and a checksum of them."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from tagfinder.errors import InputError
from tagfinder.live.post import Post


def stored_row(post: Post) -> tuple[str, float, str, str]:
    """Return id, day, text and hashtags as they are stored.

    Raises:
        InputError: the post has no usable day, or text that is not valid Unicode.
    """
    if not math.isfinite(post.day):
        raise InputError(f"post {post.id!r}: its day is {post.day}, not a number of days")
    hashtags = json.dumps(post.hashtags, ensure_ascii=False)
    try:
        f"{post.id}{post.author}{post.text}{hashtags}".encode()
    except UnicodeEncodeError:
        raise InputError(f"post {post.id!r} holds half a character (a lone surrogate)") from None
    # SQLite knows no negative zero.
    return post.id, float(post.day) + 0.0, post.text, hashtags


def checksum(*values: Any) -> int:
    """Return a CRC-32 of a stored post, by which a bit that changed on the disk is noticed.

    Args:
        values: number, id, day, author's name, text, hashtags.
    """
    return zlib.crc32("\0".join(map(str, values)).encode())


def is_sound(row: Sequence[Any]) -> bool:
    """Tell whether a row of `posts_of` is as it was stored."""
    number, identity, day, _, author, text, hashtags, expected = row
    return bool(expected == checksum(number, identity, day, author, text, hashtags))


def posts_of(rows: Sequence[Sequence[Any]], source: object) -> list[Post]:
    """Return posts of rows: number, id, day, author's number and name, text, hashtags, checksum.

    Args:
        rows: as they were read.
        source: where from, for the message.

    Raises:
        InputError: a row is not as it was stored.
    """
    for row in rows:
        if not is_sound(row):
            raise InputError(
                f"{source} is damaged: post {row[1]!r} is not as it was stored; delete it "
                "(tagfinder update RUN --delete ID), or restore the file from a copy"
            )
    # One call for all rows: a call for each would take most of the time.
    hashtags = json.loads(_joined(row[6] for row in rows))
    return [
        Post(row[1], row[2], row[4], row[5], tuple(names))
        for row, names in zip(rows, hashtags, strict=True)
    ]


def _joined(lists: Iterable[str]) -> str:
    return f"[{','.join(lists)}]"
