"""The composer's files need no key, and requests that it gives up cost nothing."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")

from fastapi.testclient import TestClient
from running import running

import tagfinder
from tagfinder.serve.app import create_app
from tagfinder.serve.composer import STATIC
from tagfinder.serve.limits import load_limits

FILES = sorted(file.name for file in STATIC.iterdir())
# Not fetched: the namespace of SVG and an example in a comment.
NAMED_ONLY = {"://www.w3.org", "://tags.example.org"}


def test_the_page_may_load_from_its_own_server_only(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    for reference in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert client.get(f"/{reference}").status_code == 200, reference


@pytest.mark.parametrize("name", FILES)
def test_no_file_of_the_composer_names_another_server(client: TestClient, name: str) -> None:
    answer = client.get(f"/composer/{name}")
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" in answer.headers
    assert set(re.findall(r"://[\w.]+", answer.text)) <= NAMED_ONLY


def test_an_unchanged_file_is_not_sent_again(client: TestClient) -> None:
    tag = client.get("/composer/composer.js").headers["etag"]
    assert client.get("/composer/composer.js", headers={"if-none-match": tag}).status_code == 304


@pytest.mark.parametrize("path", ["/composer/absent.js", "/composer/../app.py", "/composer/"])
def test_other_files_are_not_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_page_learns_which_models_read_the_author(
    linear_run: Path, run_of: Callable[[str], Path]
) -> None:
    pytest.importorskip("tantivy", reason="needs the extra live")
    app = create_app([tagfinder.load(linear_run), tagfinder.load(run_of("live"))], load_limits())
    with TestClient(app) as client:
        settings = client.get("/composer/settings").json()
    read = [(one["name"], one["reads_author"]) for one in settings["models"]]
    assert read == [("tfidf_lr", False), ("live", True)]
    assert settings["needs_key"] is False


class Held:
    """A recommender whose first answer waits until it is released."""

    def __init__(self, recommender: Any) -> None:
        self.recommender = recommender
        self.reached, self.released = threading.Event(), threading.Event()
        self.scored: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.recommender, name)

    def suggest(self, texts: list[str], *args: Any, **kwargs: Any) -> Any:
        self.reached.set()
        self.released.wait(30)
        self.scored += texts
        return self.recommender.suggest(texts, *args, **kwargs)


def send(port: int, text: str) -> socket.socket:
    """Send a question and do not wait for its answer."""
    body = json.dumps({"text": text}).encode()
    head = f"POST /suggest HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
    return connection


def test_questions_that_were_given_up_are_never_scored(linear_run: Path) -> None:
    held = Held(tagfinder.load(linear_run))
    app = create_app([held], load_limits())
    with running(app) as address:
        port = int(address.rpartition(":")[2])
        first = send(port, "first")
        assert held.reached.wait(30)
        for i in range(5):
            send(port, f"given up {i}").close()
        last = send(port, "last")
        wait_until(lambda: waiting_texts(address) == 6, "all of them wait")
        held.released.set()
        assert last.recv(15).startswith(b"HTTP/1.1 200")
        first.close()
        last.close()
    assert held.scored == ["first", "last"]


def waiting_texts(address: str) -> int:
    import urllib.request

    with urllib.request.urlopen(f"{address}/metrics") as answer:
        page = answer.read().decode()
    [found] = re.findall(r"^tagfinder_waiting_texts\{.*\} (.+)$", page, re.MULTILINE)
    return int(float(found))


def wait_until(holds: Callable[[], bool], what: str) -> None:
    for _ in range(500):
        if holds():
            return
        time.sleep(0.02)
    raise TimeoutError(what)
