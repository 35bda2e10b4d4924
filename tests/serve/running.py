"""A service that listens at a port of this machine, in a thread of the test."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any


@contextmanager
def running(app: Any) -> Iterator[str]:
    """Serve an app on a free port and yield its address."""
    with serving(app) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def serving(app: Any, **limits: Any) -> Iterator[int]:
    """Serve an app on a free port, which it yields, with some limits of its own."""
    import uvicorn

    from tagfinder.serve.limits import load_limits
    from tagfinder.serve.server import configured

    server = uvicorn.Server(configured(app, "127.0.0.1", 0, replace(load_limits(), **limits)))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server ended"
            time.sleep(0.02)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)


@contextmanager
def listening(recommender: Any, **limits: Any) -> Iterator[int]:
    """Serve a recommender on a free port, which it yields, with some limits of its own."""
    from tagfinder.serve.app import create_app
    from tagfinder.serve.limits import load_limits

    app = create_app([recommender], replace(load_limits(), **limits))
    with serving(app, **limits) as port:
        yield port


def request(body: bytes = b'{"text": "a tote bag"}', headers: str = "") -> bytes:
    """Return a request for suggestions as it goes over the wire."""
    head = (
        f"POST /suggest HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{headers}\r\n"
    )
    return head.encode() + body


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read the status and the body of one answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)
