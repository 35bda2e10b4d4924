"""Posts from X, by the search of its API v2 and the client library tweepy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import tweepy

from tagfinder.collect.collection import Collection
from tagfinder.collect.entities import read_entities
from tagfinder.collect.json_access import as_dict, as_list, as_text
from tagfinder.collect.post import Batch, Post, Wanted
from tagfinder.collect.retry import Patience
from tagfinder.collect.web import PatientSession
from tagfinder.collect.windows import Window, days, read_window
from tagfinder.errors import InputError, WorkError

TOKEN_VARIABLE = "X_BEARER_TOKEN"
_FIELDS = ["author_id", "created_at", "entities", "lang", "note_tweet", "referenced_tweets"]
# The newest posts are searchable only after some seconds; the API wants ten at least.
_LAG = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A search of the API: posts of a page, requests in fifteen minutes, pause, and reach."""

    page: int
    requests: int
    pause: float
    reach: timedelta | None


ENDPOINTS = {
    "recent": Endpoint(100, 450, 0.0, timedelta(days=7)),
    "all": Endpoint(500, 300, 1.0, None),
}


@dataclass(frozen=True, slots=True)
class Query:
    """A query, and the name of its entity."""

    text: str
    entity_name: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All searches of a run: each query on each day."""

    queries: list[Query]
    windows: list[Window]
    endpoint: Endpoint

    def cost(self, max_posts: int | None) -> str:
        """Return the requests of the plan."""
        least = len(self.queries) * len(self.windows)
        page, allowed = self.endpoint.page, self.endpoint.requests
        most = f", at most {least + math.ceil(max_posts / page):,}" if max_posts else ""
        minutes = (least - 1) // allowed * 15
        return (
            f"{len(self.queries):,} queries on {len(self.windows):,} days: at least {least:,} "
            f"requests{most}; one more for each further {page} posts of a query and day. X allows "
            f"{allowed} requests in 15 minutes, so that {minutes:,} minutes of waiting come with "
            "them, and counts every post that it returns."
        )


def entity_queries(file: Path, settings: dict[str, Any]) -> list[Query]:
    """Return a query for each entity of a CSV list.

    Args:
        file: columns entity_id, entity_name, domains.
        settings: `query`, `domain` and `ascii_names` of conf/collect/x.yaml.

    Raises:
        InputError: the list or the query cannot be used.
    """
    template, names = settings["query"], bool(settings["ascii_names"])
    entities = read_entities(file, settings["domain"], ascii_names=names)
    try:
        return [
            Query(template.format(entity_id=entity.id, entity_name=entity.name), entity.name)
            for entity in entities
        ]
    except (KeyError, IndexError, ValueError) as error:
        raise InputError(
            f"query: '{template}' can have {{entity_id}} and {{entity_name}} filled in, "
            f"nothing else ({error})"
        ) from None


def plan(
    queries: list[Query],
    search: str,
    since: datetime | None,
    until: datetime | None,
    *,
    now: datetime,
) -> Plan:
    """Lay out the searches of a run.

    Args:
        queries: what to search for.
        search: "recent" (last seven days) or "all" (full archive).
        since: oldest moment, None for as far as recent search goes.
        until: newest moment, None for now.
        now: the present.

    Raises:
        InputError: the span is empty, or "all" has no beginning.
    """
    if search not in ENDPOINTS:
        raise InputError(f"search: '{search}' is none of {', '.join(ENDPOINTS)}")
    endpoint = ENDPOINTS[search]
    newest = now.astimezone(UTC).replace(microsecond=0) - _LAG
    end = min(until or newest, newest)
    if endpoint.reach is not None:
        oldest = _oldest(now, endpoint.reach)
        start = max(since or oldest, oldest)
    elif since is not None:
        start = since
    else:
        raise InputError("--since is missing: a search of the full archive needs a first day")
    if start >= end:
        reach = ", and recent search reaches back seven days" if endpoint.reach else ""
        raise InputError(f"--since {start:%Y-%m-%d %H:%M} is not before --until{reach}")
    return Plan(queries, days(start, end), endpoint)


class XSource:
    """Searches X for each query, day by day, all pages.

    Args:
        plan: the searches.
        collection: has the position of each search.
        wanted: which posts are taken.
        token: bearer token of an app.
        address: of the API; any server that speaks it.
        patience: how long to wait.
    """

    def __init__(
        self,
        plan: Plan,
        collection: Collection,
        *,
        wanted: Wanted,
        token: str,
        address: str,
        patience: Patience,
    ) -> None:
        self._plan = plan
        self._collection = collection
        self._wanted = wanted
        self._patience = patience
        self._restarted: set[tuple[Query, Window]] = set()
        self._client = tweepy.Client(token, return_type=dict)
        self._client.session = PatientSession(
            patience,
            pause=plan.endpoint.pause,
            address=address,
            advice=f"check {TOKEN_VARIABLE} and that its app has access to this search",
        )

    def batches(self) -> Iterator[Batch]:
        """Yield a batch for each page."""
        for window in self._plan.windows:
            for query in self._plan.queries:
                name = f"x {window.start:%Y-%m-%d} {query.text}"
                state = self._collection.cursor(name)
                fetch = partial(self._page, query)
                for batch in read_window(name, window, state, fetch):
                    yield batch
                    self._patience.check()

    def admit(self, batch: Batch) -> None:
        """X has no sign by which authors of public posts ask not to be collected."""

    def _page(self, query: Query, window: Window, token: str | None) -> tuple[Batch, str | None]:
        batch = Batch()
        try:
            answer = self._search(query.text, window, token)
        except tweepy.BadRequest as error:
            if token is None or (query, window) in self._restarted:
                raise InputError(
                    f"X does not understand the query '{query.text}': {_says(error)}"
                ) from None
            # The token is of another search or no longer good: read the span from its start.
            self._restarted.add((query, window))
            return self._page(query, window, None)
        except tweepy.HTTPException as error:
            raise WorkError(f"X: {_says(error)}") from None
        for tweet in as_list(answer.get("data")):
            post = post_of(tweet, query.entity_name)
            if isinstance(post, Post):
                self._wanted.sort(batch, post)
            else:
                batch.left_out[post] += 1
        return batch, as_dict(answer.get("meta")).get("next_token")

    def _search(self, query: str, window: Window, token: str | None) -> dict[str, Any]:
        endpoint = self._plan.endpoint
        search = self._client.search_all_tweets
        start = window.start
        if endpoint.reach is not None:
            search = self._client.search_recent_tweets
            # The reach of recent search moves on while a long plan is worked through.
            start = max(start, _oldest(datetime.now(UTC), endpoint.reach))
        if start >= window.end:
            return {}
        answer = search(
            query,
            start_time=start,
            end_time=window.end,
            max_results=endpoint.page,
            next_token=token,
            tweet_fields=_FIELDS,
        )
        return as_dict(answer)


def _oldest(now: datetime, reach: timedelta) -> datetime:
    return now.replace(microsecond=0) + _LAG - reach


def _says(error: tweepy.HTTPException) -> str:
    return "; ".join(error.api_messages) or " ".join(str(error).split())


def post_of(tweet: Any, entity_name: str | None) -> Post | str:
    """Return a tweet of the API v2 as a post, or the reason why it cannot be one."""
    if not isinstance(tweet, dict):
        return "malformed"
    others = as_list(tweet.get("referenced_tweets"))
    if any(as_dict(other).get("type") == "retweeted" for other in others):
        return "repost"
    # A post of more than 280 characters has its whole text and all its hashtags in `note_tweet`.
    note = as_dict(tweet.get("note_tweet"))
    try:
        return Post(
            network="x",
            id=as_text(tweet["id"]),
            created_at=datetime.fromisoformat(tweet["created_at"]),
            text=as_text(note.get("text") or tweet["text"]),
            hashtags=_hashtags(note) or _hashtags(tweet),
            author=str(tweet.get("author_id") or ""),
            entity_name=entity_name,
            lang=None if tweet.get("lang") in (None, "und", "zxx") else as_text(tweet["lang"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return "malformed"


def _hashtags(holder: dict[str, Any]) -> list[str]:
    tags = [
        as_dict(tag).get("tag") for tag in as_list(as_dict(holder.get("entities")).get("hashtags"))
    ]
    return [tag for tag in tags if isinstance(tag, str) and tag]
