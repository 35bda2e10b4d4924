"""The gain of a second process of `tagfinder serve`, and how soon it knows taught posts.

    python experiments/benchmarks/workers.py RUN [--workers 1 2] [--requests 2000]
    python experiments/benchmarks/workers.py LIVE_RUN --lag 1000 [--seconds 10]

The first prints requests per second of 16 clients for each number of processes, as a ratio to the
first number, by turns in one run. The second teaches a copy of a live run at a steady rate of posts
per second, and prints how long after the answer to `POST /posts` every process counted the posts,
as a ratio to how long that answer took.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import shutil
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from serving import WARM_UP, free_port, load, posts_of, request_bytes, running

CLIENTS = 16
ROUNDS = 3
POSTS_OF_REQUEST = 50


def command(run: Path, port: int, workers: int, *options: str) -> list[str]:
    """Return the command of a service."""
    serve = [sys.executable, "-m", "tagfinder", "serve", str(run), "--port", str(port)]
    return [*serve, "--workers", str(workers), *options]


def scaling(run: Path, numbers: list[int], n: int) -> None:
    """Print requests per second for each number of processes."""
    requests = [request_bytes(text) for text in posts_of()]
    rates: dict[int, list[float]] = {}
    for _ in range(ROUNDS):
        for workers in numbers:
            port = free_port()
            with running(command(run, port, workers), port):
                asyncio.run(load(port, requests, WARM_UP * workers, CLIENTS))
                found = asyncio.run(load(port, requests, n, CLIENTS))
            rates.setdefault(workers, []).append(found["rps"])
            print(
                f"  {workers} processes  {found['rps']:7.0f} requests/s   "
                f"p99 {found['p99_ms']:7.1f} ms   failed {found['failed']:.0f}",
                flush=True,
            )
    base = float(np.median(rates[numbers[0]]))
    for workers, found_rates in rates.items():
        ratio = float(np.median(found_rates)) / base
        print(f"{run.name}: {workers} processes, ratio to {numbers[0]}: {ratio:.2f}", flush=True)


def ask(port: int, method: str, path: str, body: Any = None) -> Any:
    """Ask over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    data = None if body is None else json.dumps(body)
    connection.request(method, path, data, {"content-type": "application/json"})
    answer = json.load(connection.getresponse())
    connection.close()
    return answer


def lag(run: Path, rate: int, seconds: int, workers: int) -> None:
    """Print how soon every process knows posts that are taught at a rate."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(run, Path(folder) / run.name)
        port = free_port()
        with running(command(copy, port, workers, "--teach"), port):
            teach_steadily(port, rate, seconds, workers)


def teach_steadily(port: int, rate: int, seconds: int, workers: int) -> None:
    """Teach, and watch each process's number of posts meanwhile."""
    seen: dict[int, list[tuple[float, int]]] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            asked = time.perf_counter()
            health = ask(port, "GET", "/health")
            [log] = health["logs"].values()
            seen.setdefault(health["process"], []).append((asked, log["posts"]))

    watchers = [threading.Thread(target=watch) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    while len(seen) < workers:
        time.sleep(0.1)
    [known] = {posts for samples in list(seen.values()) for _, posts in samples}
    texts = posts_of()
    acknowledged, durations = [], []
    began = time.perf_counter()
    for number in range(rate * seconds // POSTS_OF_REQUEST):
        time.sleep(max(0.0, began + number * POSTS_OF_REQUEST / rate - time.perf_counter()))
        posts = [
            {
                "id": f"{number}-{place}",
                "text": texts[(number * POSTS_OF_REQUEST + place) % len(texts)],
                "hashtags": ["bench"],
                "created_at": datetime.now(UTC).isoformat(),
            }
            for place in range(POSTS_OF_REQUEST)
        ]
        sent = time.perf_counter()
        known += ask(port, "POST", "/posts", {"posts": posts})["taught"]
        acknowledged.append((time.perf_counter(), known))
        durations.append(acknowledged[-1][0] - sent)
    achieved = len(acknowledged) * POSTS_OF_REQUEST / (time.perf_counter() - began)
    time.sleep(2)
    done.set()
    for watcher in watchers:
        watcher.join()
    lags = [
        max(first_with(samples, posts) - moment for samples in seen.values())
        for moment, posts in acknowledged
    ]
    p50, p99 = np.percentile(lags, [50, 99])
    answered = float(np.median(durations))
    print(
        f"{rate} posts/s asked, {achieved:.0f} taught, {workers} processes: all know a post "
        f"{p50 * 1000:.0f} ms (p99 {p99 * 1000:.0f} ms) after the answer, which took "
        f"{answered * 1000:.0f} ms; ratio {p50 / answered:.2f}",
        flush=True,
    )


def first_with(samples: list[tuple[float, int]], posts: int) -> float:
    """Return when a process was first seen to have so many posts."""
    return next((moment for moment, has in samples if has >= posts), float("inf"))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--lag", type=int, help="posts per second that are taught")
    parser.add_argument("--seconds", type=int, default=10)
    arguments = parser.parse_args()
    if arguments.lag:
        lag(arguments.run, arguments.lag, arguments.seconds, max(arguments.workers))
    else:
        scaling(arguments.run, arguments.workers, arguments.requests)


if __name__ == "__main__":
    main()
