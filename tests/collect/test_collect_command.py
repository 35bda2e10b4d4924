from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import Result
from collected import numbers_of, posts_of, summary_of
from local_servers import START, JetstreamServer, MastodonServer, did, post_event, status

from tagfinder.collect.collection import Collection
from tagfinder.collect.jetstream import make_source
from tagfinder.collect.post import Batch, Wanted
from tagfinder.collect.retry import Patience
from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.sources.files import FileSource
from tagfinder.errors import InputError

Collect = Callable[..., Result]
COLLECT = "from tagfinder.commands.collect import command; command(prog_name='collect')"


@pytest.fixture
def stream(tmp_path: Path, collect: Collect) -> Callable[..., dict[str, Any]]:
    """Collect made-up posts from a Jetstream server."""

    def stream(*arguments: Any, count: int = 60) -> dict[str, Any]:
        end = START + timedelta(seconds=count - 1)
        with JetstreamServer([post_event(number) for number in range(count)]) as server:
            where = ("--folder", tmp_path / "posts", "--jetstream", server.address)
            until = ("--until", f"{end:%Y-%m-%dT%H:%M:%S}", "--include-opted-out")
            return summary_of(collect("bluesky", *where, *until, *arguments))

    return stream


def test_prepare_reads_what_collect_writes(
    stream: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    stream()
    columns = {
        name: name for name in ("id", "created_at", "text", "hashtags", "entity_name", "lang")
    }
    source = FileSource(path=str(tmp_path / "posts"), columns=columns)
    rejects = Rejects()
    posts = pl.concat(source.batches(rejects))
    assert rejects.total == 0
    assert posts.height == 60
    assert sorted(posts["id"]) == sorted(posts_of(tmp_path / "posts")["id"])
    assert posts["created_at"].min() == START
    assert posts["hashtags"].to_list()[0] == ["Tag0"]


def test_purging_removes_posts_and_authors_for_good(
    stream: Callable[..., dict[str, Any]], collect: Collect, tmp_path: Path
) -> None:
    stream()
    ids, authors = tmp_path / "ids.txt", tmp_path / "authors.txt"
    uri = f"at://{did(1)}/app.bsky.feed.post/post1"
    ids.write_text(f"{uri}\n\n  {posts_of(tmp_path / 'posts')['id'][3]}\nnever-seen\n")
    authors.write_text(f"{did(5)}\n")
    arguments = ("purge", "--folder", tmp_path / "posts", "--ids", ids, "--authors", authors)
    assert summary_of(collect(*arguments)) == {"removed": 4, "posts": 56}
    assert summary_of(collect(*arguments)) == {"removed": 0, "posts": 56}
    stream("--authors", "hashed", count=70)
    assert not {1, 3} & set(numbers_of(tmp_path / "posts"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["purge"], "--ids FILE or --authors FILE"),
        (["purge", "--ids", __file__, "--folder", "nowhere"], "nowhere: no collection there"),
        (["x"], "either --entities FILE or --query TEXT"),
        (["x", "--query", "a", "--search", "all"], "--since is missing"),
        (["mastodon"], "--instance is missing"),
        (["bluesky", "--search", "a"], "--since is missing"),
        (["bluesky", "--search", "a", "--since", "2999-01-01"], "is not before --until"),
    ],
)
def test_a_wrong_request_is_one_sentence_and_exit_code_2(
    collect: Collect, arguments: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        error = collect(*arguments).exception
    assert isinstance(error, InputError)
    assert error.exit_code == 2
    assert message in str(error)
    assert "\n" not in str(error)


def test_a_package_that_is_not_installed_is_named_with_the_way_to_get_it(
    collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tweepy", None)
    monkeypatch.delitem(sys.modules, "tagfinder.collect.x", raising=False)
    error = collect("x", "--query", "a").exception
    assert isinstance(error, InputError)
    assert "tweepy is not installed; pip install 'tagfinder[collect]'" in str(error)


def test_ids_that_are_no_text_are_refused(collect: Collect, tmp_path: Path) -> None:
    (tmp_path / "posts" / ".collection").mkdir(parents=True)
    ids = tmp_path / "ids"
    ids.write_bytes(b"\xff\xfe\x00")
    error = collect("purge", "--folder", tmp_path / "posts", "--ids", ids).exception
    assert isinstance(error, InputError)
    assert "not a text file" in str(error)


def test_a_config_file_changes_the_settings_and_its_mistakes_are_named(
    collect: Collect, tmp_path: Path
) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("instances: [a.example, b.example]\nhashtags: [art]\n")
    result = collect("mastodon", "--config", config, "--dry-run")
    assert result.stdout.startswith(
        "mastodon a.example #art\nmastodon b.example #art\n2 timelines:"
    )
    config.write_text("instance: a.example\n")
    error = collect("mastodon", "--config", config, "--dry-run").exception
    assert isinstance(error, InputError)
    assert "no key 'instance'; there are instances, hashtags, local" in str(error)
    config.write_text("a: [")
    assert isinstance(collect("mastodon", "--config", config).exception, InputError)


def test_the_query_for_entities_can_be_another(collect: Collect, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("entity_id,entity_name,domains\n7,Seven,131\n")
    config = tmp_path / "mine.yaml"
    config.write_text('query: "\\"{entity_name}\\" has:hashtags"\ndomain: null\n')
    arguments = ("x", "--entities", tmp_path / "list.csv", "--config", config, "--dry-run")
    assert collect(*arguments).stdout.startswith('"Seven" has:hashtags\n1 queries on')
    config.write_text('query: "{name}"\ndomain: null\n')
    error = collect(*arguments).exception
    assert isinstance(error, InputError)
    assert "{entity_id} and {entity_name}" in str(error)


def test_the_progress_line_tells_posts_rate_hashtags_and_the_newest_time(
    tmp_path: Path, collect: Collect, capfd: pytest.CaptureFixture[str]
) -> None:
    with MastodonServer([status(number) for number in (9, 8, 7)]) as server:
        summary_of(collect("mastodon", "--folder", tmp_path / "m", "--instance", server.address))
        # The console of the package writes to the standard error that it found first.
        program = [sys.executable, "-c", COLLECT, "mastodon", "--instance", server.address]
        done = subprocess.run(
            [*program, "--folder", tmp_path / "n"], capture_output=True, text=True, check=True
        )
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("Mastodon: 3 posts, ")
    assert line.endswith("/s, 3 hashtags, newest 2026-11-20 08:00:09")
    assert json.loads(done.stdout)["new"] == 3


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stores_what_arrived_and_ends_the_run(
    tmp_path: Path, kind: signal.Signals
) -> None:
    with JetstreamServer([post_event(number) for number in range(50)]) as server:
        arguments = ["bluesky", "--jetstream", server.address, "--folder", str(tmp_path / "posts")]
        program = [sys.executable, "-c", COLLECT, *arguments, "--include-opted-out"]
        process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while server.sent < 50:
            assert time.monotonic() < end
            time.sleep(0.01)
        time.sleep(1.0)
        os.kill(process.pid, kind)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert json.loads(output)["new"] == 50
    assert numbers_of(tmp_path / "posts") == list(range(50))


def test_a_signal_at_the_end_of_a_wait_does_not_make_it_last_for_ever(tmp_path: Path) -> None:
    """A slow handler of a signal runs past the end of the wait that it interrupts."""
    received = 0

    def receive(*_: Any) -> None:
        nonlocal received
        received += 1
        time.sleep(0.003)

    def interrupt() -> None:
        while not ended.wait(0.004):
            signal.pthread_kill(main, signal.SIGUSR1)

    main, ended = threading.get_ident(), threading.Event()
    before = signal.signal(signal.SIGUSR1, receive)
    with JetstreamServer([]) as server, Collection(tmp_path / "posts") as collection:
        make = make_source([server.address], None, None, "http://127.0.0.1:1")
        batches = make(collection, Wanted(1, frozenset(), include_opted_out=True), Patience())
        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            quiet = list(islice(batches.batches(), 8))
        finally:
            ended.set()
            thread.join()
            signal.signal(signal.SIGUSR1, before)
    assert quiet == [Batch()] * 8
    assert received > 8
