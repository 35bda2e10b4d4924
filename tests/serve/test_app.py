"""The REST service answers as `Recommender` does, and refuses what is beyond its limits."""

from __future__ import annotations

import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tagfinder import Recommender
from tagfinder.errors import InputError, WorkError
from tagfinder.recommend.explain import influences
from tagfinder.recommend.suggestion import Suggestions
from tagfinder.serve.app import create_app
from tagfinder.serve.limits import load_limits

TEXT = "a tote bag in my closet"


def app_with(run: Path, api_key: str | None = None, **limits: Any) -> TestClient:
    app = create_app([Recommender.load(run)], replace(load_limits(), **limits), api_key)
    return TestClient(app, raise_server_exceptions=False)


def test_one_text_gets_what_the_recommender_suggests(client: TestClient, linear_run: Path) -> None:
    answer = client.post("/suggest", json={"text": TEXT, "k": 3})
    assert answer.status_code == 200
    [expected] = Recommender.load(linear_run).suggest(TEXT, k=3)
    assert answer.json() == {"model": "tfidf_lr", "suggestions": [expected.as_dict()]}


def test_a_list_of_texts_is_answered_in_its_order(client: TestClient) -> None:
    texts = [f"{TEXT} {i}" for i in range(64)]
    answer = client.post("/suggest", json={"text": texts}).json()
    assert [one["text"] for one in answer["suggestions"]] == texts


def test_requests_that_arrive_together_get_their_own_answers(client: TestClient) -> None:
    def ask(i: int) -> tuple[str, int]:
        asked = {"text": f"{TEXT} {i}", "k": 1 + i % 5}
        [one] = client.post("/suggest", json=asked).json()["suggestions"]
        return one["text"], len(one["hashtags"])

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(100)))
    assert answers == [(f"{TEXT} {i}", 1 + i % 5) for i in range(100)]


def test_a_threshold_and_repeat_are_passed_on(client: TestClient, linear_run: Path) -> None:
    best = Recommender.load(linear_run).suggest(TEXT)[0].hashtags[0]
    asked = {"text": f"{TEXT} #{best.hashtag}", "k": 50}
    plain = client.post("/suggest", json=asked).json()["suggestions"][0]["hashtags"]
    again = client.post("/suggest", json=asked | {"repeat": True}).json()["suggestions"][0]
    assert best.hashtag not in [one["hashtag"] for one in plain]
    assert best.hashtag in [one["hashtag"] for one in again["hashtags"]]
    none = client.post("/suggest", json=asked | {"threshold": 1.0}).json()["suggestions"][0]
    assert none["hashtags"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": None}, "text"),
        ({"text": 7}, "text"),
        ({"text": []}, "text"),
        ({"text": ["a"] * 65}, "text"),
        ({"text": "a" * 2001}, "text"),
        ({"text": ["fine", "a" * 2001]}, "text"),
        ({"text": "a", "k": 0}, "k"),
        ({"text": "a", "k": 51}, "k"),
        ({"text": "a", "k": "3"}, "k"),
        ({"text": "a", "k": True}, "k"),
        ({"text": "a", "threshold": 1.5}, "threshold"),
        ({"text": "a", "model": "absent"}, "model"),
        ({"text": "a", "nonsense": 1}, "nonsense"),
        ([], "body"),
    ],
)
def test_bad_input_gets_a_problem_document_that_names_the_field(
    client: TestClient, body: Any, field: str
) -> None:
    answer = client.post("/suggest", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["field"].partition("[")[0] == field
    assert problem["status"] == 422
    assert "constrained" not in problem["detail"]


@pytest.mark.parametrize("body", [b"{", b"\xff", b"", b"[" * 100_000])
def test_a_body_that_is_not_json_gets_a_problem_document(client: TestClient, body: bytes) -> None:
    answer = client.post("/suggest", content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unknown_path_and_method_get_a_problem_document(client: TestClient) -> None:
    for answer in (client.get("/absent"), client.get("/suggest")):
        assert answer.status_code in (404, 405)
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_large_body_is_refused_before_it_is_read(linear_run: Path) -> None:
    client = app_with(linear_run, max_body_bytes=1000)
    declared = client.post("/suggest", json={"text": "a" * 1900})

    def pieces() -> Any:
        for _ in range(100):
            yield b" " * 100

    undeclared = client.post("/suggest", content=pieces())
    for answer in (declared, undeclared):
        assert answer.status_code == 413
        assert "at most 1000 bytes" in answer.json()["detail"]


def test_a_service_that_is_full_says_when_to_come_back(linear_run: Path) -> None:
    client = app_with(linear_run, max_waiting_texts=3, retry_after=7)
    answer = client.post("/suggest", json={"text": ["a"] * 4})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "7"
    assert client.post("/suggest", json={"text": ["a"] * 3}).status_code == 200


def slow_suggest(self: Recommender, texts: list[str], *_: Any, **__: Any) -> list[Suggestions]:
    time.sleep(0.5)
    return [Suggestions(text, text) for text in texts]


def statuses_of(client: TestClient, n: int) -> list[int]:
    with client, ThreadPoolExecutor(n) as pool:
        answers = pool.map(lambda _: client.post("/suggest", json={"text": TEXT}), range(n))
        return sorted(answer.status_code for answer in answers)


def test_more_open_requests_than_allowed_are_refused(
    linear_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app_with(linear_run, max_requests=2)
    monkeypatch.setattr(Recommender, "suggest", slow_suggest)
    assert statuses_of(client, 5) == [200, 200, 503, 503, 503]


def test_a_request_waits_no_longer_than_allowed(
    linear_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app_with(linear_run, request_timeout=0.2)
    monkeypatch.setattr(Recommender, "suggest", slow_suggest)
    started = time.monotonic()
    assert statuses_of(client, 3) == [503, 503, 503]
    assert time.monotonic() - started < 10


def test_a_service_with_a_key_requires_it(linear_run: Path) -> None:
    client = app_with(linear_run, api_key="sécret")
    assert client.post("/suggest", json={"text": TEXT}).status_code == 401
    wrong = {"X-API-Key": "guess"}
    assert client.get("/models", headers=wrong).status_code == 401
    right = {"X-API-Key": "sécret".encode()}
    assert client.post("/suggest", json={"text": TEXT}, headers=right).status_code in (200, 401)
    assert client.get("/health").status_code == 200


def test_the_right_key_opens(linear_run: Path) -> None:
    client = app_with(linear_run, api_key="secret")
    answer = client.post("/suggest", json={"text": TEXT}, headers={"X-API-Key": "secret"})
    assert answer.status_code == 200


def test_models_and_health_list_the_models(client: TestClient) -> None:
    [model] = client.get("/models").json()
    assert model["name"] == "tfidf_lr"
    assert model["facts"]["protocol"] == "report"
    health = client.get("/health").json()
    assert health["status"] == "ok"
    assert health["limits"]["max_texts"] == 64


def test_two_runs_of_one_name_can_both_be_asked(linear_run: Path) -> None:
    recommender = Recommender.load(linear_run)
    client = TestClient(create_app([recommender, recommender], load_limits()))
    assert [model["name"] for model in client.get("/models").json()] == ["tfidf_lr", "tfidf_lr-2"]
    answer = client.post("/suggest", json={"text": TEXT, "model": "tfidf_lr-2"})
    assert answer.json()["model"] == "tfidf_lr-2"


def test_metrics_count_requests_and_batches(client: TestClient) -> None:
    client.post("/suggest", json={"text": [TEXT] * 5})
    client.post("/suggest", json={"text": 1})
    client.get("/no/such/path")
    page = client.get("/metrics").text
    assert 'tagfinder_requests_total{path="/suggest",status="200"} 1.0' in page
    assert 'tagfinder_requests_total{path="/suggest",status="422"} 1.0' in page
    assert "no/such" not in page
    assert 'tagfinder_batch_texts_sum{model="tfidf_lr"} 5.0' in page


def test_a_failure_inside_is_no_secret_and_no_traceback(
    linear_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app_with(linear_run)
    with monkeypatch.context() as patch:
        patch.setattr(Recommender, "suggest", lambda *_, **__: 1 / 0)
        answer = client.post("/suggest", json={"text": TEXT})
        assert answer.status_code == 500
        assert "division" not in answer.text
    assert client.post("/suggest", json={"text": TEXT}).status_code == 200


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (OSError(28, "No space left on device", "/data/posts.sqlite"), "free some space"),
        (OSError(30, "Read-only file system", "/data/posts.sqlite"), "/data/posts.sqlite"),
        (sqlite3.OperationalError("database or disk is full"), "disk is full"),
        (sqlite3.DatabaseError("database disk image is malformed"), "malformed"),
        (MemoryError(), "memory"),
        (WorkError("the encoder is away"), "the encoder is away"),
    ],
)
def test_a_missing_resource_is_one_sentence_and_its_trace_is_in_the_log(
    linear_run: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failure: Exception,
    words: str,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise failure

    client = app_with(linear_run)
    monkeypatch.setattr(Recommender, "suggest", fail)
    answer = client.post("/suggest", json={"text": TEXT})
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]
    assert "Traceback" not in answer.text
    assert any(record.exc_info for record in caplog.records)


def test_the_words_that_spoke_for_a_hashtag_are_shown_where_they_are_asked_for(
    client: TestClient, linear_run: Path
) -> None:
    asked = {"text": TEXT, "k": 2, "explain": True}
    [one] = client.post("/suggest", json=asked).json()["suggestions"]
    recommender = Recommender.load(linear_run)
    for suggested in one["hashtags"]:
        strongest = [w for w in influences(recommender, TEXT, suggested["hashtag"]) if w.effect > 0]
        expected = [asdict(word) for word in strongest[:3]]
        assert suggested["because"] == expected
    plain = client.post("/suggest", json={"text": TEXT}).json()["suggestions"][0]
    assert all("because" not in suggested for suggested in plain["hashtags"])
    several = client.post("/suggest", json=asked | {"text": ["a boot", TEXT]}).json()
    assert several["suggestions"][1] == one


def test_limits_come_from_a_file_and_wrong_ones_are_named(tmp_path: Path) -> None:
    file = tmp_path / "serve.yaml"
    file.write_text("max_texts: 3")
    assert load_limits(file).max_texts == 3
    for content in (
        "max_text: 3",
        "max_texts: many",
        "max_texts: 0",
        "client_rate: -1",
        "- a",
        "a: [",
    ):
        file.write_text(content)
        with pytest.raises(InputError):
            load_limits(file)


def test_the_openapi_document_states_the_limits(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    request = document["components"]["schemas"]["SuggestRequest"]["properties"]
    assert {"maxItems": 64, "minItems": 1}.items() <= request["text"]["anyOf"][1].items()
    assert request["text"]["anyOf"][0]["maxLength"] == 2000
    assert "Problem" in json.dumps(document["paths"]["/suggest"])
