"""Who may ask, under which name, from which page, and how much."""

from __future__ import annotations

import base64
import os
import re
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tagfinder import Recommender
from tagfinder.errors import InputError
from tagfinder.recommend.recommender import Suggestions
from tagfinder.serve.app import create_app
from tagfinder.serve.keys import Keys
from tagfinder.serve.limits import load_limits
from tagfinder.serve.server import names_of_host

ASKED = {"text": "a tote bag in my closet"}


def app_with(run: Path, keys: Keys | str | None = None, **limits: Any) -> TestClient:
    app = create_app([Recommender.load(run)], replace(load_limits(), **limits), keys)
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("path", ["/models", "/metrics", "/docs", "/openapi.json"])
def test_with_a_key_all_but_health_needs_it_unless_it_is_opened(
    linear_run: Path, path: str
) -> None:
    client = app_with(linear_run, "secret")
    assert client.get("/health").status_code == 200
    assert client.get(path).status_code == 401
    assert client.get(path, headers={"X-API-Key": "secret"}).status_code == 200
    opened = app_with(linear_run, "secret", open_paths=[path])
    assert opened.get(path).status_code == 200
    assert opened.get("/health").status_code == 401


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer secret", 200),
        ("bearer  secret", 200),
        ("Bearer guess", 401),
        ("Basic " + base64.b64encode(b"anybody:secret").decode(), 200),
        ("Basic " + base64.b64encode(b"secret").decode(), 401),
        ("Basic !", 401),
        ("Digest secret", 401),
        ("", 401),
    ],
)
def test_browsers_and_prometheus_can_send_the_key_their_way(
    linear_run: Path, authorization: str, status: int
) -> None:
    client = app_with(linear_run, "secret")
    assert client.get("/metrics", headers={"Authorization": authorization}).status_code == status


def test_a_browser_is_told_to_ask_its_user_for_the_key_of_a_page(linear_run: Path) -> None:
    client = app_with(linear_run, "secret")
    assert client.get("/docs").headers["www-authenticate"].startswith("Basic")
    assert client.post("/suggest", json=ASKED).headers["www-authenticate"] == "ApiKey"


def write_keys(file: Path, *lines: str) -> None:
    file.write_text("\n".join(lines))
    # Clocks of file systems are coarse; what is written twice in a moment must differ somehow.
    os.utime(file, ns=(time.monotonic_ns(), time.monotonic_ns()))


def test_keys_of_a_file_are_replaced_without_a_restart(linear_run: Path, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    write_keys(file, "# ann", "one", "", "  two  ")
    client = app_with(linear_run, Keys(["fixed"], file))

    def opening(*keys: str) -> list[str]:
        asked = {key: client.get("/models", headers={"X-API-Key": key}) for key in keys}
        return [key for key, answer in asked.items() if answer.status_code == 200]

    assert opening("one", "two", "fixed", "# ann", "") == ["one", "two", "fixed"]
    write_keys(file, "three")
    assert opening("one", "three", "fixed") == ["three", "fixed"]
    # While the file is missing or empty, the old keys hold and no others.
    file.unlink()
    assert opening("three", "one") == ["three"]
    write_keys(file, "# nothing yet")
    assert opening("three", "# nothing yet") == ["three"]
    write_keys(file, "four")
    assert opening("three", "four") == ["four"]


def test_a_file_without_a_key_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("# none\n")
    for file in (tmp_path / "empty", tmp_path / "absent", tmp_path):
        with pytest.raises(InputError, match="--keys"):
            Keys(file=file)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("tags.example.org", 200),
        ("Tags.Example.org:8000", 200),
        ("a.inner.example.net", 200),
        ("[::1]:8000", 200),
        ("example.net", 400),
        ("evil.org", 400),
        ("tags.example.org.evil.org", 400),
        ("", 400),
    ],
)
def test_only_the_names_of_the_service_are_answered(
    linear_run: Path, host: str, status: int
) -> None:
    allowed = ["tags.example.org", "*.inner.example.net", "::1"]
    client = app_with(linear_run, allowed_hosts=allowed)
    answer = client.post("/suggest", json=ASKED, headers={"Host": host})
    assert answer.status_code == status
    assert client.get("/health", headers={"Host": host}).status_code == status


def test_a_service_for_this_machine_alone_answers_only_to_its_names() -> None:
    assert "127.0.0.1" in names_of_host("127.0.0.1")
    assert names_of_host("0.0.0.0") == []
    assert {"tags.example.org", "127.0.0.1"} <= set(names_of_host("0.0.0.0", ["tags.example.org"]))


def test_pages_of_other_sites_may_ask_only_where_that_is_allowed(linear_run: Path) -> None:
    origin = {"Origin": "https://forum.example.org"}
    closed = app_with(linear_run)
    answer = closed.post("/suggest", json=ASKED, headers=origin)
    assert "access-control-allow-origin" not in answer.headers
    client = app_with(linear_run, "secret", allowed_origins=["https://forum.example.org"])
    before = {
        **origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, x-api-key",
    }
    assert client.options("/suggest", headers=before).status_code == 200
    # An answer without a key too, so that the page can say what is wrong.
    for headers, status in ((origin | {"X-API-Key": "secret"}, 200), (origin, 401)):
        answer = client.post("/suggest", json=ASKED, headers=headers)
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == "https://forum.example.org"
    other = client.post("/suggest", json=ASKED, headers={"Origin": "https://evil.org"})
    assert "access-control-allow-origin" not in other.headers


def test_the_page_of_the_interface_needs_nothing_from_elsewhere(linear_run: Path) -> None:
    client = app_with(linear_run)
    page = client.get("/docs").text
    assert "http://" not in page
    assert "https://" not in page
    linked = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(linked) == 3
    for address in linked:
        assert len(client.get(f"/{address}").content) > 1000
    assert client.get("/openapi.json").json()["info"]["title"] == "TagFinder"


def test_a_client_that_asks_too_often_is_told_to_wait_and_others_are_not(
    linear_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app_with(linear_run, client_rate=0.5, retry_after=7)
    now = time.monotonic()
    monkeypatch.setattr("tagfinder.serve.gate.time.monotonic", lambda: now)
    answers = [client.get("/models") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].headers["retry-after"] == "7"
    assert "0.5 requests a second" in answers[-1].json()["detail"]
    assert client.get("/health").status_code == 200
    other = TestClient(client.app, client=("192.0.2.7", 1))
    assert other.get("/models").status_code == 200
    now += 2
    assert [client.get("/models").status_code for _ in range(2)] == [200, 429]


def test_one_client_gets_only_so_many_answers_at_once(
    linear_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, release = threading.Semaphore(0), threading.Event()

    def slow_suggest(self: Recommender, texts: list[str], *_: Any, **__: Any) -> list[Suggestions]:
        busy.release()
        release.wait(30)
        return [Suggestions(text, text) for text in texts]

    monkeypatch.setattr(Recommender, "suggest", slow_suggest)
    with app_with(linear_run, max_client_requests=2) as client:
        statuses: list[int] = []

        def ask() -> None:
            # The questions below take one of the two places for a moment.
            while (status := client.post("/suggest", json=ASKED).status_code) == 429:
                time.sleep(0.001)
            statuses.append(status)

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        busy.acquire()
        for _ in range(200):
            refused = client.get("/models").status_code
            if refused == 429:
                break
            time.sleep(0.02)
        release.set()
        for thread in threads:
            thread.join()
    assert refused == 429
    assert statuses == [200, 200]
