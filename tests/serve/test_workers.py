"""`tagfinder serve --workers`: one teaches, all answer, and any may be killed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tagfinder.live.post_store import PostStore

pytest.importorskip("uvicorn", reason="needs the extra serve")
pytest.importorskip("tantivy", reason="needs tantivy")

from tally import trials
from test_server import free_port

WORKERS = 2
KILLS = trials(1, 20)
PATIENCE = 300.0


def ask(address: str, path: str, body: Any = None, method: str | None = None) -> Any:
    """Ask over a connection of its own, so that any of the processes may answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json", "connection": "close"}
    request = urllib.request.Request(f"{address}{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def teach(address: str, *names: str) -> int:
    posts = [
        {
            "id": name,
            "text": f"the comet {name} over the harbour",
            "hashtags": ["CometNight"],
            "created_at": datetime.now(UTC).isoformat(),
            "author": "ann",
        }
        for name in names
    ]
    return int(ask(address, "/posts", {"posts": posts})["taught"])


def health_of_each(address: str) -> dict[int, dict[str, Any]]:
    """Return the health of each process that answers."""
    found = [ask(address, "/health") for _ in range(12)]
    return {one["process"]: one for one in found}


def until_each(address: str, holds: Callable[[dict[str, Any]], bool]) -> dict[int, dict[str, Any]]:
    """Wait until all processes answer and something holds for each."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            each = health_of_each(address)
        except (urllib.error.URLError, OSError):
            each = {}
        if len(each) == WORKERS and all(holds(one) for one in each.values()):
            return each
        assert time.monotonic() < end, each
        time.sleep(0.1)


@contextmanager
def serving(run: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    command = [sys.executable, "-m", "tagfinder", "serve", str(run), "--port", str(port)]
    command += ["--teach", "--workers", str(WORKERS), *options]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def known(health: dict[str, Any]) -> int:
    [log] = health["logs"].values()
    return int(log["posts"])


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_processes_share_what_any_is_taught_and_kills_lose_nothing(
    run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    run = Path(shutil.copytree(run_of("live"), tmp_path / "live"))
    chance = random.Random(1)
    with serving(run) as (process, address):
        each = until_each(address, lambda one: one["status"] == "ok")
        before = known(next(iter(each.values())))
        assert [log["keeps"] for one in each.values() for log in one["logs"].values()].count(
            True
        ) == 1
        for number in range(4):
            assert teach(address, f"first{number}") == 1
        until_each(address, lambda one: known(one) == before + 4)
        suggested = [
            ask(address, "/suggest", {"text": "the comet over the harbour", "author": "ann"})
            for _ in range(8)
        ]
        for one in suggested:
            assert "CometNight" in [tag["hashtag"] for tag in one["suggestions"][0]["hashtags"]]
        assert ask(address, "/posts/first0", method="DELETE") == {"forgotten": 1}
        until_each(address, lambda one: known(one) == before + 3)

        acknowledged = []
        for kill in range(KILLS):
            victim = chance.choice(sorted(until_each(address, lambda _: True)))
            for number in range(20):
                if number == 10:
                    os.kill(victim, signal.SIGKILL)
                name = f"k{kill}-{number}"
                try:
                    teach(address, name)
                except (urllib.error.URLError, OSError):
                    continue
                acknowledged.append(name)
        assert len(acknowledged) > 15 * KILLS
        with PostStore(run / "knowledge" / "posts.sqlite", writable=False) as store:
            n_stored = len(store)
        until_each(address, lambda one: known(one) == n_stored)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    with PostStore(run / "knowledge" / "posts.sqlite") as store:
        ids = [post.id for block in store.blocks() for post in block.posts]
    assert len(ids) == len(set(ids)) == n_stored
    assert set(acknowledged) <= set(ids)


def test_an_unreadable_run_is_reported_once_with_exit_code_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tagfinder", "serve", str(tmp_path), "--workers", "2"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 2
    assert result.stderr.count("tagfinder: error:") == 1
    assert "Traceback" not in result.stderr
