"""How many events a second `collect bluesky` holds, and whether its memory stays flat.

A server on this machine replays made-up Jetstream events as fast as they are read: posts with and
without hashtags, deletions of recent posts, profile changes. The collector stores them in a
collection, once without and once with looking up the authors' profiles (at a server on this
machine too). The baselines, in the same run, are a bare loop that keeps nothing (websockets and
json.loads), and the few hundred events a second of the real stream. The peak of resident memory is
that of a process of its own, for the events once and four times as many.

    python experiments/benchmarks/collecting.py [--events 100000]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import struct
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

START = datetime(2026, 11, 20, tzinfo=UTC)
# "consistently producing hundreds of events per second": docs.bsky.app/blog/jetstream
REAL_EVENTS_A_SECOND = 500
RECENT = 20_000
WORDS = ["the", "a", "new", "day", "light", "over", "water", "again", "we", "look", "at", "how"]


def moment_of(number: int) -> datetime:
    """Return when an event happens: as often as in the real stream."""
    return START + timedelta(seconds=number / REAL_EVENTS_A_SECOND)


def make_event(number: int, chance: random.Random) -> dict[str, Any]:
    """Return an event as Jetstream sends it: 7 % deletions, 3 % profiles, the rest posts."""
    kind = chance.random()
    subject = number
    commit: dict[str, Any] = {"rev": "3lb", "operation": "create", "cid": "bafyreiexample"}
    if kind < 0.07:
        subject = chance.randrange(max(0, number - RECENT), number + 1)
        commit |= {"operation": "delete", "collection": "app.bsky.feed.post"}
    elif kind < 0.10:
        commit |= {"collection": "app.bsky.actor.profile", "record": {"displayName": "somebody"}}
    else:
        record = make_record(moment_of(number), chance)
        commit |= {"collection": "app.bsky.feed.post", "record": record}
    commit["rkey"] = f"3l{subject:011d}"
    author = f"did:plc:{subject * 7919 % 20_000:024d}"
    time_us = int(moment_of(number).timestamp() * 1e6)
    return {"did": author, "time_us": time_us, "kind": "commit", "commit": commit}


def make_record(moment: datetime, chance: random.Random) -> dict[str, Any]:
    """Return a post of 4 to 40 words; half of the posts have one to three hashtags."""
    count = chance.choice((0, 0, 1, 3))
    tags = [f"tag{int(chance.paretovariate(0.8)) % 50_000}" for _ in range(count)]
    features = [[{"$type": "app.bsky.richtext.facet#tag", "tag": tag}] for tag in tags]
    return {
        "$type": "app.bsky.feed.post",
        "text": " ".join(
            [*chance.choices(WORDS, k=chance.randint(4, 40)), *(f"#{tag}" for tag in tags)]
        ),
        "createdAt": moment.isoformat().replace("+00:00", "Z"),
        "langs": ["en"],
        "facets": [
            {"index": {"byteStart": 0, "byteEnd": 5}, "features": feature} for feature in features
        ],
    }


def write_frames(path: Path, count: int) -> None:
    """Write events as websocket frames, so that the server does nothing but send bytes."""
    chance = random.Random(0)
    with path.open("wb") as stream:
        for number in range(count):
            content = json.dumps(make_event(number, chance)).encode()
            length = len(content)
            head = struct.pack("!BB", 0x81, length) if length < 126 else b""
            stream.write(head or struct.pack("!BBH", 0x81, 126, length))
            stream.write(content)


def serve_frames(path: Path, address: Any) -> None:
    """Send the frames of a file to every client."""

    def talk(connection: ServerConnection) -> None:
        with path.open("rb") as stream:
            connection.socket.sendfile(stream)
        with suppress(ConnectionClosed):
            connection.recv()

    # Nothing but the frames may be sent, least of all in the middle of one.
    with serve(talk, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        address.send(f"ws://127.0.0.1:{server.socket.getsockname()[1]}")
        server.serve_forever()


def serve_profiles(address: Any) -> None:
    """Answer that no author opted out."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            actors = parse_qs(urlsplit(self.path).query)["actors"]
            profiles = [{"did": actor, "labels": []} for actor in actors]
            content = json.dumps({"profiles": profiles}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address.send(f"http://127.0.0.1:{server.server_port}")
    server.serve_forever()


def bare_loop(stream: str, count: int) -> dict[str, Any]:
    """Read and parse all events, keep nothing."""
    with connect(stream, close_timeout=1, ping_interval=None) as connection:
        for _ in range(count):
            json.loads(connection.recv())
    return {}


def collector(stream: str, count: int, profiles: str | None) -> dict[str, Any]:
    """Store all events in a collection, as `tagfinder collect bluesky` does."""
    from tagfinder.collect.jetstream import make_source
    from tagfinder.collect.run import Conditions, run

    done: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        conditions = Conditions(folder=Path(folder), include_opted_out=profiles is None)
        source = make_source([stream], None, moment_of(count - 1), profiles or "http://nowhere")
        run("benchmark", source, conditions, done.update)
    return done


def measured(work: Callable[[], dict[str, Any]], answer: Any) -> None:
    """Send what the work gives, its seconds, and the peak of resident memory in MiB."""
    started = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - started
    cpu = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer.send(result | {"seconds": seconds, "cpu": cpu, "peak": peak})


def in_process(target: Callable[..., None], *arguments: Any) -> tuple[Any, Any]:
    """Start a process of its own; return what it sends first, and the process."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=target, args=(*arguments, there), daemon=True)
    process.start()
    return here.recv(), process


def measure(work: Callable[[], dict[str, Any]], name: str, count: int) -> dict[str, Any]:
    """Run the work in a process of its own and print its line."""
    result, process = in_process(measured, work)
    process.join()
    rate = count / result["seconds"]
    kept = f"{result['posts']:,} posts" if "posts" in result else "nothing"
    spent = 1e6 * result["cpu"] / count
    print(f"| {name} | {count:,} | {rate:,.0f} | {spent:.0f} | {kept} | {result['peak']:,.0f} |")
    return result | {"rate": rate}


def main() -> None:
    """Run everything and print a table and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    count = parser.parse_args().events
    with tempfile.TemporaryDirectory() as folder:
        streams = {}
        for times in (1, 4):
            path = Path(folder) / f"frames-{times}"
            write_frames(path, times * count)
            streams[times] = in_process(serve_frames, path)[0]
        profiles = in_process(serve_profiles)[0]
        print("| | events | events/s | CPU us/event | keeps | peak MiB |\n" + "|---" * 6 + "|")
        bare = measure(partial(bare_loop, streams[1], count), "bare loop", count)
        once = measure(partial(collector, streams[1], count, None), "collector", count)
        asking = partial(collector, streams[1], count, profiles)
        looked_up = measure(asking, "collector, profiles looked up", count)
        more = measure(partial(collector, streams[4], 4 * count, None), "collector", 4 * count)
    for name, result in (("without", once), ("with", looked_up)):
        print(
            f"{name} profiles: {result['rate'] / bare['rate']:.2f} of the bare loop, "
            f"{result['rate'] / REAL_EVENTS_A_SECOND:.0f} times the real stream's "
            f"{REAL_EVENTS_A_SECOND} events/s"
        )
    print(f"memory: {more['peak'] - once['peak']:+,.0f} MiB for four times the events")


if __name__ == "__main__":
    main()
