"""`tagfinder serve` as a process: it answers, and ends after what is open is answered."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs the extra serve")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def service(linear_run: Path) -> Iterator[tuple[subprocess.Popen, str]]:
    port = free_port()
    command = [sys.executable, "-m", "tagfinder", "serve", str(linear_run), "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_healthy(address, process)
        yield process, address
    finally:
        process.kill()
        process.wait()


def wait_until_healthy(address: str, process: subprocess.Popen) -> None:
    for _ in range(1200):
        assert process.poll() is None, process.stderr and process.stderr.read()
        try:
            urllib.request.urlopen(f"{address}/health", timeout=5)
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise TimeoutError


def ask(address: str, texts: list[str]) -> Any:
    body = json.dumps({"text": texts}).encode()
    request = urllib.request.Request(
        f"{address}/suggest", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_person_is_told_which_page_to_open(linear_run: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "tagfinder", "serve", str(linear_run), "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        said = process.stderr.readline()
        wait_until_healthy(f"http://127.0.0.1:{port}", process)
        address = next(word for word in said.split() if word.startswith("http"))
        with urllib.request.urlopen(address, timeout=60) as page:
            assert "Your post" in page.read().decode()
        process.terminate()


def test_sigterm_lets_open_requests_finish_and_ends_with_0(
    service: tuple[subprocess.Popen, str],
) -> None:
    process, address = service
    texts = [f"a tote bag in my closet {i} " * 40 for i in range(64)]
    answers: list[Any] = []
    clients = [
        threading.Thread(target=lambda: answers.append(ask(address, texts))) for _ in range(4)
    ]
    for client in clients:
        client.start()
    time.sleep(0.15)
    process.send_signal(signal.SIGTERM)
    for client in clients:
        client.join()
    assert process.wait(30) == 0
    assert [len(answer["suggestions"]) for answer in answers] == [64] * len(answers)
    assert answers
    with pytest.raises(urllib.error.URLError):
        ask(address, ["late"])
