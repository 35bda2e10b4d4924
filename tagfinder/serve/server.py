"""Running the service until it is asked to end, and then finishing what is open."""

from __future__ import annotations

import logging
import os
import signal
import threading
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI

from tagfinder.serve.connections import Connection, Connections
from tagfinder.serve.limits import Limits
from tagfinder.serve.teaching import LEARNING

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(app: FastAPI, host: str, port: int, limits: Limits) -> None:
    """Answer requests; SIGTERM and Ctrl-C end the service after open requests are answered."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # The server raises the signal again when it has drained; by then there is nothing to end.
        signal.signal(number, lambda *_: None)
    uvicorn.Server(configured(app, host, port, limits)).run()
    if any(thread.name == LEARNING for thread in threading.enumerate()):
        # The interpreter cannot end beside a thread that is deep in a library's code. All that was
        # acknowledged is on disk, and what is being learned is learned again.
        logging.shutdown()
        os._exit(0)


def configured(app: Any, host: str, port: int, limits: Limits, **more: Any) -> uvicorn.Config:
    """Return uvicorn's configuration of a service with limits."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=partial(Connection, Connections(limits)),  # type: ignore[arg-type]
        ws="none",
        access_log=False,
        log_level="info",
        timeout_graceful_shutdown=limits.drain_seconds,
        forwarded_allow_ips=limits.trusted_proxies,
        # Connections beyond the limit take the place of others that send nothing.
        backlog=limits.max_connections,
        **more,
    )


def names_of_host(host: str) -> list[str]:
    """Return the Host headers that a service at an address answers, where none were named.

    A service that only this machine reaches answers only to this machine's names, so that no
    page in a browser can reach it under a name of its own (DNS rebinding).
    """
    return [*LOOPBACK] if host in LOOPBACK else []
