"""Names of posts and authors as salted hashes: distinct, but not readable."""

from __future__ import annotations

import os
import re
import secrets
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from tagfinder.collect.post import Post
from tagfinder.files import atomic_path

Authors = Literal["hashed", "plain", "none"]

_KEY = re.compile(r"[0-9a-f]{32}")


class Names:
    """Turns names into keys with a secret salt.

    The ids of Mastodon and Bluesky contain the author's name, so that they are hashed as well
    unless authors are stored in plain. A plain number, as X uses, holds no name and stays.

    Args:
        salt: secret bytes of the collection.
        authors: how authors are stored: "hashed", "plain" or "none".
    """

    def __init__(self, salt: bytes, authors: Authors) -> None:
        self.authors = authors
        self._salt = salt

    def key(self, name: str) -> bytes:
        """Return the 16 bytes under which a post of this id or alias is known."""
        return blake2b(_bytes(name), digest_size=16, key=self._salt).digest()

    def key_of_stored(self, stored_id: str) -> bytes:
        """Return the key of a post by its id in a part."""
        if self.authors != "plain" and _KEY.fullmatch(stored_id):
            return bytes.fromhex(stored_id)
        return self.key(stored_id)

    def author_number(self, author: str) -> int:
        """Return the number under which an author is known, a signed 64-bit integer."""
        digest = blake2b(_bytes(author), digest_size=8, key=self._salt, person=b"author").digest()
        return int.from_bytes(digest, "big", signed=True)

    def stored_id(self, post: Post) -> str:
        """Return the id that is written into a part."""
        if self.authors == "plain" or post.id.isdigit():
            return post.id
        return self.key(post.id).hex()

    def stored_author(self, author: str) -> str | None:
        """Return the author as written into a part."""
        if self.authors == "hashed":
            return f"{self.author_number(author) & (2**64 - 1):016x}"
        return author if self.authors == "plain" else None


def _bytes(name: str) -> bytes:
    """Return the bytes of a name, also of one with half characters, as strangers may send them."""
    return name.encode(errors="surrogatepass")


def read_or_make_salt(path: Path) -> bytes:
    """Return the salt in a file; make one that only the owner can read if there is none."""
    if not path.exists():
        with atomic_path(path) as temporary:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                stream.write(secrets.token_hex(32))
    return bytes.fromhex(path.read_text(encoding="ascii"))
