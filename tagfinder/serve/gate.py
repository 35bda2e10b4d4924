"""Checks before a request is parsed: host, size, free slots, limits of a client."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from ipaddress import IPv6Address, ip_network

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tagfinder.serve.limits import Limits
from tagfinder.serve.meters import Meters
from tagfinder.serve.problems import problem

# These answer even if the service is full, for monitoring.
ALWAYS_ANSWERED = ("/health", "/metrics")
# Seconds over which a client's rate is averaged, and clients whose rate is remembered.
RATE_SECONDS = 10.0
MOST_CLIENTS = 10_000


class Gate:
    """Refuses requests beyond the limits and measures the others.

    A request takes a place only when all of it has arrived, so that those who send slowly take
    none from others.

    Args:
        app: the application behind the gate.
        limits: how many and how large.
        meters: where requests are counted.
    """

    def __init__(self, app: ASGIApp, limits: Limits, meters: Meters) -> None:
        self.app = app
        self.limits = limits
        self.meters = meters
        self.open_requests = 0
        self._of_client: Counter[str] = Counter()
        self._rates = Rates(limits.client_rate)

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

        try:
            await self._admitted(scope, receive, noting_status)
        except ClientDisconnect:
            status = 499  # nginx's number; the client is gone
        finally:
            self.meters.answered(scope, status, time.perf_counter() - started)

    async def _admitted(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_allowed(_header(scope, b"host"), self.limits.allowed_hosts):
            await _unknown_host(scope, receive, send)
            return
        body = await self._body(scope, receive)
        client = client_of(scope)
        if body is None:
            refusal = _too_large(self.limits)
        elif scope["path"] not in ALWAYS_ANSWERED and (found := self._no_room(client)):
            refusal = found
        else:
            await self._answered(client, scope, _replayed(body, receive), send)
            return
        await refusal(scope, receive, send)

    async def _answered(self, client: str, scope: Scope, receive: Receive, send: Send) -> None:
        self.open_requests += 1
        self._of_client[client] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.open_requests -= 1
            self._of_client[client] -= 1
            if not self._of_client[client]:
                del self._of_client[client]

    def _no_room(self, client: str) -> Response | None:
        if self.open_requests >= self.limits.max_requests:
            return overloaded(self.limits)
        if self._of_client[client] >= self.limits.max_client_requests:
            return _too_many(self.limits, f"{self.limits.max_client_requests} requests at once")
        if not self._rates.allow(client):
            return _too_many(self.limits, f"{self.limits.client_rate:g} requests a second")
        return None

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the whole body, None if it is larger than allowed.

        Raises:
            ClientDisconnect: the client left before.
        """
        declared = _header(scope, b"content-length")
        if declared.isdigit() and int(declared) > self.limits.max_body_bytes:
            return None
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > self.limits.max_body_bytes:
                return None
            more = message.get("more_body", False)
        return bytes(body)


class Rates:
    """How many requests each client may still send: a bucket that fills at a steady rate.

    Args:
        rate: requests in a second; 0 allows all.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        # Client -> requests it has left, and when that was so; the longest unseen first.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allow(self, client: str) -> bool:
        """Count a request; return whether the client may send it."""
        if not self.rate:
            return True
        most, now = self.rate * RATE_SECONDS, time.monotonic()
        left, since = self._left.pop(client, (most, now))
        left = min(most, left + (now - since) * self.rate)
        allowed = left >= 1
        self._left[client] = left - allowed, now
        if len(self._left) > MOST_CLIENTS:
            self._left.popitem(last=False)
        return allowed


def client_of(scope: Scope) -> str:
    """Return who asks: an address, of IPv6 the /64 network, which is usually one client's."""
    address: str = scope["client"][0] if scope.get("client") else ""
    try:
        return str(ip_network(f"{IPv6Address(address)}/64", strict=False))
    except ValueError:
        return address


def overloaded(limits: Limits) -> Response:
    """Return the answer of a service that has too much to do."""
    return problem(
        503,
        "the service has too much to do; try again later",
        headers={"Retry-After": str(limits.retry_after)},
    )


def _too_many(limits: Limits, most: str) -> Response:
    headers = {"Retry-After": str(limits.retry_after)}
    return problem(429, f"one client may have at most {most}; try again later", headers=headers)


def _too_large(limits: Limits) -> Response:
    # The rest of the body is not read, so that the connection cannot be used again.
    detail = f"body: at most {limits.max_body_bytes} bytes"
    return problem(413, detail, "body", {"Connection": "close"})


_unknown_host = problem(
    400, "Host: this service does not answer to that name; see tagfinder serve --allowed-host"
)


def _is_allowed(host: bytes, allowed: list[str]) -> bool:
    """Tell whether a Host header is one of some names; `*.` before a name allows all below it."""
    if not allowed:
        return True
    name = host.decode("latin-1").lower()
    # Without the port; an IPv6 address is in brackets.
    name = name.partition("]")[0].lstrip("[") if name.startswith("[") else name.partition(":")[0]
    return any(
        one in ("*", name) or (one.startswith("*.") and name.endswith(one[1:])) for one in allowed
    )


def _header(scope: Scope, name: bytes) -> bytes:
    found: bytes = dict(scope["headers"]).get(name, b"")
    return found


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a receiver that gives a body that was read already, then later messages."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
