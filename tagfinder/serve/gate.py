"""What is decided about a request before any of it is parsed: room, size, time."""

from __future__ import annotations

import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tagfinder.serve.limits import Limits
from tagfinder.serve.meters import Meters
from tagfinder.serve.problems import problem

# These answer even where the service is full, so that somebody can see that it is.
ALWAYS_ANSWERED = ("/health", "/metrics")


class Gate:
    """Refuses requests beyond the limits and measures the others.

    Args:
        app: what answers.
        limits: how many and how large.
        meters: where requests are counted.
    """

    def __init__(self, app: ASGIApp, limits: Limits, meters: Meters) -> None:
        self.app = app
        self.limits = limits
        self.meters = meters
        self.open_requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.open_requests += 1
        try:
            await self._admitted(scope, receive, noting_status)
        finally:
            self.open_requests -= 1
            self.meters.answered(scope, status, time.perf_counter() - started)

    async def _admitted(self, scope: Scope, receive: Receive, send: Send) -> None:
        full = self.open_requests > self.limits.max_requests
        if full and scope["path"] not in ALWAYS_ANSWERED:
            refusal = overloaded(self.limits)
        elif _declared_bytes(scope) > self.limits.max_body_bytes:
            refusal = problem(413, _too_large(self.limits), "body")
        else:
            await self.app(scope, self._counting(receive), send)
            return
        await refusal(scope, receive, send)

    def _counting(self, receive: Receive) -> Receive:
        """Wrap `receive` so that a body that grows beyond the limit is not read further."""
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limits.max_body_bytes:
                raise HTTPException(413, _too_large(self.limits))
            return message

        return counted


def overloaded(limits: Limits) -> ASGIApp:
    """Return the answer of a service that has too much to do."""
    return problem(
        503,
        "the service has too much to do; try again later",
        headers={"Retry-After": str(limits.retry_after)},
    )


def _declared_bytes(scope: Scope) -> int:
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    return int(declared) if declared.isdigit() else 0


def _too_large(limits: Limits) -> str:
    return f"body: at most {limits.max_body_bytes} bytes"
