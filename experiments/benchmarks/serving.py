"""Requests per second and latency of `tagfinder serve` against a plain service of the same model.

    python experiments/benchmarks/serving.py RUN... [--clients 1 16 64] [--requests 2000]
    python experiments/benchmarks/serving.py BUNDLE --runtime onnx
    python experiments/benchmarks/serving.py RUN --soak 100000

The plain service is a first version with FastAPI: each request is cleaned, encoded and scored on
its own by the same scikit-learn, fastText or PyTorch model in FastAPI's thread pool. A transformers
encoder is in float32, as it is loaded. Both run as processes of their own on this machine, with the
same server (uvicorn) and the same posts, by turns; the load generator holds connections open and
sends each client's next request when the one before is answered. `--soak` sends many requests to
ours only and prints its memory as it goes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

POSTS = 500
WARM_UP = 200


class Asked(BaseModel):
    """What the plain service is asked."""

    text: str
    k: int = 5


class Suggested(BaseModel):
    """What the plain service answers, best first."""

    hashtag: str
    score: float


def posts_of(seed: int = 7) -> list[str]:
    """Return made-up posts."""
    from tagfinder.corpus.rejects import Rejects
    from tagfinder.corpus.sources.synthetic import SyntheticSource

    batches = SyntheticSource(rows=POSTS, seed=seed).batches(Rejects())
    return [text for batch in batches for text in batch["text"]]


def plain_service(run: Path, port: int) -> None:
    """Serve a run in the plain way."""
    import polars as pl
    import torch
    import uvicorn
    from fastapi import FastAPI

    from tagfinder import Recommender
    from tagfinder.data.frozen_encoder import FrozenEncoder

    recommender = Recommender.load(run)
    module, features = recommender.module, recommender.features
    if isinstance(features, FrozenEncoder):
        features.precision = "float32"  # as transformers loads an encoder
    spellings = recommender.label_set.spellings
    app = FastAPI()

    @app.get("/health")
    def health() -> str:
        return "ok"

    @app.post("/suggest")
    def suggest(asked: Asked) -> list[Suggested]:
        read = recommender.model_input(pl.Series([asked.text]))
        with torch.inference_mode():
            [scores] = module.scores(features.encode(read).take(np.array([0]))).numpy()
        best = np.argsort(-scores)[: asked.k]
        return [Suggested(hashtag=spellings[i], score=scores[i]) for i in best]

    uvicorn.run(app, port=port, log_level="warning", access_log=False)


@contextmanager
def running(command: list[str], port: int) -> Iterator[int]:
    """Run a service until the block ends; yield its process id."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_until_healthy(port, process)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def wait_until_healthy(port: int, process: subprocess.Popen) -> None:
    """Wait for /health."""
    while True:
        if process.poll() is not None:
            raise SystemExit(f"{process.args} ended with {process.returncode}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return


def request_bytes(text: str) -> bytes:
    """Return one HTTP request as it goes over the wire."""
    body = json.dumps({"text": text, "k": 5}).encode()
    head = (
        f"POST /suggest HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def client(port: int, requests: Iterator[bytes], seconds: list[float]) -> int:
    """Send requests one after another over one connection; return how many failed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    failed = 0
    for request in requests:
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        seconds.append(time.perf_counter() - started)
        failed += not head.startswith(b"HTTP/1.1 200")
    writer.close()
    return failed


async def load(port: int, requests: list[bytes], n: int, clients: int) -> dict[str, float]:
    """Send n requests from some clients at once."""
    todo = iter([requests[i % len(requests)] for i in range(n)])
    seconds: list[float] = []
    started = time.perf_counter()
    failed = sum(await asyncio.gather(*(client(port, todo, seconds) for _ in range(clients))))
    wall = time.perf_counter() - started
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    return {"rps": len(seconds) / wall, "p50_ms": p50, "p99_ms": p99, "failed": failed}


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def resident_mib(pid: int) -> float:
    """Return the memory of a process (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def services(run: Path, runtime: str) -> dict[str, tuple[list[str], int]]:
    """Return the commands and ports of both services; the plain one computes with PyTorch."""
    ours, plain = free_port(), free_port()
    serve = [sys.executable, "-m", "tagfinder", "serve", str(run), "--port", str(ours)]
    return {
        "tagfinder": ([*serve, "--runtime", runtime], ours),
        "plain": ([sys.executable, __file__, str(run), "--plain", str(plain)], plain),
    }


def compare(run: Path, clients: list[int], n: int, runtime: str) -> None:
    """Print a table of both services for one run."""
    requests = [request_bytes(text) for text in posts_of()]
    both = services(run, runtime)
    print(f"{run.name}: {n} requests each", flush=True)
    with running(*both["tagfinder"]), running(*both["plain"]):
        for many in clients:
            rates = {}
            for name, (_, port) in both.items():
                asyncio.run(load(port, requests, WARM_UP, many))
                found = asyncio.run(load(port, requests, n, many))
                rates[name] = found["rps"]
                print(
                    f"  {many:3d} clients  {name:9s}  {found['rps']:7.0f} requests/s   "
                    f"p50 {found['p50_ms']:7.1f} ms   p99 {found['p99_ms']:7.1f} ms   "
                    f"failed {found['failed']:.0f}",
                    flush=True,
                )
            print(
                f"  {many:3d} clients  ratio {rates['tagfinder'] / rates['plain']:.2f}", flush=True
            )


def soak(run: Path, n: int, runtime: str) -> None:
    """Print the memory of our service while it answers many requests of 64 clients."""
    requests = [request_bytes(text) for text in posts_of()]
    command, port = services(run, runtime)["tagfinder"]
    with running(command, port) as pid:
        asyncio.run(load(port, requests, WARM_UP * 10, 64))
        print(f"{run.name}: {resident_mib(pid):.0f} MiB after {WARM_UP * 10} requests", flush=True)
        for part in range(1, 11):
            found: dict[str, Any] = asyncio.run(load(port, requests, n // 10, 64))
            print(
                f"  {part * n // 10:7d} requests  {resident_mib(pid):5.0f} MiB  "
                f"{found['rps']:6.0f} requests/s  failed {found['failed']}",
                flush=True,
            )


def main() -> None:
    """Compare, soak, or serve in the plain way."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, help="run folders or bundles")
    parser.add_argument("--clients", nargs="+", type=int, default=[1, 16, 64])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--runtime", default="torch", help="torch, onnx or onnx-int8, of ours")
    parser.add_argument("--soak", type=int, help="requests to watch the memory over")
    parser.add_argument("--plain", type=int, help="serve in the plain way at this port")
    arguments = parser.parse_args()
    for run in arguments.runs:
        if arguments.plain:
            plain_service(run, arguments.plain)
        elif arguments.soak:
            soak(run, arguments.soak, arguments.runtime)
        else:
            compare(run, arguments.clients, arguments.requests, arguments.runtime)


if __name__ == "__main__":
    main()
