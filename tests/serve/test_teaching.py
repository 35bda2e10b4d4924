"""Teaching over HTTP: the next request suggests taught hashtags."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

import tagfinder
from tagfinder.recommend.live import LiveSuggester
from tagfinder.serve.app import create_app
from tagfinder.serve.limits import load_limits

pytest.importorskip("tantivy", reason="needs tantivy")

# The newest post of all: the run's made-up ones are older.
NOW = datetime.now(UTC).isoformat()
POST = {
    "text": "Look at the comet over the harbour #CometNight",
    "created_at": NOW,
    "author": "ann",
}


@pytest.fixture
def teachable(run_of: Callable[[str], Path], tmp_path: Path) -> Iterator[Any]:
    run = shutil.copytree(run_of("live"), tmp_path / "live")
    suggester = tagfinder.load(run, teach=True)
    assert isinstance(suggester, LiveSuggester)
    suggester.get_ready()
    with TestClient(create_app([suggester], load_limits())) as client:
        yield client


def suggested(client: Any) -> list[str]:
    asked = {"text": "the comet over the harbour", "author": "ann", "k": 10}
    answer = client.post("/suggest", json=asked)
    return [one["hashtag"] for one in answer.json()["suggestions"][0]["hashtags"]]


def test_what_was_posted_is_suggested_at_once_and_gone_when_deleted(teachable: Any) -> None:
    posts = [{"id": f"p{number}", **POST} for number in range(4)]
    answer = teachable.post("/posts", json={"posts": [*posts, {"id": "x", **POST, "text": "-"}]})
    assert answer.json() == {"taught": 4, "known": 0, "left_out": 1}
    assert "CometNight" in suggested(teachable)
    for number in range(4):
        assert teachable.delete(f"/posts/p{number}").json() == {"forgotten": 1}
    assert teachable.delete("/posts/p0").json() == {"forgotten": 0}
    assert "CometNight" not in suggested(teachable)


def test_all_posts_of_an_author_are_gone_when_the_author_is_deleted(teachable: Any) -> None:
    author = "ann/of the harbour"
    posts = [{"id": f"p{number}", **POST, "author": author} for number in range(3)]
    teachable.post("/posts", json={"posts": [*posts, {"id": "other", **POST, "author": "ben"}]})
    path = f"/authors/{quote(author, safe='')}"
    assert teachable.delete(path).json() == {"forgotten": 3}
    assert teachable.delete(path).json() == {"forgotten": 0}
    assert teachable.delete("/posts/p0").json() == {"forgotten": 0}
    assert teachable.delete("/posts/other").json() == {"forgotten": 1}


def test_the_classifiers_are_learned_in_the_background_when_it_is_time(
    run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    run = shutil.copytree(run_of("live"), tmp_path / "live")
    suggester = tagfinder.load(run, teach=True)
    assert isinstance(suggester, LiveSuggester)
    knowledge = suggester.durable.knowledge
    assert knowledge.classifiers is not None
    with TestClient(create_app([suggester], load_limits())) as client:
        client.post("/posts", json={"posts": [{"id": "1", **POST}]})
        assert knowledge.classifier_settings is not None
        due = knowledge.classifier_settings.period_of(suggester.durable.newest_day)
        for _ in range(600):
            if knowledge.classifiers.period == due:
                break
            time.sleep(0.05)
        assert knowledge.classifiers.period == due
        assert client.post("/suggest", json={"text": "rain"}).status_code == 200


def test_a_post_without_a_time_is_refused_by_name(teachable: Any) -> None:
    answer = teachable.post("/posts", json={"posts": [{"id": "1", "text": "one #two"}]})
    assert answer.status_code == 422
    assert answer.json()["field"] == "posts[0].created_at"


def test_a_service_that_may_not_teach_has_no_such_route(run_of: Callable[[str], Path]) -> None:
    with TestClient(create_app([tagfinder.load(run_of("live"))], load_limits())) as client:
        assert client.post("/posts", json={"posts": []}).status_code == 404
        assert client.post("/suggest", json={"text": "rain"}).status_code == 200


NO_HASHTAGS = ["", "a b\nc", "<script>", "#sky", "1", "a-b", "a\u0000b", "sky ", "\u202esky"]


def test_an_invalid_hashtag_is_refused_by_name(teachable: Any) -> None:
    for name in NO_HASHTAGS:
        posts = [{"id": "1", **POST}, {"id": "2", **POST, "hashtags": ["fine", name]}]
        answer = teachable.post("/posts", json={"posts": posts})
        assert (answer.status_code, name) == (422, name)
        assert answer.json()["field"] == "posts[1].hashtags[1]"
    assert "CometNight" not in suggested(teachable)


def test_a_hashtag_of_any_script_is_taught(teachable: Any) -> None:
    names = ["été", "CO2", "日本", "stay_home", "नमस्ते"]
    posts = [{"id": "1", **POST, "hashtags": names}]
    assert teachable.post("/posts", json={"posts": posts}).json()["taught"] == 1
    assert set(names) <= set(suggested(teachable))


def test_a_post_from_the_future_is_refused_and_now_stays_now(teachable: Any) -> None:
    for created_at in ("9999-12-31T23:59:59Z", "3000-01-01T00:00:00"):
        posts = [{"id": "1", **POST, "created_at": created_at}]
        answer = teachable.post("/posts", json={"posts": posts})
        assert answer.status_code == 422
        assert answer.json()["field"] == "posts[0].created_at"
    soon = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
    posts = [{"id": "1", **POST, "created_at": soon}]
    assert teachable.post("/posts", json={"posts": posts}).json()["taught"] == 1


def test_a_post_of_any_id_can_be_deleted(teachable: Any) -> None:
    for identity in (
        "at://did:plc:abc/app.bsky.feed.post/3k",
        "https://mastodon.example/@ann/1?a=b#c",
        "a b/ü%",
    ):
        teachable.post("/posts", json={"posts": [{"id": identity, **POST}]})
        path = f"/posts/{quote(identity, safe='')}"
        assert teachable.delete(path).json() == {"forgotten": 1}
    assert "CometNight" not in suggested(teachable)


def test_an_unknown_id_costs_no_writing(teachable: Any, tmp_path: Path) -> None:
    def written() -> dict[Path, int]:
        folder = tmp_path / "live" / "knowledge"
        files = [*folder.glob("posts.sqlite*"), *folder.glob("words/*"), folder / "memory.npz"]
        return {file: file.stat().st_mtime_ns for file in files}

    teachable.post("/posts", json={"posts": [{"id": "1", **POST}]})
    before = written()
    assert teachable.delete("/posts/nobody").json() == {"forgotten": 0}
    assert written() == before


def test_the_posts_that_spoke_for_a_hashtag_are_shown_where_they_are_asked_for(
    teachable: Any,
) -> None:
    teachable.post("/posts", json={"posts": [{"id": "1", **POST}]})
    asked = {"text": "the comet over the harbour", "author": "ann", "explain": True}
    [one] = teachable.post("/suggest", json=asked).json()["suggestions"]
    because = {tag["hashtag"]: tag["because"] for tag in one["hashtags"]}
    [witness] = because["CometNight"]
    assert witness["author"] == "ann"
    assert witness["day"] == NOW[:10]
    assert "comet" in witness["text"]
    assert 0 < witness["similarity"] <= 1


def test_ending_waits_for_learning_no_longer_than_it_may(
    run_of: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shutil.copytree(run_of("live"), tmp_path / "live")
    suggester = tagfinder.load(run, teach=True)
    learns, end = threading.Event(), threading.Event()

    def learn(*_: Any, **__: Any) -> Any:
        learns.set()
        end.wait(60)
        raise RuntimeError("it was to be ended")

    monkeypatch.setattr("tagfinder.live.durable.Classifiers.of_posts", learn)
    limits = replace(load_limits(), drain_seconds=1)
    with TestClient(create_app([suggester], limits)) as client:
        client.post("/posts", json={"posts": [{"id": "1", **POST}]})
        assert learns.wait(30)
        started = time.monotonic()
    assert 0.5 < time.monotonic() - started < 20
    end.set()
    again = tagfinder.load(run, teach=True)
    assert "1" in {post.id for block in again.durable.store.blocks() for post in block.posts}
    again.close()
