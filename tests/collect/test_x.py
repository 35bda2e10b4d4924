from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from collected import numbers_of, posts_of, summary_of
from local_servers import Reply, XServer, tweet

from tagfinder.collect.entities import read_entities
from tagfinder.collect.x import Query, plan, post_of
from tagfinder.errors import InputError, WorkError

Collect = Callable[..., Result]
DAY = datetime(2023, 1, 10, tzinfo=UTC)
BRAND = "context:47.10045225402 -is:retweet has:hashtags lang:en"


def spread(number: int, count: int) -> datetime:
    """Times over three days, newest first."""
    return DAY + timedelta(days=3) * (count - number) / (count + 1)


@pytest.fixture
def server() -> Iterator[XServer]:
    tweets = [tweet(n, spread(n, 1300)) for n in range(1300)]
    with XServer({BRAND: tweets, "other": tweets[:3]}) as server:
        yield server


@pytest.fixture
def entities(tmp_path: Path) -> Path:
    path = tmp_path / "entities.csv"
    path.write_text(
        "domains,entity_id,entity_name\n"
        '"46,47",10045225402,Twitter\n'
        "131,10000000001,Not a brand\n"
        '"47",10000000002,カフェ\n',
        encoding="utf-8",
    )
    return path


@pytest.fixture
def run(
    collect: Collect, server: XServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Collect:
    monkeypatch.setenv("X_BEARER_TOKEN", "right")
    monkeypatch.setenv("X_API_ADDRESS", server.address)
    # The archive allows one request a second, which the tests do not wait for.
    monkeypatch.setattr("tagfinder.collect.web.PatientSession._keep_distance", lambda self: None)

    def run(*arguments: Any) -> Result:
        span = ("--since", "2023-01-10", "--until", "2023-01-13", "--search", "all")
        return collect("x", "--folder", tmp_path / "posts", *span, *arguments)

    return run


def test_the_reports_query_is_asked_for_each_brand_and_day_with_all_pages(
    run: Collect, server: XServer, entities: Path, tmp_path: Path
) -> None:
    server.page_limit = 100
    summary = summary_of(run("--entities", entities))
    assert summary["new"] == summary["posts"] == 1300
    assert numbers_of(tmp_path / "posts") == list(range(1300))
    assert {asked.one("query") for asked in server.asked} == {BRAND}
    assert {asked.path for asked in server.asked} == {"/2/tweets/search/all"}
    starts = sorted({asked.one("start_time") for asked in server.asked})
    assert starts == [f"2023-01-{day}T00:00:00Z" for day in (10, 11, 12)]
    row = posts_of(tmp_path / "posts").row(-1, named=True)
    assert row["entity_name"] == "Twitter"
    assert row["hashtags"] == ["tag0"]
    assert row["id"] == "0"
    assert row["created_at"] == spread(0, 1300).replace(microsecond=0)


def test_a_finished_search_costs_no_more_requests(run: Collect, server: XServer) -> None:
    run("--query", BRAND)
    asked = len(server.asked)
    assert summary_of(run("--query", BRAND))["new"] == 0
    assert len(server.asked) == asked


def test_an_interrupted_search_continues_at_its_last_page(
    run: Collect, server: XServer, tmp_path: Path
) -> None:
    server.page_limit = 100
    first = summary_of(run("--query", BRAND, "--max-posts", 250))
    assert first["new"] == 250
    before = len(server.asked)
    second = summary_of(run("--query", BRAND))
    assert second["new"] == 1050
    # The truncated page is requested again; the two complete ones are not.
    assert second["already_held"] == 50
    assert before + len(server.asked) - before == 3 + 5 * 3 - 2
    assert numbers_of(tmp_path / "posts") == list(range(1300))


def test_a_page_token_that_is_no_longer_good_starts_the_day_again(
    run: Collect, server: XServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.page_limit = 100
    run("--query", BRAND, "--max-posts", 200)
    answer = server.answer

    def forget(asked: Any) -> Reply | None:
        if asked.one("next_token"):
            asked.parameters["next_token"] = ["unknown"]
        monkeypatch.setattr(server, "answer", answer)
        return answer(asked)

    monkeypatch.setattr(server, "answer", forget)
    assert summary_of(run("--query", BRAND))["new"] == 1100
    assert numbers_of(tmp_path / "posts") == list(range(1300))


def test_a_post_found_by_two_queries_is_stored_once(run: Collect) -> None:
    summary = summary_of(run("--query", BRAND, "--query", "other"))
    assert (summary["new"], summary["already_held"]) == (1300, 3)


def test_faults_on_the_way_lose_nothing(run: Collect, server: XServer, tmp_path: Path) -> None:
    server.page_limit = 100
    server.faults.extend(
        [
            Reply(status=503),
            Reply({"title": "Too Many Requests"}, 429, {"x-rate-limit-reset": "1"}),
            Reply({"data": [tweet(5000, DAY)] * 100}, cut=True),
        ]
    )
    assert summary_of(run("--query", BRAND))["new"] == 1300
    assert numbers_of(tmp_path / "posts") == list(range(1300))


def test_malformed_posts_are_counted_and_cost_only_themselves(
    run: Collect, server: XServer
) -> None:
    good = tweet(1, DAY)
    bad = [None, "text", [], {"id": "9"}, good | {"id": "2", "created_at": "2023-01-10T99:99"}]
    bad += [good | {"id": 3}, good | {"id": "4", "text": None}]
    retweet = good | {"id": "5", "referenced_tweets": [{"type": "retweeted", "id": "1"}]}
    server._tweets["q"] = [*bad, retweet, good]
    summary = summary_of(run("--query", "q", "--until", "2023-01-11"))
    assert summary["new"] == 1
    assert summary["left_out"] == {"malformed": 7, "repost": 1}


def test_a_wrong_token_ends_in_one_sentence(
    run: Collect, server: XServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_BEARER_TOKEN", "wrong")
    result = run("--query", BRAND)
    assert isinstance(result.exception, InputError)
    assert "refused with 401 (Unauthorized): check X_BEARER_TOKEN" in str(result.exception)
    assert len(server.asked) == 1


def test_a_missing_token_is_named(run: Collect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("X_BEARER_TOKEN")
    with pytest.raises(InputError, match="X_BEARER_TOKEN is not set"):
        raise run("--query", BRAND).exception or AssertionError


def test_what_was_found_before_a_failure_is_kept(
    run: Collect, server: XServer, tmp_path: Path
) -> None:
    server.page_limit = 100
    answer = server.answer
    server.answer = lambda asked: (  # type: ignore[method-assign]
        Reply(status=500) if len(server.asked) > 4 else answer(asked)
    )
    result = run("--query", BRAND, "--retries", 2)
    assert isinstance(result.exception, WorkError)
    assert json.loads(result.stdout)["new"] == 400
    server.answer = answer  # type: ignore[method-assign]
    assert summary_of(run("--query", BRAND))["new"] == 900


def test_a_dry_run_says_what_it_would_cost_and_asks_nothing(
    run: Collect, server: XServer, entities: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("X_BEARER_TOKEN")
    result = run("--entities", entities, "--dry-run", "--max-posts", 5000)
    assert result.stdout.splitlines()[0] == BRAND
    assert "1 queries on 3 days: at least 3 requests, at most 13" in result.stdout
    assert not server.asked
    assert not (tmp_path / "posts").exists()


def test_a_query_that_the_server_does_not_understand_is_named(
    run: Collect, server: XServer
) -> None:
    message = "There were errors processing your request: missing operand"
    server.faults.append(Reply({"errors": [{"message": message}], "title": "Invalid"}, 400))
    with pytest.raises(InputError, match=r"does not understand the query 'a OR': .*operand"):
        raise run("--query", "a OR").exception or AssertionError


def test_recent_search_reaches_back_seven_days(
    collect: Collect, server: XServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_BEARER_TOKEN", "right")
    now = datetime.now(UTC)
    server._tweets["q"] = [tweet(n, now - timedelta(hours=5 * n + 1)) for n in range(40)]
    arguments = ("x", "--folder", tmp_path, "--query", "q", "--address", server.address)
    assert summary_of(collect(*arguments))["new"] == 34
    assert {asked.path for asked in server.asked} == {"/2/tweets/search/recent"}
    oldest = min(datetime.fromisoformat(asked.one("start_time")) for asked in server.asked)
    newest = max(datetime.fromisoformat(asked.one("end_time")) for asked in server.asked)
    assert now - timedelta(days=7) < oldest < now - timedelta(days=6, hours=23)
    assert newest <= datetime.now(UTC) - timedelta(seconds=10)


def test_the_day_that_is_not_over_is_completed_by_the_next_run(
    collect: Collect, server: XServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_BEARER_TOKEN", "right")
    now = datetime.now(UTC)
    old, new = tweet(1, now - timedelta(minutes=5)), tweet(2, now - timedelta(seconds=29))
    server._tweets["q"] = [old]
    arguments = ("x", "--folder", tmp_path, "--query", "q", "--address", server.address)
    since = ("--since", f"{now - timedelta(minutes=10):%Y-%m-%dT%H:%M:%S}")
    assert summary_of(collect(*arguments, *since))["new"] == 1
    server._tweets["q"] = [new, old]
    monkeypatch.setattr("tagfinder.collect.x._LAG", timedelta(seconds=10))
    summary = summary_of(collect(*arguments, *since))
    assert (summary["new"], summary["already_held"]) == (1, 0)


def test_long_posts_are_taken_whole() -> None:
    note = {"text": "long " * 80 + "#End", "entities": {"hashtags": [{"tag": "End"}]}}
    post = post_of(tweet(1, DAY, "long … #Beg", note_tweet=note), None)
    assert not isinstance(post, str)
    assert post.text.endswith("#End")
    assert post.hashtags == ["End"]


def test_entities_are_chosen_by_domain_and_ascii_names(entities: Path) -> None:
    names = [entity.name for entity in read_entities(entities, 47, ascii_names=True)]
    assert names == ["Twitter"]
    assert len(read_entities(entities, 47, ascii_names=False)) == 2
    assert len(read_entities(entities, None, ascii_names=False)) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("entity_id,name\n1,a\n", "no column entity_name, domains"),
        ("entity_id,entity_name,domains\nx1,a,47\n", "line 2: entity_id 'x1' is no number"),
        ("entity_id,entity_name,domains\n1,a,131\n", "none of its 1 entities is in domain 47"),
        ("", "no column"),
    ],
)
def test_a_list_that_cannot_be_used_is_named_with_the_place(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_entities(path, 47, ascii_names=True)


@pytest.mark.parametrize(
    ("search", "since", "until", "message"),
    [
        ("all", None, None, "--since is missing"),
        ("all", DAY, DAY, "is not before --until"),
        ("recent", None, DAY, "recent search reaches back seven days"),
        ("old", None, None, "search: 'old' is none of recent, all"),
    ],
)
def test_a_span_without_posts_is_refused(
    search: str, since: datetime | None, until: datetime | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        plan([Query("q")], search, since, until, now=datetime(2026, 1, 1, tzinfo=UTC))
