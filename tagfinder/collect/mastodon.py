"""Posts from Mastodon and what speaks its API, by the client library Mastodon.py."""

from __future__ import annotations

import os
import queue
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from mastodon import Mastodon, StreamListener
from mastodon.errors import MastodonError, MastodonMalformedEventError, MastodonWarning

from tagfinder.collect.collection import Collection
from tagfinder.collect.post import Batch, Post, Wanted, is_possible
from tagfinder.collect.retry import Patience
from tagfinder.collect.statuses import alias_of, post_of
from tagfinder.collect.timeline_cursor import Span, Unread, is_snowflake, snowflake
from tagfinder.collect.web import USER_AGENT, PatientSession, cause_of
from tagfinder.errors import InputError, TagFinderError, WorkError

TOKEN_VARIABLE = "MASTODON_ACCESS_TOKEN"
_LOGIN = f"set {TOKEN_VARIABLE} to an access token of that server"
PAGE = 40
_EVENTS_IN_WAITING = 10_000
_SECONDS_WITHOUT_A_SOUND = 120


_Event = tuple["Timeline", str, Any]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A public timeline of a server: all posts that it knows, or those with a hashtag."""

    address: str
    hashtag: str | None = None
    local: bool = False

    @property
    def instance(self) -> str:
        """Host of the server."""
        return urlsplit(self.address).netloc

    @property
    def name(self) -> str:
        """Name of the timeline's cursor."""
        kind = f"#{self.hashtag}" if self.hashtag else "public"
        return f"mastodon {self.instance} {kind}{' local' if self.local else ''}"


def timelines(instances: Sequence[str], hashtags: Sequence[str], *, local: bool) -> list[Timeline]:
    """Return the timelines to read: the public one of each server, or one for each hashtag.

    Raises:
        InputError: no server is named, or a name is not a host name.
    """
    if not instances:
        raise InputError("--instance is missing: name a server, such as --instance mastodon.social")
    addresses = [name if "://" in name else f"https://{name}" for name in instances]
    for address in addresses:
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).netloc:
            raise InputError(f"--instance {address}: a server's name or https address is needed")
    tags: list[str | None] = [tag.removeprefix("#") for tag in hashtags] or [None]
    return [
        Timeline(address.rstrip("/"), tag, local) for address in addresses for tag in tags or [None]
    ]


def cost(timelines: int, max_posts: int | None) -> str:
    """Return the requests of a run."""
    most = f", about {-(-max_posts // PAGE):,} or more for {max_posts:,} posts" if max_posts else ""
    return (
        f"{timelines} timelines: one request for each {PAGE} posts of a timeline, wanted or not"
        f"{most}. Servers usually allow 300 requests in 5 minutes. A stream is one connection."
    )


def access_tokens(instances: Sequence[str]) -> dict[str, str]:
    """Return the access token of each server (host) that has one in the environment.

    A token is good for one server only and is never shown to another: with several servers the
    variables are MASTODON_ACCESS_TOKEN_ and the host in capitals, all else replaced by "_".

    Raises:
        InputError: one token, several servers.
    """
    hosts = sorted(set(instances))
    own = {host: f"{TOKEN_VARIABLE}_{re.sub('[^A-Z0-9]', '_', host.upper())}" for host in hosts}
    tokens = {host: os.environ[name] for host, name in own.items() if os.environ.get(name)}
    shared = os.environ.get(TOKEN_VARIABLE)
    if shared and len(hosts) > 1:
        raise InputError(
            f"{TOKEN_VARIABLE} is the token of one server, but there are {len(hosts)}: set "
            f"{own[hosts[0]]} and the like instead"
        )
    return tokens or ({hosts[0]: shared} if shared else {})


class MastodonSource:
    """Reads timelines from the newest post backwards, or follows them.

    Args:
        timelines: what to read.
        collection: has the position in each timeline.
        wanted: which posts are taken.
        since: oldest moment, None for the beginning.
        until: newest moment, None for now.
        stream: follow what is posted from now on; what was posted since the last visit, or since
            `since`, is read first.
        tokens: access tokens by host.
        patience: how long to wait.
    """

    def __init__(
        self,
        timelines: Sequence[Timeline],
        collection: Collection,
        *,
        wanted: Wanted,
        since: datetime | None,
        until: datetime | None,
        stream: bool,
        tokens: dict[str, str],
        patience: Patience,
    ) -> None:
        self._timelines = timelines
        self._wanted = wanted
        self._since = since
        self._until = until
        self._stream = stream
        self._tokens = tokens
        self._patience = patience
        self._unread = {line: Unread(collection.cursor(line.name)) for line in timelines}
        self._clients: dict[Timeline, Mastodon] = {}
        self._events: queue.Queue[_Event] = queue.Queue(_EVENTS_IN_WAITING)
        # Mastodon.py warns where it guesses that a login is needed; the server says so itself.
        warnings.simplefilter("ignore", MastodonWarning)

    def batches(self) -> Iterator[Batch]:
        """Yield a batch for each page, or for each event of the streams."""
        if self._stream:
            yield from self._follow_all()
        else:
            for timeline in self._timelines:
                yield from self._sweep(timeline)

    def admit(self, batch: Batch) -> None:
        """Do nothing: each status says whether its author wants to be indexed."""

    def _client(self, timeline: Timeline) -> Mastodon:
        return Mastodon(
            api_base_url=timeline.address,
            access_token=self._tokens.get(timeline.instance),
            ratelimit_method="throw",
            version_check_mode="none",
            user_agent=USER_AGENT,
            session=PatientSession(self._patience, advice=_LOGIN),
            request_timeout=60,
        )

    def _sweep(self, timeline: Timeline) -> Iterator[Batch]:
        """Read all of a timeline that has not been read yet."""
        unread = self._unread[timeline]
        unread.begin()
        while (span := unread.next(self._since)) is not None:
            self._patience.check()
            page = self._page(timeline, span)
            batch = Batch()
            for status in page:
                self._sort(batch, status, timeline)
            if page:
                newest, oldest, time = self._ends(page, span, timeline)
                unread.read(span, newest, oldest, time)
            else:
                unread.finish(span)
            batch.cursors[timeline.name] = unread.as_state()
            yield batch

    def _page(self, timeline: Timeline, span: Span) -> list[Any]:
        """Return the statuses of the newest page of a span, as the server sent them."""
        if timeline not in self._clients:
            self._clients[timeline] = self._client(timeline)
        client = self._clients[timeline]
        limits: dict[str, Any] = {"max_id": span.below, "since_id": span.above, "limit": PAGE}
        limits["local"] = timeline.local
        try:
            if timeline.hashtag is None:
                return list(client.timeline_public(**limits))
            return list(client.timeline_hashtag(timeline.hashtag, **limits))
        except MastodonError as error:
            raise _sentence(error, timeline) from None

    def _ends(
        self, page: list[Any], span: Span, timeline: Timeline
    ) -> tuple[str, str, datetime | None]:
        """Return the ids of the first and the last status of a page, and the last one's time."""
        known = [status for status in page if isinstance(status, dict) and status.get("id")]
        ids = [str(status["id"]) for status in known]
        if not ids or ids[-1] == span.below:
            raise WorkError(f"{timeline.instance}: the server does not page through the timeline")
        times = [status.get("created_at") for status in known]
        times = [time for time in times if isinstance(time, datetime) and is_possible(time)]
        time = times[-1] if times else None
        oldest = ids[-1]
        if self._until is not None and time is not None and time > self._until:
            # All of this page is too new: go straight to where the wanted posts begin.
            oldest = snowflake(self._until) if is_snowflake(oldest, time) else oldest
        return ids[0], oldest, time

    def _sort(self, batch: Batch, status: Any, timeline: Timeline, *, edited: bool = False) -> None:
        include = self._wanted.include_opted_out
        post = post_of(status, timeline.instance, include_opted_out=include)
        if isinstance(post, Post) and not self._is_in_time(post.created_at):
            post = "outside --since and --until"
        if isinstance(post, Post):
            self._wanted.sort(batch, post, edited=edited)
            return
        batch.left_out[post] += 1
        if edited and isinstance(status, dict):
            batch.removed.append(alias_of(timeline.instance, status.get("id")))

    def _is_in_time(self, moment: datetime) -> bool:
        after = self._since is None or moment >= self._since
        return after and (self._until is None or moment < self._until)

    def _follow_all(self) -> Iterator[Batch]:
        """Listen to all timelines at once, one thread each, and yield their events."""
        for timeline in self._timelines:
            listener = _Listener(timeline, self._events, self._patience.most_bytes)
            threading.Thread(target=self._listen, args=(listener,), daemon=True).start()
        while self._until is None or datetime.now(UTC) < self._until:
            self._patience.check()
            try:
                event = self._events.get(timeout=1.0)
            except queue.Empty:
                yield Batch()
            else:
                yield from self._handle(event)

    def _handle(self, event: _Event) -> Iterator[Batch]:
        timeline, kind, payload = event
        unread = self._unread[timeline]
        batch = Batch()
        if kind == "failed":
            raise payload
        if kind == "connected":
            # The stream is open, so that nothing is missed between these pages and its events.
            if unread.top is not None or self._since is not None:
                yield from self._sweep(timeline)
            return
        if kind == "deleted":
            batch.removed.append(alias_of(timeline.instance, payload))
        elif kind == "malformed":
            batch.left_out["malformed"] += 1
        else:
            self._sort(batch, payload, timeline, edited=kind == "edited")
        if kind == "posted" and isinstance(payload, dict) and payload.get("id"):
            unread.top = str(payload["id"])
            batch.cursors[timeline.name] = unread.as_state()
        yield batch

    def _listen(self, listener: _Listener) -> None:
        """Listen to one timeline until it fails for good; put errors into the queue."""
        try:
            client = self._client(listener.timeline)
            failures = 0
            while not self._patience.stopped:
                heard = listener.heard
                problem = self._listen_once(client, listener)
                failures = 1 if listener.heard > heard else failures + 1
                self._patience.after_failure(failures, f"{listener.timeline.instance}: {problem}")
        except KeyboardInterrupt:
            pass
        except Exception as error:
            # Raised again in the main thread, which would wait for ever otherwise.
            self._events.put((listener.timeline, "failed", error))

    def _listen_once(self, client: Mastodon, listener: _Listener) -> str:
        """Listen to one connection; return why it ended."""
        timeline = listener.timeline
        options = {"local": timeline.local, "timeout": _SECONDS_WITHOUT_A_SOUND}
        try:
            if timeline.hashtag is None:
                client.stream_public(listener, **options)
            else:
                client.stream_hashtag(timeline.hashtag, listener, **options)
        except (MastodonMalformedEventError, RecursionError):
            self._events.put((timeline, "malformed", None))
            return "the server sent an event that cannot be read"
        except MastodonError as error:
            if sentence := cause_of(error):
                raise sentence from None
            return str(error).rstrip(".")
        return "the stream ended"


class _Listener(StreamListener):
    """Puts the events of one timeline into a queue."""

    def __init__(self, timeline: Timeline, events: queue.Queue[_Event], most_bytes: int) -> None:
        self.timeline = timeline
        self.heard = 0
        self._events = events
        self._most_bytes = most_bytes

    def handle_stream(self, response: Any) -> None:
        """Tell that the connection is open, then read it."""
        self._put("connected", None)
        super().handle_stream(_Events(response, self._most_bytes))

    def on_update(self, status: Any) -> None:
        """Hand on a new post."""
        self.heard += 1
        self._put("posted", status)

    def on_status_update(self, status: Any) -> None:
        """Hand on a post that its author changed."""
        self._put("edited", status)

    def on_delete(self, status_id: Any) -> None:
        """Hand on the id of a post that was deleted."""
        self._put("deleted", status_id)

    def on_unknown_event(self, name: str, unknown_event: Any = None) -> None:
        """Let events pass that later versions of Mastodon may send."""

    def _put(self, kind: str, payload: Any) -> None:
        self._events.put((self.timeline, kind, payload))


class _Events:
    """An open stream whose events have a greatest length: Mastodon.py keeps one until it ends."""

    def __init__(self, response: Any, most_bytes: int) -> None:
        self._response = response
        self._most_bytes = most_bytes

    def iter_content(self, chunk_size: int) -> Iterator[bytes]:
        """Yield the stream's bytes.

        Raises:
            MastodonMalformedEventError: an event is longer than allowed.
        """
        length = 0
        last = b""
        for chunk in self._response.iter_content(chunk_size):
            # An event ends with an empty line.
            length = 0 if chunk == last == b"\n" else length + len(chunk)
            last = chunk
            if length > self._most_bytes:
                raise MastodonMalformedEventError(f"an event of over {self._most_bytes:,} bytes")
            yield chunk


def _sentence(error: MastodonError, timeline: Timeline) -> TagFinderError:
    """Return an error of Mastodon.py as one sentence."""
    if sentence := cause_of(error):
        return sentence
    says = " ".join(str(part) for part in error.args[1:]) or str(error)
    if 404 in error.args:
        return InputError(f"{timeline.address} has no Mastodon timeline there ({says})")
    return WorkError(f"{timeline.instance}: {says}")
