from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from collected import numbers_of, posts_of, summary_of
from local_servers import (
    START,
    JetstreamServer,
    Reply,
    XrpcServer,
    did,
    event,
    post_event,
    profile_event,
    time_us,
)

from tagfinder.collect.jetstream import subscription_address
from tagfinder.collect.records import post_of
from tagfinder.errors import InputError, WorkError

Collect = Callable[..., Result]
HIDDEN = "!no-unauthenticated"
OPTED_OUT = "author asks not to be indexed"


@pytest.fixture
def profiles() -> Iterator[XrpcServer]:
    with XrpcServer() as server:
        yield server


@pytest.fixture
def stream() -> Iterator[JetstreamServer]:
    with JetstreamServer([post_event(number) for number in range(300)]) as server:
        yield server


@pytest.fixture
def run(collect: Collect, stream: JetstreamServer, profiles: XrpcServer, tmp_path: Path) -> Collect:
    def run(*arguments: Any) -> Result:
        servers = ("--jetstream", stream.address, "--profiles-address", profiles.address)
        return collect("bluesky", "--folder", tmp_path / "posts", *servers, *arguments)

    return run


def until(number: int) -> tuple[str, str]:
    """Options that end the stream at the event of a number."""
    return "--until", f"{START + timedelta(seconds=number):%Y-%m-%dT%H:%M:%S}"


def test_the_stream_is_stored_up_to_its_end(run: Collect, tmp_path: Path) -> None:
    assert summary_of(run(*until(299)))["new"] == 300
    assert numbers_of(tmp_path / "posts") == list(range(300))
    row = posts_of(tmp_path / "posts").row(5, named=True)
    assert row["text"] == "post 5 #Tag5"
    assert row["hashtags"] == ["Tag5"]
    assert row["created_at"] == START + timedelta(seconds=5)
    assert (row["lang"], row["network"]) == ("en", "bluesky")


def test_only_posts_and_profiles_are_subscribed_to(run: Collect, stream: JetstreamServer) -> None:
    run(*until(10))
    assert stream.paths == [
        "/subscribe?wantedCollections=app.bsky.feed.post&wantedCollections=app.bsky.actor.profile"
    ]


def test_listening_again_begins_a_little_before_the_last_event(
    run: Collect, stream: JetstreamServer, tmp_path: Path
) -> None:
    run(*until(100))
    summary = summary_of(run(*until(200)))
    assert f"cursor={time_us(100) - 5_000_000}" in stream.paths[1]
    assert (summary["new"], summary["already_held"]) == (100, 6)
    assert numbers_of(tmp_path / "posts") == list(range(201))


def test_a_first_visit_can_begin_in_the_past(
    run: Collect, stream: JetstreamServer, tmp_path: Path
) -> None:
    since = START + timedelta(seconds=55)
    run("--since", f"{since:%Y-%m-%dT%H:%M:%S}", *until(60))
    assert numbers_of(tmp_path / "posts") == list(range(50, 61))


def test_a_gap_that_the_server_cannot_fill_is_reported(
    run: Collect, stream: JetstreamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("tagfinder.collect.jetstream.say", said.append)
    run(*until(100))
    assert not said
    stream.events = [post_event(number) for number in range(5000, 5010)]
    run(*until(5009))
    assert len(said) == 1
    assert "begins 1:21:40 after the last event" in said[0]


def test_connections_that_break_lose_nothing(
    run: Collect, stream: JetstreamServer, tmp_path: Path
) -> None:
    stream.drop_after.extend([40, 0, 70, 3, 100])
    assert summary_of(run(*until(299)))["new"] == 300
    assert numbers_of(tmp_path / "posts") == list(range(300))
    assert len(stream.paths) == 6


def test_another_server_is_tried_when_one_is_away(
    run: Collect, stream: JetstreamServer, collect: Collect, tmp_path: Path
) -> None:
    servers = ("--jetstream", "ws://127.0.0.1:9", "--jetstream", stream.address)
    arguments = ("bluesky", "--folder", tmp_path / "posts", "--include-opted-out", *servers)
    assert summary_of(collect(*arguments, *until(299)))["new"] == 300


def test_no_server_at_all_ends_in_one_sentence(collect: Collect, tmp_path: Path) -> None:
    servers = ("--jetstream", "ws://127.0.0.1:9", "--retries", 2)
    result = collect("bluesky", "--folder", tmp_path, *servers)
    assert isinstance(result.exception, WorkError)
    assert "127.0.0.1:9: the connection broke" in str(result.exception)
    assert "3 times in a row" in str(result.exception)


def test_deletions_edits_and_accounts_that_are_gone_are_applied(
    run: Collect, stream: JetstreamServer, tmp_path: Path
) -> None:
    gone = {"active": False, "status": "deleted", "did": did(2), "seq": 1}
    busy = {"active": False, "status": "throttled", "did": did(3), "seq": 2}
    stream.events[200:] = [
        post_event(0, "delete") | {"time_us": time_us(201)},
        post_event(1, "update", text="post 1000 #Tag1") | {"time_us": time_us(202)},
        event(2, "account", gone) | {"time_us": time_us(203)},
        event(3, "account", busy) | {"time_us": time_us(204)},
        post_event(300),
    ]
    run(*until(150))
    summary = summary_of(run(*until(300)))
    left = set(range(200)) - {0, 1} - {2, 52, 102, 152}
    assert numbers_of(tmp_path / "posts") == sorted(left | {1000, 300})
    # Posts 0, 2, 52 and 102 were held; post 152 came and went in the second run.
    assert summary["removed"] == 4


def test_authors_who_ask_for_it_are_left_out_at_one_request_for_25_of_them(
    run: Collect, profiles: XrpcServer, tmp_path: Path
) -> None:
    profiles.labels = {did(7): HIDDEN, did(8): "!warn"}
    profiles.gone = {did(9)}
    summary = summary_of(run(*until(299)))
    assert summary["left_out"] == {
        "author asks not to be indexed": 6,
        "author's account is gone": 6,
    }
    assert not {7, 9, 57, 59} & set(numbers_of(tmp_path / "posts"))
    assert 8 in numbers_of(tmp_path / "posts")
    assert len(profiles.asked) == 2, "fifty authors"


def test_profiles_of_known_authors_are_not_requested_again(
    run: Collect, profiles: XrpcServer
) -> None:
    run(*until(150))
    asked = len(profiles.asked)
    run(*until(299))
    assert len(profiles.asked) == asked


def test_an_author_who_asks_for_it_later_is_removed_and_left_out(
    run: Collect, stream: JetstreamServer, tmp_path: Path
) -> None:
    run(*until(150))
    stream.events.insert(160, profile_event(3, HIDDEN) | {"time_us": time_us(159)})
    summary = summary_of(run(*until(299)))
    assert not {3, 53, 103, 153, 203, 253} & set(numbers_of(tmp_path / "posts"))
    assert summary["removed"] == 3


def test_profiles_are_not_looked_up_if_all_authors_are_taken(
    run: Collect, profiles: XrpcServer
) -> None:
    profiles.labels = {did(7): HIDDEN}
    assert summary_of(run("--include-opted-out", *until(299)))["new"] == 300
    assert not profiles.asked


def test_without_an_answer_about_profiles_nothing_is_stored(
    run: Collect, profiles: XrpcServer, tmp_path: Path
) -> None:
    profiles.faults.extend([Reply(status=500)] * 3)
    result = run("--retries", 2, *until(299))
    assert isinstance(result.exception, WorkError)
    assert not list((tmp_path / "posts" / "parts").iterdir())
    assert summary_of(run(*until(299)))["new"] == 300


def test_malformed_events_are_counted_and_cost_only_themselves(
    run: Collect, stream: JetstreamServer
) -> None:
    broken = post_event(20)
    broken["commit"]["record"] = {"text": None}
    nameless = post_event(21)
    del nameless["commit"]["rkey"]
    stream.events[10:10] = ["{", "[]", "null", '{"did": 1}', broken, nameless, b"\xff"]
    summary = summary_of(run(*until(299)))
    assert summary["new"] == 300
    assert summary["left_out"] == {"malformed": 7}


def test_the_hashtags_of_a_record_are_its_marked_ones_and_those_beside_the_text() -> None:
    record = post_event(1, tags=["Extra", "", 5])["commit"]["record"]
    record["facets"].append({"features": [{"$type": "app.bsky.richtext.facet#mention"}, None]})
    record["facets"].append(None)
    post = post_of("at://did:plc:a/app.bsky.feed.post/1", record, datetime.now(UTC), frozenset())
    assert not isinstance(post, str)
    assert post.hashtags == ["Tag1", "Extra"]


@pytest.mark.parametrize(
    ("claimed", "stored"),
    [
        ("2012-05-01T10:00:00.123456789Z", datetime(2012, 5, 1, 10, 0, 0, 123456, UTC)),
        ("2026-11-20T09:00:00+02:00", datetime(2026, 11, 20, 7, tzinfo=UTC)),
        ("2099-01-01T00:00:00Z", START),
        ("0001-01-01T00:00:00+14:00", START),
        ("yesterday", START),
        (None, START),
    ],
)
def test_dates_that_cannot_be_true_become_the_time_when_the_post_was_seen(
    claimed: str | None, stored: datetime
) -> None:
    record = {"text": "a", "createdAt": claimed}
    post = post_of("at://did:plc:a/app.bsky.feed.post/1", record, START, frozenset())
    assert not isinstance(post, str)
    assert post.created_at == stored


def test_a_post_in_several_languages_has_the_wanted_one() -> None:
    record = {"text": "a", "langs": ["de-AT", "en"]}
    for wanted, told in ((frozenset({"en"}), "en"), (frozenset(), "de")):
        post = post_of("at://did:plc:a/app.bsky.feed.post/1", record, START, wanted)
        assert not isinstance(post, str)
        assert post.lang == told


def test_jetstream_servers_can_be_named_in_short() -> None:
    assert subscription_address("jet.example") == "wss://jet.example/subscribe"
    assert subscription_address("ws://jet.example/x/") == "ws://jet.example/x"
    with pytest.raises(InputError, match="--jetstream https"):
        subscription_address("https://jet.example")


def test_a_dry_run_tells_the_addresses_and_asks_nothing(
    run: Collect, stream: JetstreamServer, tmp_path: Path
) -> None:
    result = run("--dry-run")
    assert result.stdout.splitlines()[0] == f"{stream.address}/subscribe"
    assert "each 25 authors" in result.stdout
    assert not stream.paths
    assert not (tmp_path / "posts").exists()


# Search


def view(number: int, **more: Any) -> dict[str, Any]:
    record = post_event(number)["commit"]["record"]
    return {
        "uri": f"at://{did(number)}/app.bsky.feed.post/post{number}",
        "cid": "bafy",
        "author": {"did": did(number), "handle": "x", "labels": []},
        "record": record,
        "indexedAt": record["createdAt"],
    } | more


@pytest.fixture
def search(
    collect: Collect, profiles: XrpcServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Collect:
    monkeypatch.setenv("BLUESKY_HANDLE", "me.example")
    monkeypatch.setenv("BLUESKY_APP_PASSWORD", "abcd")
    profiles.password = "abcd"
    profiles.views = [view(number) for number in reversed(range(250))]

    def run(*arguments: Any) -> Result:
        span = ("--since", "2026-11-19", "--until", "2026-11-21", "--search", "#tag")
        where = ("--folder", tmp_path / "posts", "--search-address", profiles.address)
        return collect("bluesky", *where, *span, *arguments)

    return run


def test_a_search_finds_all_pages_of_each_day(
    search: Collect, profiles: XrpcServer, tmp_path: Path
) -> None:
    assert summary_of(search())["new"] == 250
    assert numbers_of(tmp_path / "posts") == list(range(250))
    assert [asked.one("cursor") for asked in profiles.asked[1:]] == [None, None, "100", "200"]
    assert summary_of(search())["new"] == 0


def test_a_search_and_the_stream_store_a_post_once(
    search: Collect, stream: JetstreamServer, run: Collect
) -> None:
    search()
    summary = summary_of(run("--include-opted-out", *until(299)))
    assert (summary["new"], summary["already_held"]) == (50, 250)


def test_an_expired_session_is_renewed(search: Collect, profiles: XrpcServer) -> None:
    answer = profiles.answer

    def expire(asked: Any) -> Reply | None:
        if asked.one("cursor") == "100" and profiles.token == "token-1":
            profiles.token = "token-2"
        return answer(asked)

    profiles.answer = expire  # type: ignore[method-assign]
    assert summary_of(search())["new"] == 250


def test_search_results_tell_whose_posts_are_left_out(
    search: Collect, profiles: XrpcServer
) -> None:
    hidden = {"did": did(1), "handle": "x", "labels": [{"val": HIDDEN}]}
    profiles.views = [
        view(3),
        view(2),
        view(1, author=hidden),
        {"uri": 5, "indexedAt": view(0)["indexedAt"]},
    ]
    summary = summary_of(search())
    assert summary["new"] == 2
    assert summary["left_out"] == {OPTED_OUT: 1, "malformed": 1}


def test_a_search_without_an_account_names_the_variables(
    search: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BLUESKY_APP_PASSWORD")
    result = search()
    assert isinstance(result.exception, InputError)
    assert "Authentication Required" in str(result.exception)
    assert "BLUESKY_APP_PASSWORD" in str(result.exception)


def test_a_wrong_password_ends_in_one_sentence(
    search: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLUESKY_APP_PASSWORD", "wrong")
    with pytest.raises(InputError, match="Invalid identifier or password"):
        raise search().exception or AssertionError


def test_the_output_is_one_json_object(run: Collect) -> None:
    lines = run(*until(50)).stdout.splitlines()
    assert len(lines) == 1
    assert set(json.loads(lines[0])) == {
        "new",
        "already_held",
        "removed",
        "left_out",
        "posts",
        "folder",
    }
