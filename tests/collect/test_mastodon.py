from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from collected import numbers_of, posts_of, summary_of
from local_servers import START, MastodonServer, Reply, snowflake, status

from tagfinder.collect.mastodon import access_tokens, timelines
from tagfinder.collect.statuses import opted_out
from tagfinder.collect.timeline_cursor import Unread
from tagfinder.errors import InputError, WorkError

Collect = Callable[..., Result]
COUNT = 120


@pytest.fixture
def server() -> Iterator[MastodonServer]:
    with MastodonServer([status(number) for number in reversed(range(COUNT))]) as server:
        yield server


@pytest.fixture
def run(collect: Collect, server: MastodonServer, tmp_path: Path) -> Collect:
    def run(*arguments: Any) -> Result:
        return collect(
            "mastodon", "--folder", tmp_path / "posts", "--instance", server.address, *arguments
        )

    return run


def pages(server: MastodonServer) -> list[Any]:
    return [asked for asked in server.asked if asked.path.startswith("/api/v1/timelines/")]


def test_a_timeline_is_read_back_to_its_beginning(run: Collect, tmp_path: Path) -> None:
    assert summary_of(run())["new"] == COUNT
    assert numbers_of(tmp_path / "posts") == list(range(COUNT))
    row = posts_of(tmp_path / "posts").row(5, named=True)
    assert row["text"] == "post 5 #Tag5"
    assert row["hashtags"] == ["Tag5"], "as its author spelled it, not as the server tells it"
    assert row["created_at"] == START + timedelta(seconds=5)
    assert (row["lang"], row["network"]) == ("en", "mastodon")


def test_the_next_visit_reads_only_new_posts(
    run: Collect, server: MastodonServer, tmp_path: Path
) -> None:
    run()
    before = len(pages(server))
    later = [status(n, START + timedelta(hours=2, seconds=n)) for n in reversed(range(120, 170))]
    server.statuses = [*later, *server.statuses]
    assert summary_of(run())["new"] == 50
    assert summary_of(run())["new"] == 0
    assert numbers_of(tmp_path / "posts") == list(range(170))
    # Fifty posts and the quarter of an hour before the first visit, then the fifty once more, each
    # time in pages of forty with an empty one at the end.
    assert len(pages(server)) - before == 6 + 3


def test_late_posts_of_other_servers_are_still_found(run: Collect, server: MastodonServer) -> None:
    run()
    server.statuses.insert(20, status(1000, START + timedelta(seconds=99, milliseconds=500)))
    assert summary_of(run())["new"] == 1


def test_a_visit_that_was_cut_short_leaves_no_gap(
    run: Collect, server: MastodonServer, tmp_path: Path
) -> None:
    assert summary_of(run("--max-posts", 50))["new"] == 50
    later = [status(n, START + timedelta(hours=2, seconds=n)) for n in reversed(range(120, 200))]
    server.statuses = [*later, *server.statuses]
    assert summary_of(run("--max-posts", 60))["new"] == 60
    assert summary_of(run())["new"] == 90
    assert numbers_of(tmp_path / "posts") == list(range(200))


def test_reading_ends_at_since_and_an_earlier_since_continues_from_there(
    run: Collect, server: MastodonServer, tmp_path: Path
) -> None:
    since = START + timedelta(seconds=70)
    assert summary_of(run("--since", f"{since:%Y-%m-%dT%H:%M:%S}"))["new"] == 50
    assert len(pages(server)) == 2
    assert summary_of(run())["new"] == 70
    assert numbers_of(tmp_path / "posts") == list(range(COUNT))


def test_reading_until_a_past_moment_jumps_there(
    run: Collect, server: MastodonServer, tmp_path: Path
) -> None:
    until = START + timedelta(seconds=30)
    assert summary_of(run("--until", f"{until:%Y-%m-%dT%H:%M:%S}"))["new"] == 30
    assert numbers_of(tmp_path / "posts") == list(range(30))
    assert len(pages(server)) == 3, "one page to learn how ids look, one with posts, an empty one"


def test_hashtag_timelines_are_read_on_several_servers_and_posts_stored_once(
    collect: Collect, server: MastodonServer, tmp_path: Path
) -> None:
    # The second server knows the same posts under ids of its own.
    moved = [s | {"id": str(int(s["id"]) + 7)} for s in server.statuses]
    with MastodonServer(moved) as other:
        arguments = ["mastodon", "--folder", tmp_path, "--instance", server.address]
        arguments += ["--instance", other.address, "--hashtag", "#Tag1", "--hashtag", "Tag2"]
        summary = summary_of(collect(*arguments))
    wanted = [number for number in range(COUNT) if number % 7 in (1, 2)]
    assert numbers_of(tmp_path) == wanted
    assert (summary["new"], summary["already_held"]) == (len(wanted), len(wanted))


def test_faults_in_the_middle_of_pages_lose_nothing(
    run: Collect, server: MastodonServer, tmp_path: Path
) -> None:
    reset = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    server.faults.extend(
        [
            Reply(status=502),
            Reply([status(9000)] * 40, cut=True),
            Reply({"error": "Throttled"}, 429, {"X-RateLimit-Reset": reset}),
            Reply({"error": "Throttled"}, 429, {"Retry-After": "0"}),
        ]
    )
    assert summary_of(run())["new"] == COUNT
    assert numbers_of(tmp_path / "posts") == list(range(COUNT))


def test_unwanted_posts_are_left_out_and_counted(run: Collect, server: MastodonServer) -> None:
    account = server.statuses[0]["account"]
    server.statuses = [
        status(1),
        status(2, reblog=status(1), content=""),
        status(3, visibility="unlisted"),
        status(4, account=account | {"indexable": False}),
        status(5, account=account | {"noindex": True}),
        status(6, account=account | {"note": "<p>painter. #<span>nobot</span></p>"}),
        status(7, language="de"),
        status(8, tags=[]),
        status(9, content="<p></p>"),
    ]
    server.statuses.reverse()
    assert summary_of(run("--lang", "en"))["left_out"] == {
        "repost": 1,
        "not public": 1,
        "author asks not to be indexed": 3,
        "other language": 1,
        "too few hashtags": 1,
        "no text": 1,
    }


def test_opted_out_authors_are_taken_only_when_asked_for(
    run: Collect, server: MastodonServer
) -> None:
    account = server.statuses[0]["account"] | {"indexable": False}
    server.statuses = [status(number, account=account) for number in (2, 1, 0)]
    assert summary_of(run("--include-opted-out"))["new"] == 3


def test_malformed_posts_are_counted_and_cost_only_themselves(
    run: Collect, server: MastodonServer
) -> None:
    good = status(10)
    bad = [None, "text", {}, status(3) | {"account": None}, status(4) | {"content": None}]
    bad += [status(5) | {"created_at": "once"}, status(6) | {"tags": [None]}, {"id": "1"}]
    server.statuses = [good, *bad]
    summary = summary_of(run())
    assert summary["new"] == 1
    assert summary["left_out"] == {"malformed": 8}


def test_a_server_that_wants_a_login_is_named_with_the_variable(
    run: Collect, server: MastodonServer
) -> None:
    for code in (401, 422):
        server.faults.append(Reply({"error": "This method requires an authenticated user"}, code))
        result = run()
        assert isinstance(result.exception, InputError)
        assert "requires an authenticated user" in str(result.exception)
        assert "MASTODON_ACCESS_TOKEN" in str(result.exception)


def test_the_token_is_sent_to_its_server(
    run: Collect, server: MastodonServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASTODON_ACCESS_TOKEN", "secret")
    run("--max-posts", 1)
    assert pages(server)[0].headers["authorization"] == "Bearer secret"


def test_the_token_of_one_server_is_not_shown_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTODON_ACCESS_TOKEN", "secret")
    with pytest.raises(InputError, match="MASTODON_ACCESS_TOKEN_A_EXAMPLE"):
        access_tokens(["b.example", "a.example"])
    monkeypatch.delenv("MASTODON_ACCESS_TOKEN")
    monkeypatch.setenv("MASTODON_ACCESS_TOKEN_A_EXAMPLE", "for a")
    assert access_tokens(["b.example", "a.example"]) == {"a.example": "for a"}


def test_a_server_that_pages_in_circles_is_not_asked_for_ever(
    run: Collect, server: MastodonServer
) -> None:
    server.answer = lambda asked: Reply([status(1)])  # type: ignore[method-assign]
    result = run()
    assert isinstance(result.exception, WorkError)
    assert "does not page" in str(result.exception)


@pytest.mark.parametrize("name", ["", "ftp://a.example", "https://"])
def test_an_invalid_instance_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="--instance"):
        timelines([name], [], local=False)


def test_authors_are_believed_to_agree_where_a_server_has_no_such_setting() -> None:
    assert not opted_out({"note": "I like robots and indexes"})
    assert opted_out({"indexable": False})


def test_unread_spans_survive_storing() -> None:
    unread = Unread(None)
    unread.begin()
    span = unread.next(None)
    assert span is not None
    unread.read(span, str(snowflake(START)), "5", START)
    again = Unread(unread.as_state())
    assert again.as_state() == unread.as_state()
    assert again.next(START + timedelta(days=1)) is None, "nothing in it is that new"
    assert again.next(START - timedelta(days=1)) is not None


# Streaming


class Listening:
    """A `collect mastodon --stream` in the background that ends by --max-posts or --until."""

    def __init__(self, run: Collect, server: MastodonServer, *arguments: Any) -> None:
        self.results: list[Result] = []
        listeners = len(server.connections) + 1
        self._thread = threading.Thread(
            target=lambda: self.results.append(run(*arguments)), daemon=True
        )
        self._thread.start()
        server.wait_for_listeners(listeners)

    def end(self) -> dict[str, Any]:
        self._thread.join(20)
        assert not self._thread.is_alive()
        return summary_of(self.results[0])


@pytest.fixture
def follow(
    run: Collect, server: MastodonServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Listening]:
    # Signals belong to the main thread, where no test runs its command.
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def follow(*arguments: Any) -> Listening:
        return Listening(run, server, "--stream", "--commit-every", 0, *arguments)

    return follow


def wait_for(folder: Path, numbers: list[int]) -> None:
    end = time.monotonic() + 10
    found: list[int] = []
    while time.monotonic() < end:
        # A part may go between being listed and being read.
        with suppress(FileNotFoundError):
            found = numbers_of(folder) if any((folder / "parts").glob("*.parquet")) else []
        if found == numbers:
            return
        time.sleep(0.02)
    raise AssertionError(f"{found} instead of {numbers}")


def test_a_stream_brings_posts_edits_and_deletions(
    follow: Callable[..., Listening], server: MastodonServer, tmp_path: Path
) -> None:
    server.statuses = []
    listening = follow("--max-posts", 4)
    for number in range(3):
        server.send("update", status(number))
    wait_for(tmp_path / "posts", [0, 1, 2])
    server.send("delete", status(0)["id"])
    server.send("status.update", status(1, content="<p>post 100 #Tag1</p>"))
    server.send("announcement", {"id": "1"})
    wait_for(tmp_path / "posts", [2, 100])
    server.send("update", status(0))
    server.send("update", status(3))
    summary = listening.end()
    assert (summary["new"], summary["removed"]) == (4, 1)
    assert numbers_of(tmp_path / "posts") == [2, 3, 100]


def test_posts_of_the_time_without_a_connection_are_fetched_afterwards(
    follow: Callable[..., Listening], server: MastodonServer, tmp_path: Path
) -> None:
    server.statuses = []
    listening = follow("--max-posts", 60)
    server.send("update", status(0))
    wait_for(tmp_path / "posts", [0])
    server.statuses = [status(number) for number in reversed(range(59))]
    server.hang_up()
    wait_for(tmp_path / "posts", list(range(59)))
    server.wait_for_listeners(1)
    server.send("update", status(59))
    assert listening.end()["new"] == 60


def test_an_event_that_cannot_be_read_costs_a_connection_and_no_posts(
    follow: Callable[..., Listening], server: MastodonServer, tmp_path: Path
) -> None:
    server.statuses = []
    listening = follow("--max-posts", 3)
    server.send("update", status(0))
    wait_for(tmp_path / "posts", [0])
    server.statuses = [status(1), status(0)]
    connections = server.connections
    server.connections = []
    for connection in connections:
        connection.append(("update", "{broken"))
    server.wait_for_listeners(1)
    server.send("update", status(2))
    summary = listening.end()
    assert summary["new"] == 3
    assert summary["left_out"] == {"malformed": 1}


def test_following_ends_at_until(follow: Callable[..., Listening], server: MastodonServer) -> None:
    until = datetime.now(UTC) + timedelta(seconds=2)
    listening = follow("--until", f"{until:%Y-%m-%dT%H:%M:%S}")
    assert listening.end()["new"] == 0


def test_a_stream_that_is_refused_ends_in_one_sentence(
    run: Collect, server: MastodonServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handler: Any, asked: Any) -> None:
        server._send(handler, Reply({"error": "Missing access token"}, 401))

    monkeypatch.setattr(server, "_stream", refuse)
    result = run("--stream")
    assert isinstance(result.exception, InputError)
    assert "refused with 401 (Missing access token): set MASTODON_ACCESS_TOKEN" in str(
        result.exception
    )
