"""Posts from Bluesky's search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tagfinder.collect.collection import Collection
from tagfinder.collect.optouts import REASON
from tagfinder.collect.post import Batch, Post, Wanted
from tagfinder.collect.records import NO_UNAUTHENTICATED, post_of, view_labels
from tagfinder.collect.retry import Patience
from tagfinder.collect.run import MakeSource
from tagfinder.collect.windows import Window, days, read_window
from tagfinder.collect.xrpc import Xrpc
from tagfinder.errors import InputError

PAGE = 100


def windows(since: datetime | None, until: datetime | None, *, now: datetime) -> list[Window]:
    """Return the days to search.

    Raises:
        InputError: there are none.
    """
    if since is None:
        raise InputError("--since is missing: a search needs a first day")
    newest = now.replace(microsecond=0)
    found = days(since, min(until or newest, newest))
    if not found:
        raise InputError(f"--since {since:%Y-%m-%d %H:%M} is not before --until")
    return found


def cost(queries: int, windows: int) -> str:
    """Return the requests of a search."""
    return (
        f"{queries:,} queries on {windows:,} days: at least {queries * windows:,} requests, one "
        f"more for each further {PAGE} posts of a query and day. Bluesky's servers allow 3,000 "
        "requests in 5 minutes."
    )


def make_source(queries: Sequence[str], windows: Sequence[Window], address: str) -> MakeSource:
    """Return what makes a search, logged in with the account in the environment."""
    return lambda collection, wanted, patience: BlueskySearch(
        queries,
        windows,
        collection,
        wanted=wanted,
        server=Xrpc(address, patience, log_in=True),
        patience=patience,
    )


class BlueskySearch:
    """Searches for each query, day by day, all pages.

    Args:
        queries: what to search for, such as "#python".
        windows: the days.
        collection: has the position of each search.
        wanted: which posts are taken.
        server: where to search.
        patience: how long to wait.
    """

    def __init__(
        self,
        queries: Sequence[str],
        windows: Sequence[Window],
        collection: Collection,
        *,
        wanted: Wanted,
        server: Xrpc,
        patience: Patience,
    ) -> None:
        self._queries = queries
        self._windows = windows
        self._collection = collection
        self._wanted = wanted
        self._server = server
        self._patience = patience

    def batches(self) -> Iterator[Batch]:
        """Yield a batch for each page."""
        for window in self._windows:
            for query in self._queries:
                name = f"bluesky search {window.start:%Y-%m-%d} {query}"
                state = self._collection.cursor(name)
                for batch in read_window(name, window, state, partial(self._page, query)):
                    yield batch
                    self._patience.check()

    def admit(self, batch: Batch) -> None:
        """Do nothing: search results carry the labels of their authors."""

    def _page(self, query: str, window: Window, token: str | None) -> tuple[Batch, str | None]:
        parameters = {
            "q": query,
            "sort": "latest",
            "since": f"{window.start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "until": f"{window.end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "limit": PAGE,
        }
        if token is not None:
            parameters["cursor"] = token
        answer = self._server.get("app.bsky.feed.searchPosts", parameters)
        batch = Batch()
        views = answer.get("posts")
        for view in views if isinstance(views, list) else []:
            self._sort(batch, view)
        return batch, answer.get("cursor") if views else None

    def _sort(self, batch: Batch, view: Any) -> None:
        if not isinstance(view, dict) or not isinstance(view.get("uri"), str):
            batch.left_out["malformed"] += 1
            return
        out = NO_UNAUTHENTICATED in view_labels(view.get("author"))
        seen = _moment(view.get("indexedAt"))
        post = post_of(view["uri"], view.get("record"), seen, self._wanted.languages)
        if out and not self._wanted.include_opted_out:
            post = REASON
        if isinstance(post, Post):
            self._wanted.sort(batch, post)
        else:
            batch.left_out[post] += 1


def _moment(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (TypeError, ValueError):
        return datetime.now(UTC)
