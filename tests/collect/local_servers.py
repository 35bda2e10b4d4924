"""Servers on this machine that speak the networks' protocols, and fail on demand."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.protocol import State
from websockets.sync.server import Server, ServerConnection, serve

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@dataclass
class Reply:
    """An answer: `cut` breaks the connection in the middle of the body."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass
class Asked:
    """A request as the server saw it."""

    path: str
    parameters: dict[str, list[str]]
    headers: dict[str, str]
    body: Any

    def one(self, name: str) -> str | None:
        return self.parameters.get(name, [None])[0]


class HttpServer:
    """Answers with what `answer` gives, or first with the replies put into `faults`."""

    def __init__(self) -> None:
        self.faults: deque[Reply] = deque()
        self.asked: list[Asked] = []
        self.pause = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                outer._handle(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        class QuietServer(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """Ignore errors: killed clients break their connections."""

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, asked: Asked) -> Reply | None:
        raise AssertionError("a server has to define its answers")

    def stream(self, asked: Asked, write: Callable[[bytes], None]) -> bool:
        """Write an endless answer if the request asks for one; tell whether it did."""
        return False

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        asked = Asked(parts.path, parse_qs(parts.query), headers, json.loads(body or "null"))
        self.asked.append(asked)
        time.sleep(self.pause)
        if "/streaming/" in parts.path:
            self._stream(handler, asked)
            return
        reply = self.faults.popleft() if self.faults and self.may_fail(asked) else None
        self._send(handler, reply or self.answer(asked) or Reply({"error": "Not found"}, 404))

    def may_fail(self, asked: Asked) -> bool:
        return True

    def _send(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        content = json.dumps(reply.body).encode()
        handler.send_response(reply.status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2] if reply.cut else content)
        handler.close_connection = reply.cut

    def _stream(self, handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()

        def write(content: bytes) -> None:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
            handler.wfile.flush()

        self.stream(asked, write)
        handler.close_connection = True


# X


def tweet(number: int, written: datetime, text: str = "", **more: Any) -> dict[str, Any]:
    """A tweet as the API v2 gives it."""
    tag = f"tag{number % 7}"
    return {
        "id": str(number),
        "text": text or f"post {number} #{tag}",
        "created_at": written.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "author_id": str(1000 + number % 50),
        "lang": "en",
        "entities": {"hashtags": [{"start": 0, "end": 1, "tag": tag}]},
        "edit_history_tweet_ids": [str(number)],
    } | more


class XServer(HttpServer):
    """Recent and full-archive search: newest first, pages by opaque tokens, bearer token."""

    def __init__(self, tweets: dict[str, list[Any]], token: str = "right") -> None:
        super().__init__()
        self._tweets = tweets
        self._token = token
        self.page_limit = 500

    def answer(self, asked: Asked) -> Reply | None:
        if asked.headers.get("authorization") != f"Bearer {self._token}":
            body = {"title": "Unauthorized", "status": 401, "detail": "Unauthorized"}
            return Reply(body, 401)
        if asked.path not in ("/2/tweets/search/recent", "/2/tweets/search/all"):
            return None
        start, end = (str(asked.one(name))[:19] for name in ("start_time", "end_time"))
        # An ISO time with a fixed form sorts like the time itself.
        found = [
            tweet
            for tweet in self._tweets.get(asked.one("query") or "", [])
            if not isinstance(tweet, dict) or start <= tweet.get("created_at", start) < end
        ]
        token = asked.one("next_token")
        if token is not None and not token.startswith("page-"):
            message = {"message": "The `next_token` query parameter is not valid"}
            return Reply({"errors": [message], "title": "Invalid Request"}, 400)
        first = int(token.removeprefix("page-")) if token else 0
        size = min(int(asked.one("max_results") or 10), self.page_limit)
        page = found[first : first + size]
        meta: dict[str, Any] = {"result_count": len(page)}
        if first + size < len(found):
            meta["next_token"] = f"page-{first + size}"
        return Reply({"data": page, "meta": meta} if page else {"meta": meta})


# Mastodon


def snowflake(written: datetime, number: int = 0) -> int:
    return (int(written.timestamp() * 1000) << 16) + number


def status(number: int, written: datetime | None = None, **more: Any) -> dict[str, Any]:
    """A public status as Mastodon gives it, tags in lower case and the text in HTML."""
    written = written or START + timedelta(seconds=number)
    name = f"person{number % 50}"
    tag = f"Tag{number % 7}"
    content = (
        f'<p>post {number} <a href="https://a.example/tags/{tag}" class="mention hashtag" '
        f'rel="tag">#<span>{tag}</span></a></p>'
    )
    return {
        "id": str(snowflake(written, number % 1000)),
        "uri": f"https://a.example/users/{name}/statuses/{number}",
        "created_at": written.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "visibility": "public",
        "language": "en",
        "content": content,
        "reblog": None,
        "account": {
            "id": str(number % 50),
            "acct": name,
            "url": f"https://a.example/@{name}",
            "note": "<p>hello</p>",
            "indexable": True,
            "noindex": False,
        },
        "tags": [{"name": tag.lower(), "url": f"https://a.example/tags/{tag.lower()}"}],
        "media_attachments": [],
        "mentions": [],
    } | more


class MastodonServer(HttpServer):
    """Timelines paged by ids with Link headers, and streams of server-sent events."""

    def __init__(self, statuses: list[Any]) -> None:
        super().__init__()
        self.statuses = statuses
        self.connections: list[deque[tuple[str, Any] | None]] = []
        self._lock = threading.Lock()

    def may_fail(self, asked: Asked) -> bool:
        return asked.path.startswith("/api/v1/timelines/")

    def send(self, event: str, payload: Any) -> None:
        """Send an event to all who listen."""
        for connection in self.connections:
            connection.append((event, payload))

    def hang_up(self) -> None:
        """Break all streams."""
        for connection in self.connections:
            connection.append(None)
        self.connections = []

    def wait_for_listeners(self, number: int) -> None:
        end = time.monotonic() + 10
        while len(self.connections) < number:
            assert time.monotonic() < end, "no client listens"
            time.sleep(0.01)

    def answer(self, asked: Asked) -> Reply | None:
        if asked.path in ("/api/v1/instance", "/api/v2/instance"):
            return Reply({"uri": "a.example", "version": "4.5.0", "urls": {}, "configuration": {}})
        if not asked.path.startswith("/api/v1/timelines/"):
            return None
        wanted = asked.path.removeprefix("/api/v1/timelines/tag/")
        found = [s for s in self.statuses if wanted == asked.path or _has_tag(s, wanted)]
        ids = [int(s["id"]) if isinstance(s, dict) and "id" in s else 0 for s in found]
        upper = int(asked.one("max_id") or 2**63)
        lower = int(asked.one("since_id") or 0)
        inside = [(i, s) for i, s in zip(ids, found, strict=True) if i == 0 or lower < i < upper]
        # Posts without an id keep their place between their neighbours.
        inside = [pair for pair in inside if pair[0]] if not any(i for i, _ in inside) else inside
        page = [s for _, s in inside[: min(int(asked.one("limit") or 20), 40)]]
        known = [s["id"] for s in page if isinstance(s, dict) and "id" in s]
        headers = {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "299"}
        if known:
            link = f'<{self.address}{asked.path}?max_id={known[-1]}>; rel="next"'
            headers["Link"] = link
        return Reply(page, headers=headers)

    def stream(self, asked: Asked, write: Callable[[bytes], None]) -> bool:
        events: deque[tuple[str, Any] | None] = deque()
        write(b":)\n")
        self.connections.append(events)
        while True:
            if not events:
                time.sleep(0.005)
                continue
            event = events.popleft()
            if event is None:
                return True
            name, payload = event
            data = payload if isinstance(payload, str) else json.dumps(payload)
            write(f"event: {name}\ndata: {data}\n\n".encode())


def _has_tag(status: Any, tag: str) -> bool:
    return any(found["name"] == tag.lower() for found in status.get("tags", []))


# Bluesky


def did(number: int) -> str:
    return f"did:plc:person{number % 50}"


def time_us(number: int) -> int:
    return int((START + timedelta(seconds=number)).timestamp() * 1e6)


def post_event(number: int, operation: str = "create", **more: Any) -> dict[str, Any]:
    """A commit of a post as Jetstream sends it."""
    tag = f"Tag{number % 7}"
    record = {
        "$type": "app.bsky.feed.post",
        "text": f"post {number} #{tag}",
        "createdAt": (START + timedelta(seconds=number)).isoformat().replace("+00:00", "Z"),
        "langs": ["en"],
        "facets": [
            {
                "index": {"byteStart": 5, "byteEnd": 10},
                "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": tag}],
            }
        ],
    }
    commit = {
        "rev": "3l",
        "operation": operation,
        "collection": "app.bsky.feed.post",
        "rkey": f"post{number}",
    }
    if operation != "delete":
        commit |= {"record": record | more, "cid": "bafy"}
    return event(number, "commit", commit)


def event(number: int, kind: str, content: Any) -> dict[str, Any]:
    return {"did": did(number), "time_us": time_us(number), "kind": kind, kind: content}


def profile_event(number: int, *labels: str) -> dict[str, Any]:
    values = [{"val": label} for label in labels]
    record = {
        "$type": "app.bsky.actor.profile",
        "labels": {"$type": "com.atproto.label.defs#selfLabels", "values": values},
    }
    commit = {"operation": "update", "collection": "app.bsky.actor.profile", "rkey": "self"}
    return event(number, "commit", commit | {"record": record})


class JetstreamServer:
    """Replays events from the cursor on; breaks off at a given event."""

    def __init__(self, events: list[Any]) -> None:
        self.events = events
        self.paths: list[str] = []
        self.drop_after: deque[int] = deque()
        self.sent = 0
        self.pause = 0.0
        self._stop = threading.Event()
        self._server: Server = serve(self._talk, "127.0.0.1", 0)
        self.address = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._server.shutdown()

    def _talk(self, connection: ServerConnection) -> None:
        path = connection.request.path
        self.paths.append(path)
        parameters = parse_qs(urlsplit(path).query)
        wanted = parameters.get("wantedCollections", [])
        cursor = int(parameters.get("cursor", ["0"])[0])
        left = self.drop_after.popleft() if self.drop_after else None
        place = 0
        try:
            while not self._stop.is_set():
                if place == len(self.events):
                    if connection.protocol.state is not State.OPEN:
                        return
                    time.sleep(0.005)
                    continue
                event = self.events[place]
                place += 1
                if not isinstance(event, dict):
                    connection.send(event)
                    continue
                collection = event.get("commit", {}).get("collection", "")
                if event.get("time_us", 0) < cursor or (collection and collection not in wanted):
                    continue
                if left == 0:
                    connection.socket.close()
                    return
                left = None if left is None else left - 1
                connection.send(json.dumps(event))
                self.sent += 1
                if self.pause:
                    time.sleep(self.pause)
        except (ConnectionClosed, OSError):
            pass


class XrpcServer(HttpServer):
    """Profiles with their labels, sessions, and a search paged by cursors."""

    def __init__(self, views: list[Any] | None = None, labels: dict[str, str] | None = None):
        super().__init__()
        self.views = views or []
        self.labels = labels or {}
        self.gone: set[str] = set()
        self.password: str | None = None
        self.token = "token-1"

    def answer(self, asked: Asked) -> Reply | None:
        method = asked.path.removeprefix("/xrpc/")
        if method == "app.bsky.actor.getProfiles":
            actors = asked.parameters["actors"]
            if len(actors) > 25:
                return Reply({"error": "InvalidRequest", "message": "too many actors"}, 400)
            known = [actor for actor in actors if actor not in self.gone]
            return Reply({"profiles": [self._profile(actor) for actor in known]})
        if method == "com.atproto.server.createSession":
            if asked.body["password"] != self.password:
                message = "Invalid identifier or password"
                return Reply({"error": "AuthenticationRequired", "message": message}, 401)
            return Reply({"accessJwt": self.token, "did": "did:plc:me"})
        if method == "app.bsky.feed.searchPosts":
            return self._search(asked)
        return None

    def _profile(self, did: str) -> dict[str, Any]:
        label = self.labels.get(did)
        return {"did": did, "labels": [{"src": did, "val": label}] if label else []}

    def _search(self, asked: Asked) -> Reply:
        if self.password is not None:
            authorization = asked.headers.get("authorization")
            if authorization is None:
                return Reply({"error": "AuthMissing", "message": "Authentication Required"}, 401)
            if authorization != f"Bearer {self.token}":
                return Reply({"error": "ExpiredToken", "message": "Token has expired"}, 400)
        since, until = asked.one("since"), asked.one("until")
        found = [
            view
            for view in self.views
            if not isinstance(view, dict) or since <= view["indexedAt"] < until
        ]
        first = int(asked.one("cursor") or 0)
        size = int(asked.one("limit") or 25)
        reply: dict[str, Any] = {"posts": found[first : first + size]}
        if first + size < len(found):
            reply["cursor"] = str(first + size)
        return Reply(reply)
