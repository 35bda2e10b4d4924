"""Posts from Bluesky's live stream, the JSON websocket Jetstream."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any
from urllib.parse import urlencode, urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tagfinder.collect.collection import Collection
from tagfinder.collect.meter import say
from tagfinder.collect.optouts import OptOuts
from tagfinder.collect.post import LATEST, Batch, Post, Wanted
from tagfinder.collect.records import NO_UNAUTHENTICATED, post_of, self_labels
from tagfinder.collect.retry import Patience
from tagfinder.collect.run import MakeSource
from tagfinder.collect.web import USER_AGENT
from tagfinder.collect.xrpc import PROFILES_OF_A_CALL, Xrpc
from tagfinder.errors import InputError

CURSOR = "bluesky jetstream"
_POSTS = "app.bsky.feed.post"
_PROFILES = "app.bsky.actor.profile"
_GONE = {"deleted", "takendown", "suspended", "deactivated"}
# Servers see events at slightly different times, so that each connection begins a little earlier.
_REWIND_MICROSECONDS = 5_000_000
_EVENTS_OF_A_BATCH = 1_000
_SECONDS_OF_A_BATCH = 0.25
_SECONDS_BETWEEN_LOOKS = 0.01
_EVENTS_IN_WAITING = 64
_SECONDS_WITHOUT_A_SOUND = 120.0
_SECONDS_AFTER_THE_END = 5.0
_GAP = timedelta(minutes=10)


def cost(*, look_up_profiles: bool) -> str:
    """Say what listening costs in requests."""
    if not look_up_profiles:
        return "One connection."
    return (
        f"One connection, and one request for each {PROFILES_OF_A_CALL} authors not seen in the "
        "last week, to learn whether they ask not to be indexed."
    )


def make_source(
    servers: Sequence[str], since: datetime | None, until: datetime | None, profiles_address: str
) -> MakeSource:
    """Return what makes a listener, which looks profiles up at another server."""

    def make(collection: Collection, wanted: Wanted, patience: Patience) -> JetstreamSource:
        profiles = Xrpc(profiles_address, patience, log_in=False)
        opt_outs = None if wanted.include_opted_out else OptOuts(collection, profiles)
        return JetstreamSource(
            servers,
            collection,
            wanted=wanted,
            since=since,
            until=until,
            opt_outs=opt_outs,
            patience=patience,
        )

    return make


class JetstreamSource:
    """Listens to new posts, deletions, profiles and accounts that are gone.

    The cursor is the time (microseconds) of the last event; it is good for every server, and they
    keep the events of the last day at least.

    Args:
        servers: addresses (wss://…); when one fails the next is tried.
        collection: has the position in the stream.
        wanted: which posts are taken.
        since: where to begin when the stream was never listened to, None for now.
        until: where to end, None for never.
        opt_outs: knows whose posts are left out, None to take everybody's.
        patience: how long to wait.
    """

    def __init__(
        self,
        servers: Sequence[str],
        collection: Collection,
        *,
        wanted: Wanted,
        since: datetime | None,
        until: datetime | None,
        opt_outs: OptOuts | None,
        patience: Patience,
    ) -> None:
        self._servers = cycle(servers)
        self._wanted = wanted
        self._until = until
        self._opt_outs = opt_outs
        self._patience = patience
        self._resumed = False
        state = collection.cursor(CURSOR)
        self._time_us: int | None = state["time_us"] if state else None
        if self._time_us is None and since is not None:
            self._time_us = int(since.timestamp() * 1e6)

    def batches(self) -> Iterator[Batch]:
        """Yield received events, every quarter of a second at least, until `until`."""
        failures = 0
        while True:
            server = next(self._servers)
            before = self._time_us
            try:
                with self._connect(server) as connection:
                    yield from self._listen(connection)
                    return
            except (ConnectionClosed, InvalidHandshake, OSError) as error:
                _refuse(error, server)
                failures = 1 if self._time_us != before else failures + 1
                self._patience.after_failure(failures, f"{urlsplit(server).netloc}: {_why(error)}")

    def admit(self, batch: Batch) -> None:
        """Remove the posts of authors who opted out from a batch."""
        if self._opt_outs is not None:
            self._opt_outs.apply(batch)

    def _connect(self, server: str) -> ClientConnection:
        parameters: list[tuple[str, Any]] = [("wantedCollections", _POSTS)]
        parameters.append(("wantedCollections", _PROFILES))
        self._resumed = self._time_us is not None
        if self._time_us is not None:
            parameters.append(("cursor", self._time_us - _REWIND_MICROSECONDS))
        address = f"{subscription_address(server)}?{urlencode(parameters)}"
        # No pings of our own: while posts are stored their answers would not be read, and a
        # connection that is dead is noticed by its silence.
        limits: dict[str, Any] = {"open_timeout": 20, "close_timeout": 1, "ping_interval": None}
        limits |= {"max_size": 2**22, "max_queue": _EVENTS_IN_WAITING}
        return connect(address, user_agent_header=USER_AGENT, **limits)

    def _listen(self, connection: ClientConnection) -> Iterator[Batch]:
        heard = time.monotonic()
        while not self._is_over():
            self._patience.check()
            batch, events = self._gather(connection)
            now = time.monotonic()
            heard = now if events else heard
            yield batch
            if now > heard + _SECONDS_AFTER_THE_END and self._is_past_end():
                return
            if now > heard + _SECONDS_WITHOUT_A_SOUND:
                raise TimeoutError("the stream fell silent")

    def _gather(self, connection: ClientConnection) -> tuple[Batch, int]:
        """Return what is heard in the next moment as one batch, and how many events that are."""
        batch = Batch()
        end = time.monotonic() + _SECONDS_OF_A_BATCH
        events = 0
        while events < _EVENTS_OF_A_BATCH and time.monotonic() < end:
            try:
                # No waiting in it: a signal near the end of its timeout makes CPython's
                # `SimpleQueue.get` wait for ever.
                message = connection.recv(timeout=0)
            except TimeoutError:
                time.sleep(_SECONDS_BETWEEN_LOOKS)
                continue
            except ConnectionClosed:
                # Pass on what was received: the next connection begins after it.
                if not events:
                    raise
                break
            events += 1
            self._sort(batch, message)
            if self._is_over():
                break
        if self._time_us is not None and events:
            batch.cursors[CURSOR] = {"time_us": self._time_us}
        return batch, events

    def _is_over(self) -> bool:
        """Return whether the last event is one of `until` or later."""
        if self._until is None or self._time_us is None:
            return False
        return self._time_us >= self._until.timestamp() * 1e6

    def _is_past_end(self) -> bool:
        """Return whether all events before `until` have arrived."""
        return self._until is not None and datetime.now(UTC) > self._until

    def _sort(self, batch: Batch, message: str | bytes) -> None:
        try:
            event = json.loads(message)
            did, time_us = str(event["did"]), int(event["time_us"])
            kind = event["kind"]
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            batch.left_out["malformed"] += 1
            return
        if not 0 <= time_us < LATEST.timestamp() * 1e6:
            batch.left_out["impossible time"] += 1
            return
        self._warn_of_gap(time_us)
        self._time_us = max(time_us, self._time_us or 0)
        if kind == "commit":
            self._sort_commit(batch, did, event.get("commit"), time_us)
        elif kind == "account" and _is_gone(event.get("account")):
            batch.removed_authors.append(did)

    def _warn_of_gap(self, time_us: int) -> None:
        """Say so if a server no longer has what happened since the last visit."""
        if self._resumed and self._time_us is not None:
            gap = timedelta(microseconds=time_us - self._time_us)
            if gap > _GAP:
                say(
                    f"the stream begins {gap} after the last event that was stored: what happened "
                    "in between is no longer there, or nothing did"
                )
        self._resumed = False

    def _sort_commit(self, batch: Batch, did: str, commit: Any, time_us: int) -> None:
        if not isinstance(commit, dict) or not isinstance(commit.get("rkey"), str):
            batch.left_out["malformed"] += 1
        elif commit.get("collection") == _PROFILES:
            self._note_profile(batch, did, commit.get("record"))
        elif commit.get("collection") == _POSTS:
            uri = f"at://{did}/{_POSTS}/{commit['rkey']}"
            if commit.get("operation") == "delete":
                batch.removed.append(uri)
            else:
                edited = commit.get("operation") == "update"
                self._sort_post(batch, uri, commit.get("record"), time_us, edited=edited)

    def _sort_post(
        self, batch: Batch, uri: str, record: Any, time_us: int, *, edited: bool
    ) -> None:
        seen = datetime.fromtimestamp(time_us / 1e6, UTC)
        post = post_of(uri, record, seen, self._wanted.languages)
        if isinstance(post, Post):
            self._wanted.sort(batch, post, edited=edited)
        else:
            batch.left_out[post] += 1

    def _note_profile(self, batch: Batch, did: str, record: Any) -> None:
        if self._opt_outs is None:
            return
        out = NO_UNAUTHENTICATED in self_labels(record)
        self._opt_outs.note(did, out)
        if out:
            batch.removed_authors.append(did)


def subscription_address(server: str) -> str:
    """Return the websocket address of a Jetstream server.

    Raises:
        InputError: the server is not named by a ws:// or wss:// address.
    """
    parts = urlsplit(server if "://" in server else f"wss://{server}")
    if parts.scheme not in ("ws", "wss") or not parts.netloc:
        raise InputError(f"--jetstream {server}: a wss:// address is needed")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/subscribe'}"


def _is_gone(account: Any) -> bool:
    """Return whether an account event says that the account's posts are no longer public."""
    if not isinstance(account, dict):
        return False
    return account.get("active") is False and account.get("status") in _GONE


def _refuse(error: Exception, server: str) -> None:
    if isinstance(error, InvalidStatus) and error.response.status_code in (400, 401, 403, 404):
        says = (error.response.body or b"").decode(errors="replace").strip()[:200]
        raise InputError(f"{server} refused with {error.response.status_code} ({says})") from None


def _why(error: Exception) -> str:
    if isinstance(error, InvalidStatus):
        return f"server error {error.response.status_code}"
    return f"the connection broke ({str(error) or type(error).__name__})"
