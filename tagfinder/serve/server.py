"""Running the service until it is asked to end, and then finishing what is open."""

from __future__ import annotations

import signal

import uvicorn
from fastapi import FastAPI

from tagfinder.serve.limits import Limits


def serve(app: FastAPI, host: str, port: int, limits: Limits) -> None:
    """Answer requests; SIGTERM and Ctrl-C end the service after open requests are answered."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        access_log=False,
        log_level="info",
        timeout_graceful_shutdown=limits.drain_seconds,
        # Connections beyond this many are answered by the gate; they only wait to be accepted.
        backlog=2 * limits.max_requests,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # The server raises the signal again when it has drained; by then there is nothing to end.
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run()
