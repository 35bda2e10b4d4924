"""Latency of a suggestion while many people type, against one person who types.

    python experiments/benchmarks/typists.py RUN [--typists 1 16 32 64] [--seconds 20]

Each typist sends four questions a second, as the composer does of a fast one, with a test post of
the run's corpus that grows by a few characters. A question that is not answered when the next one
is due is given up: its connection is closed, as a browser does. Service and typists share this
machine; nothing outside it is asked. For each number of typists the table shows queries a second,
the median and 99th percentile of the latency, the share of queries that were given up, the
service's processor time for each answered query, and the ratio of its p99 to that of one typist. A
query that was given up counts as slower than all answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import numpy as np
from serving import free_port, running

from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.files import read_json

# Seconds between two questions of a typist.
INTERVAL = 0.25
CHARACTERS_A_QUESTION = 3
POSTS = 2000
WARM_UP_SECONDS = 5.0


@dataclass
class Answers:
    """What became of the questions."""

    seconds: list[float] = field(default_factory=list)
    given_up: int = 0
    failed: int = 0

    @property
    def n(self) -> int:
        """How many questions were asked."""
        return len(self.seconds) + self.given_up + self.failed

    def percentile(self, share: float) -> float:
        """Return a latency in milliseconds; infinite where it falls on questions given up."""
        all_of_them = np.array([*self.seconds, *[np.inf] * self.given_up])
        return float(np.percentile(all_of_them, share, method="higher")) * 1000


def posts_of(run: Path) -> list[str]:
    """Return posts of the test part of a run's corpus."""
    corpus = PreparedCorpus(Path(read_json(RunFolder(run).run_file)["corpus"]["folder"]))
    return corpus.part("test", ["text"])["text"].head(POSTS).to_list()


def typed(posts: Iterator[str]) -> Iterator[str]:
    """Return the content of a text field at each question, post after post."""
    for post in posts:
        for end in range(CHARACTERS_A_QUESTION, len(post) + 1, CHARACTERS_A_QUESTION):
            yield post[:end]


def question(text: str) -> bytes:
    """Return what the composer sends."""
    body = json.dumps({"text": text, "k": 5, "threshold": 0.005}).encode()
    head = (
        "POST /suggest HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def typist(
    port: int, texts: Iterator[str], first: float, end: float, answers: Answers
) -> None:
    """Ask from one moment of the loop's clock to another."""
    loop = asyncio.get_running_loop()
    connection = None
    due = first
    while due < end:
        await asyncio.sleep(due - loop.time())
        started = time.perf_counter()
        try:
            async with asyncio.timeout_at(due + INTERVAL):
                if connection is None:
                    connection = await asyncio.open_connection("127.0.0.1", port)
                reader, writer = connection
                writer.write(question(next(texts)))
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
            if head.startswith(b"HTTP/1.1 200"):
                answers.seconds.append(time.perf_counter() - started)
            else:
                answers.failed += 1
        except TimeoutError:
            answers.given_up += 1
            if connection is not None:
                connection[1].close()
            connection = None
        due += INTERVAL
    if connection is not None:
        connection[1].close()


async def type_together(port: int, posts: list[str], typists: int, seconds: float) -> Answers:
    """Let some people type at once, their questions spread evenly over the interval."""
    answers = Answers()
    start = asyncio.get_running_loop().time() + INTERVAL
    share = len(posts) // typists
    await asyncio.gather(
        *(
            typist(
                port,
                typed(cycle(posts[i * share : (i + 1) * share])),
                start + i * INTERVAL / typists,
                start + seconds,
                answers,
            )
            for i in range(typists)
        )
    )
    return answers


def processor_seconds(pid: int) -> float:
    """Return how long a process has computed (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = int(fields[11]), int(fields[12])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print a line for each number of typists."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path, help="a run's folder")
    parser.add_argument("--typists", nargs="+", type=int, default=[1, 16, 32, 64])
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    posts = posts_of(arguments.run)
    port = free_port()
    serve = [sys.executable, "-m", "tagfinder", "serve", str(arguments.run), "--port", str(port)]
    alone = None
    with running(serve, port) as pid:
        asyncio.run(type_together(port, posts, 4, WARM_UP_SECONDS))
        for typists in arguments.typists:
            before = processor_seconds(pid)
            found = asyncio.run(type_together(port, posts, typists, arguments.seconds))
            computed = 1000 * (processor_seconds(pid) - before) / max(1, len(found.seconds))
            p50, p99 = found.percentile(50), found.percentile(99)
            alone = alone or p99
            print(
                f"{typists:3d} typists  {found.n / arguments.seconds:5.0f} questions/s   "
                f"p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   given up {found.given_up / found.n:5.1%}"
                f"   failed {found.failed}   processor {computed:.1f} ms   "
                f"p99 to one typist's {p99 / alone:.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
