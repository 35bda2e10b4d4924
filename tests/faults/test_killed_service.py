"""A service that is killed while it is taught: what it acknowledged is there, once."""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
import time
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
from commands import command
from tally import tally, trials
from test_kills_and_disks import LIVE_RUN
from test_requests import free_port

import tagfinder
from tagfinder.live.post_store import PostStore

pytest.importorskip("tantivy", reason="needs tantivy")

# Seconds that a service may take to start on a busy machine, and until it is killed.
PATIENCE, LIFE = 300.0, 3.0


class Client:
    """Teaches posts and deletes some, and keeps what was acknowledged.

    Attributes:
        taught: ids of posts that are known to be stored.
        deleted: ids of posts that are known to be gone.
        unsure: ids whose last request was not answered.
    """

    def __init__(self, port: int, chance: random.Random) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.chance = chance
        self.taught: set[str] = set()
        self.deleted: set[str] = set()
        self.unsure: set[str] = set()

    def ask(self, path: str, method: str = "GET", body: Any = None) -> None:
        """Make one request; raise OSError if it is not acknowledged."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "connection": "close"}
        request = urllib.request.Request(f"{self.address}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()

    def wait(self) -> None:
        """Return when the service answers."""
        end = time.monotonic() + PATIENCE
        while True:
            with suppress(OSError):
                return self.ask("/health")
            assert time.monotonic() < end, "the service does not start"
            time.sleep(0.1)

    def work(self, name: str) -> None:
        """Teach and delete until the service answers no more."""
        number = 0
        with suppress(OSError):
            while True:
                ids = [f"{name}-{number}-{n}" for n in range(self.chance.randint(1, 4))]
                self.unsure.update(ids)
                self.ask("/posts", "POST", {"posts": [a_post(identity) for identity in ids]})
                self.unsure.difference_update(ids)
                self.taught.update(ids)
                if self.chance.random() < 0.2:
                    gone = self.chance.choice(sorted(self.taught))
                    self.taught.discard(gone)
                    self.unsure.add(gone)
                    self.ask(f"/posts/{gone}", "DELETE")
                    self.unsure.discard(gone)
                    self.deleted.add(gone)
                number += 1


def a_post(identity: str) -> dict[str, Any]:
    text = f"the comet {identity} over the harbour #CometNight"
    now = datetime.now(UTC).isoformat()
    return {"id": identity, "text": text, "created_at": now, "author": "ann"}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_service_that_is_killed_while_it_is_taught(
    processes: ForkServerContext, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(LIVE_RUN, tmp_path / "run"))
    chance, counts = random.Random(1), tally("kills of serve --teach")
    client = Client(free_port(), chance)
    arguments = ["serve", str(run), "--teach", "--port", client.address.rpartition(":")[2]]
    for kill in range(trials(2, 100)):
        process = processes.Process(
            target=command, args=(arguments, tmp_path / "cache", tmp_path / "log", None)
        )
        process.start()
        client.wait()
        killing = threading.Timer(chance.random() * LIFE, process.kill)
        killing.start()
        client.work(f"k{kill}")
        killing.join()
        process.join()
        assert "Traceback" not in (tmp_path / "log").read_text()
        with PostStore(run / "knowledge" / "posts.sqlite") as store:
            ids = [post.id for block in store.blocks() for post in block.posts]
        lost = client.taught - set(ids) or client.deleted & set(ids) or len(ids) != len(set(ids))
        counts.count("lost" if lost else "survived")
    assert client.taught
    assert counts.is_clean(), counts
    with tagfinder.load(run).durable as durable:
        assert durable.knowledge.statistics.n_alive == len(ids)
