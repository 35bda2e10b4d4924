"""Hostile bytes at the port of a service, and silent clients beside well-behaved ones."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tally import tally, trials

pytest.importorskip("uvicorn", reason="needs uvicorn")

SILENT = 60
# Hostile requests after which a well-behaved one is answered, and how many are sent at a time.
BATCH, AT_ONCE = 100, 16
PIECES = (
    *(b"POST /suggest HTTP/1.1\r\n", b"GET /health HTTP/1.1\r\n", b"Host: x\r\n", b"\r\n\r\n"),
    *(b"content-length: 5\r\n", b"content-length: -1\r\n", b"content-length: 99999999999\r\n"),
    *(b"transfer-encoding: chunked\r\n", b"zz\r\n", b"\0", b"\xff\xfe", b"A" * 5000),
    *(b'{"text": "a"}', b'{"text": ["a", 1]}', b'{"text": "\\ud800"}', b"[" * 2000, b"../../etc"),
    *(b"content-type: application/json\r\n", b"expect: 100-continue\r\n", b"HTTP/9.9\r\n"),
)


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def port(run: Path) -> Iterator[int]:
    number = free_port()
    command = [sys.executable, "-m", "tagfinder", "serve", str(run), "--port", str(number)]
    log = (run.parent / "serve.txt").open("w")
    with subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            end = time.monotonic() + 120
            while not answered(number):
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.2)
            yield number
        finally:
            process.terminate()
            process.wait(30)
    log.close()
    assert "Traceback" not in (run.parent / "serve.txt").read_text()


def sent(port: int, content: bytes, seconds: float = 2.0) -> bytes:
    """Send bytes and return the answer of some seconds."""
    received = b""
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port), seconds) as one,
    ):
        one.settimeout(seconds)
        one.sendall(content)
        while part := one.recv(65_536):
            received += part
    return received


def answered(port: int, seconds: float = 2.0) -> bool:
    """Ask as a well-behaved client does."""
    body = json.dumps({"text": "new in my closet", "k": 3}).encode()
    head = (
        "POST /suggest HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    answer = sent(port, head.encode() + body, seconds)
    return answer.startswith(b"HTTP/1.1 200") and b"suggestions" in answer


@pytest.mark.slow
def test_hostile_requests_and_silent_clients(port: int) -> None:
    chance, hostile = random.Random(1), tally("hostile requests")

    def answer_to(content: bytes) -> bytes:
        return sent(port, content, 0.5)

    # Most of them wait for an answer that does not come.
    with ThreadPoolExecutor(AT_ONCE) as clients:
        for _ in range(trials(1, 1_000)):
            contents = [
                b"".join(chance.choices(PIECES, k=chance.randint(1, 8))) for _ in range(BATCH)
            ]
            for answer in clients.map(answer_to, contents):
                server_failed = answer.startswith((b"HTTP/1.1 500", b"HTTP/1.0 500"))
                hostile.count("tracebacks" if server_failed else "refused")
            assert answered(port, 10.0)
    assert hostile.is_clean()
    beside = tally("requests beside silent clients")
    with contextlib.ExitStack() as stack:
        for _ in range(SILENT):
            silent = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            silent.sendall(
                b"POST /suggest HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n"
            )
        for _ in range(trials(10, 500)):
            beside.count("survived" if answered(port, 10.0) else "lost")
    assert beside.is_clean()
