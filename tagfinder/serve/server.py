"""Running the service, in one process or several, until it is asked to end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from typing import Any

import click
import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from tagfinder.errors import TagFinderError, in_sentences
from tagfinder.serve import meters
from tagfinder.serve.connections import Connection, Connections
from tagfinder.serve.limits import Limits
from tagfinder.serve.served import Served

LOOPBACK = ("127.0.0.1", "::1", "localhost")
# Seconds after which a process that does not say that it lives is replaced.
HANGING_SECONDS = 120


def serve(served: Served, host: str, port: int, workers: int = 1) -> None:
    """Answer requests; SIGTERM and Ctrl-C end the service after open requests are answered.

    Args:
        served: what is served.
        host: address to listen at.
        port: to listen at.
        workers: processes that answer; each has the whole recommender, and one that dies is
            replaced.

    Raises:
        TagFinderError: something cannot be opened.
    """
    if workers == 1:
        _serve_alone(served, host, port)
    else:
        _serve_together(served, host, port, workers)


def _serve_alone(served: Served, host: str, port: int) -> None:
    app = served.app()
    _say_where(host, port)
    for number in (signal.SIGTERM, signal.SIGINT):
        # The server raises the signal again when it has drained; by then there is nothing to end.
        signal.signal(number, lambda *_: None)
    uvicorn.Server(configured(app, host, port, served.limits)).run()


def _serve_together(served: Served, host: str, port: int, workers: int) -> None:
    # Errors of a run are reported once, and the processes find everything prepared.
    preparing = multiprocessing.get_context("spawn").Process(target=_prepare, args=(served,))
    preparing.start()
    preparing.join()
    if preparing.exitcode:
        sys.exit(preparing.exitcode)
    _say_where(host, port)
    with tempfile.TemporaryDirectory(prefix="tagfinder-metrics-") as folder:
        os.environ[meters.FOLDER] = folder
        config = configured(
            partial(_worker_app, served),
            host,
            port,
            served.limits,
            factory=True,
            workers=workers,
            timeout_worker_healthcheck=HANGING_SECONDS,
        )
        with config.bind_socket() as listening:
            Multiprocess(config, [listening]).run()


def _say_where(host: str, port: int) -> None:
    """Tell a person what to open; programs read the server's own lines."""
    if port:
        name = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, host)
        shown = f"[{name}]" if ":" in name else name
        click.echo(
            f"tagfinder: to write a post with suggestions, open http://{shown}:{port}/ in a "
            "browser; Ctrl+C ends the service",
            err=True,
        )


def _prepare(served: Served) -> None:
    """Open everything once and close it; end with an error's exit code."""
    try:
        with in_sentences():
            from tagfinder.recommend.live import LiveSuggester
            from tagfinder.serve.keys import keys_of

            keys_of(served.key_file)
            for recommender in served.open():
                if isinstance(recommender, LiveSuggester):
                    recommender.close()
    except TagFinderError as error:
        click.echo(f"tagfinder: error: {error}", err=True)
        sys.exit(error.exit_code)


def _worker_app(served: Served) -> FastAPI:
    """Return the service of one of several processes; end what cannot work at all."""
    try:
        with in_sentences():
            return served.app()
    except TagFinderError as error:
        click.echo(f"tagfinder: error: {error}", err=True)
        sys.exit(STARTUP_FAILURE)


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
        # Connections beyond the limit replace others that send nothing.
        backlog=limits.max_connections,
        **more,
    )


def names_of_host(host: str, named: Sequence[str] = ()) -> list[str]:
    """Return the Host headers that a service at an address answers; none means any.

    A service that only this machine reaches answers only to this machine's names, so that no
    page in a browser can reach it under a name of its own (DNS rebinding). Whatever is named,
    this machine's names are answered too: health checks come from here.

    Args:
        host: the address.
        named: names that were asked for.
    """
    return [*named, *LOOPBACK] if named or host in LOOPBACK else []
