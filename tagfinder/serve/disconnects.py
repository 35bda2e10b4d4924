"""Requests whose client is gone are given up before they cost anything."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from fastapi import Request, Response

# nginx's number; the client is gone, but the answer is counted.
CLIENT_GONE = 499


async def unless_gone(request: Request, answer: Coroutine[Any, Any, Response]) -> Response:
    """Return an answer, or cancel it as soon as the client closes the connection.

    A page that suggests while somebody types aborts a request with almost every key.

    Args:
        request: its body has been read.
        answer: makes the answer; a cancelled one takes its texts out of the queue.
    """
    answering = asyncio.create_task(answer)
    # After the body the next message of a request is that its client is gone.
    gone = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait((answering, gone), return_when=asyncio.FIRST_COMPLETED)
        return await answering if answering.done() else Response(status_code=CLIENT_GONE)
    finally:
        gone.cancel()
        answering.cancel()
