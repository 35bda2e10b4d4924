"""Authors on Bluesky who ask that only people who are logged in see them."""

from __future__ import annotations

import time

from tagfinder.collect.collection import Collection
from tagfinder.collect.post import Batch
from tagfinder.collect.records import NO_UNAUTHENTICATED
from tagfinder.collect.xrpc import Xrpc

REASON = "author asks not to be indexed"
GONE = "author's account is gone"
_SECONDS_UNTIL_ASKED_AGAIN = 7 * 24 * 3600


class OptOuts:
    """Knows who carries the label "!no-unauthenticated", which is in the profile only.

    A post does not tell, so that the profiles of authors are looked up, 25 in a request, before
    their posts are stored. What was found is kept with the collection for a week; changes that the
    stream shows meanwhile are noted.

    Args:
        collection: where to keep the labels of authors.
        server: where profiles are looked up.
    """

    def __init__(self, collection: Collection, server: Xrpc) -> None:
        self._collection = collection
        self._server = server
        self._heard: dict[str, bool] = {}

    def note(self, did: str, opted_out: bool) -> None:
        """Note a change of a profile in the stream."""
        self._heard[did] = opted_out

    def apply(self, batch: Batch) -> None:
        """Remove the posts of authors who opted out, or whose account is gone, from a batch."""
        now = time.time()
        dids = {post.author for post in batch.posts + batch.edited}
        known = self._collection.opt_outs(dids, now - _SECONDS_UNTIL_ASKED_AGAIN) | self._heard
        labels = self._server.profiles(sorted(dids - known.keys()))
        found = {did: NO_UNAUTHENTICATED in of_author for did, of_author in labels.items()}
        self._collection.note_opt_outs(found | self._heard, now)
        self._heard = {}
        known |= found
        for posts in (batch.posts, batch.edited):
            left = [post for post in posts if known.get(post.author, True)]
            batch.left_out.update(REASON if post.author in known else GONE for post in left)
            posts[:] = [post for post in posts if not known.get(post.author, True)]
