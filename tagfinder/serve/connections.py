"""Connections that send slowly, endlessly or nothing are closed before they cost anything.

uvicorn has a time-out only for the pause between two requests; these protocols add those for the
head, the body and the answer of a request, limits on the head, and one on open connections.
"""

from __future__ import annotations

import asyncio
from asyncio.events import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from tagfinder.serve.limits import Limits
from tagfinder.serve.problems import MEDIA_TYPE, problem


class Connections:
    """The connections of one process.

    Args:
        limits: how many may be open, and how long and large each part of a request may be.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.n_open = 0
        # Client -> its connections without a complete request, oldest first.
        self._incomplete: dict[str, dict[Connection, None]] = {}

    def opened(self, connection: Connection) -> None:
        """Count a connection; if there are too many, close the least important one."""
        self.n_open += 1
        self.waits(connection)
        if self.n_open > self.limits.max_connections:
            most = max(self._incomplete.values(), key=len)
            next(iter(most)).give_up()

    def closed(self, connection: Connection) -> None:
        """Count a connection no more."""
        self.n_open -= 1
        self.is_served(connection)

    def waits(self, connection: Connection) -> None:
        """Record that a connection has no complete request (again)."""
        self._incomplete.setdefault(connection.address, {})[connection] = None

    def is_served(self, connection: Connection) -> None:
        """Record that a connection has a complete request, or is gone."""
        of_client = self._incomplete.get(connection.address, {})
        of_client.pop(connection, None)
        if not of_client:
            self._incomplete.pop(connection.address, None)


class Connection(HttpToolsProtocol):
    """One connection.

    Args:
        connections: all of this process.
        **uvicorn: what uvicorn gives its protocols.
    """

    def __init__(self, connections: Connections, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self.connections_of_process = connections
        self.limits = connections.limits
        self.address = ""
        self._deadline: TimerHandle | None = None
        self._unread: TimerHandle | None = None
        self._reads_head = True
        self._began_now = self._ended_now = False
        self._head_bytes = 0
        self._answering: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self._wait(self.limits.header_timeout, "headers")
        self.connections_of_process.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        self.resume_writing()
        self.connections_of_process.closed(self)
        # Uvicorn tells the request that came last; of several at once, an earlier one is answered.
        self.pipeline.clear()
        if self._answering is not None:
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Continue reading, unless earlier bytes were a reason to stop."""
        if self.transport.is_closing():
            return
        if self._deadline is None and self._reads_head:
            self._wait(self.limits.header_timeout, "headers")
        self._began_now = self._ended_now = False
        super().data_received(data)
        if self._reads_head and not self._began_now and not self._ended_now:
            # A piece of a head only; the parser holds what is unfinished.
            self._head_bytes += len(data)
            self._check_head(self._head_bytes)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._reads_head, self._began_now, self._head_bytes = True, True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Check the head; then wait for the body."""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        self._reads_head = False
        self._stop_waiting()
        if self._check_head(size):
            super().on_headers_complete()
            self._wait(self.limits.body_timeout, "body")

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Pass the complete request to the service."""
        self._stop_waiting()
        self._reads_head = self._ended_now = True
        self.connections_of_process.is_served(self)
        if not self.transport.is_closing():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        if not self.pipeline:
            self.connections_of_process.waits(self)
        super().on_response_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def pause_writing(self) -> None:
        """Give the client some time to read its answer."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.limits.body_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """Continue sending."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(400, "request: it is no valid HTTP")

    def give_up(self) -> None:
        """Close the connection at once."""
        self.transport.abort()

    def _wait(self, seconds: float, part: str) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(seconds, self._too_slow, part)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self, part: str) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and part == "headers":
            # The request before this one is still being answered; its answer comes first.
            self._wait(self.limits.header_timeout, part)
        else:
            self._refuse(408, f"{part}: not complete in time")

    def _check_head(self, size: int) -> bool:
        """Refuse a head that is too large; return whether it is not."""
        if size > self.limits.max_header_bytes:
            self._refuse(431, f"headers: at most {self.limits.max_header_bytes} bytes")
            return False
        if len(self.headers or ()) > self.limits.max_headers:
            self._refuse(431, f"headers: at most {self.limits.max_headers}")
            return False
        return True

    def _refuse(self, status: int, detail: str) -> None:
        """Answer what the service never sees, and close."""
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if not self._reads_head and self.cycle is not None and self.cycle.response_started:
            # Answered before all of it was there; no second answer.
            self.transport.close()
            return
        body = problem(status, detail, detail.partition(":")[0]).body
        head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(
            STATUS_LINE[status] + head.encode() + b"connection: close\r\n\r\n" + bytes(body)
        )
        self.transport.close()
