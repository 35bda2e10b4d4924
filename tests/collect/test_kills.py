"""Killed at any moment, again and again, while 10,000 posts are served."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from collected import numbers_of, posts_of
from killing import kill_at_work
from local_servers import (
    START,
    JetstreamServer,
    MastodonServer,
    XrpcServer,
    XServer,
    post_event,
    status,
    tweet,
)
from tally import tally, trials

# Each round serves all posts from the first on.
ROUNDS = range(trials(1, 3))


def collect(arguments: list[str]) -> None:
    """Run in a process of its own."""
    from tagfinder.commands.collect import command

    os.environ["X_BEARER_TOKEN"] = "right"
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    command(arguments, standalone_mode=False)


def kill_again_and_again(
    processes: ForkServerContext,
    arguments: list[str],
    served: Callable[[], int],
    *,
    kills: int,
    most: int,
    seed: int,
) -> None:
    """Kill the command at random moments while it is being served; then let it end by itself.

    Args:
        processes: where it runs.
        arguments: of the command.
        served: how much the server has handed out.
        kills: how often.
        most: how much it is handed at most before it is killed.
        seed: of the moments.
    """
    chance, counts = (
        random.Random(f"{arguments[0]} {seed}"),
        tally(f"kills of collect {arguments[0]}"),
    )
    for number in range(kills):
        enough = served() + chance.randint(1, most)
        process = processes.Process(target=collect, args=(arguments,))
        kill_at_work(process, lambda enough=enough: served() >= enough, chance, number + 1)
        counts.count("survived")
    process = processes.Process(target=collect, args=(arguments,))
    process.start()
    process.join(60)
    assert process.exitcode == 0


def assert_each_is_there_once(folder: Path, count: int) -> None:
    assert numbers_of(folder) == list(range(count))
    assert posts_of(folder)["id"].n_unique() == count
    assert not [path for path in (folder / "parts").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("seed", ROUNDS)
def test_x_killed_twenty_times_gives_each_of_10_000_posts_once(
    processes: ForkServerContext, tmp_path: Path, seed: int
) -> None:
    newest = datetime.now(UTC) - timedelta(hours=1)
    tweets = [tweet(n, newest - timedelta(seconds=15 * n)) for n in range(10_000)]
    with XServer({"q": tweets}) as server:
        server.pause = 0.02
        arguments = ["x", "--query", "q", "--address", server.address]
        arguments += ["--folder", str(tmp_path), "--commit-every", "0.05"]
        kill_again_and_again(
            processes, arguments, lambda: len(server.asked), kills=20, most=3, seed=seed
        )
    assert_each_is_there_once(tmp_path, 10_000)


@pytest.mark.parametrize("seed", ROUNDS)
def test_jetstream_killed_twenty_times_gives_each_of_10_000_posts_once(
    processes: ForkServerContext, tmp_path: Path, seed: int
) -> None:
    events = [post_event(number) for number in range(10_000)]
    end = START + timedelta(seconds=9_999)
    with JetstreamServer(events) as server, XrpcServer() as profiles:
        server.pause = 0.0005
        arguments = ["bluesky", "--jetstream", server.address, "--folder", str(tmp_path)]
        arguments += ["--profiles-address", profiles.address, "--commit-every", "0"]
        arguments += ["--until", f"{end:%Y-%m-%dT%H:%M:%S}"]
        kill_again_and_again(
            processes, arguments, lambda: server.sent, kills=20, most=300, seed=seed
        )
    assert_each_is_there_once(tmp_path, 10_000)


@pytest.mark.parametrize("seed", ROUNDS)
def test_mastodon_killed_ten_times_gives_each_of_1_000_posts_once(
    processes: ForkServerContext, tmp_path: Path, seed: int
) -> None:
    with MastodonServer([status(number) for number in reversed(range(1_000))]) as server:
        server.pause = 0.01
        arguments = ["mastodon", "--instance", server.address, "--folder", str(tmp_path)]
        arguments += ["--commit-every", "0"]
        kill_again_and_again(
            processes, arguments, lambda: len(server.asked), kills=10, most=3, seed=seed
        )
    assert_each_is_there_once(tmp_path, 1_000)
