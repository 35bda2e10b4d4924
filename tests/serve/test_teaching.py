"""Teaching over HTTP: what was taught is suggested by the next request."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import tagfinder
from tagfinder.recommend.live import LiveSuggester
from tagfinder.serve.app import create_app
from tagfinder.serve.limits import load_limits

pytest.importorskip("tantivy", reason="needs tantivy")

POST = {
    "text": "Look at the comet over the harbour #CometNight",
    "created_at": "2030-01-01T20:00:00Z",
    "author": "ann",
}


@pytest.fixture
def teachable(run_of: Callable[[str], Path], tmp_path: Path) -> Iterator[Any]:
    run = shutil.copytree(run_of("live"), tmp_path / "live")
    with TestClient(create_app([tagfinder.load(run, teach=True)], load_limits())) as client:
        yield client


def suggested(client: Any) -> list[str]:
    answer = client.post("/suggest", json={"text": "the comet over the harbour", "author": "ann"})
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
