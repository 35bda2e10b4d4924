"""Hostile posts do not stop a collection: they are counted and skipped."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from collected import numbers_of, summary_of
from local_servers import (
    START,
    HttpServer,
    JetstreamServer,
    MastodonServer,
    Reply,
    XServer,
    post_event,
    status,
    tweet,
)

from tagfinder.collect.html_text import html_to_text
from tagfinder.collect.names import Names
from tagfinder.collect.post import Post, fault_of
from tagfinder.collect.retry import Patience
from tagfinder.collect.web import PatientSession
from tagfinder.errors import WorkError

Collect = Callable[..., Result]
HALF = "\ud800"
IMPOSSIBLE = ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59-14:00")


def test_mastodon_passes_over_bad_posts_and_reads_on(collect: Collect, tmp_path: Path) -> None:
    good = [status(number) for number in range(90)]
    bad = [
        status(200, START + timedelta(seconds=10.5), content=f"<p>{HALF} #a</p>"),
        status(201, START + timedelta(seconds=20.5), uri=f"https://a.example/{HALF}"),
        status(202, START + timedelta(seconds=30.5), tags=[{"name": HALF}]),
        *(
            status(203 + place, START + timedelta(seconds=40.5 + place)) | {"created_at": moment}
            for place, moment in enumerate(IMPOSSIBLE)
        ),
    ]
    everything = sorted([*good, *bad], key=lambda each: -int(each["id"]))
    with MastodonServer(everything) as server:
        result = collect(
            "mastodon", "--folder", tmp_path / "posts", "--instance", server.address,
            "--since", "2026-11-20",
        )  # fmt: skip
    summary = summary_of(result)
    assert summary["new"] == len(good)
    assert sum(summary["left_out"].values()) == len(bad)
    assert numbers_of(tmp_path / "posts") == list(range(90))


def test_x_passes_over_bad_posts(
    collect: Collect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_BEARER_TOKEN", "right")
    when = START + timedelta(hours=1)
    bad = [
        tweet(50, when, f"half {HALF} #a"),
        tweet(51, when, entities={"hashtags": [{"tag": HALF}]}),
        *(
            tweet(52 + place, when) | {"created_at": moment}
            for place, moment in enumerate(IMPOSSIBLE)
        ),
        tweet(58, when) | {"created_at": "2026-11-20T09:00:00"},
    ]
    tweets = [tweet(number, when) for number in range(3)]

    class Server(XServer):
        def answer(self, asked: Any) -> Any:
            reply = super().answer(asked)
            if reply is not None and reply.status == 200:
                reply.body["data"] = [*bad, *reply.body.get("data", [])]
            return reply

    with Server({"q": tweets}) as server:
        result = collect(
            "x", "--query", "q", "--search", "all", "--since", "2026-11-20",
            "--until", "2026-11-21", "--address", server.address, "--folder", tmp_path / "posts",
        )  # fmt: skip
    summary = summary_of(result)
    assert summary["new"] == 3
    assert sum(summary["left_out"].values()) == len(bad)


def test_jetstream_passes_over_bad_events(collect: Collect, tmp_path: Path) -> None:
    bad = [
        post_event(20, text=f"half {HALF} #a"),
        post_event(21, tags=[HALF]),
        post_event(22) | {"time_us": 10**30},
        post_event(23) | {"time_us": float("inf")},
        post_event(24) | {"time_us": -1},
    ]
    dated = post_event(5, createdAt=IMPOSSIBLE[0])
    good = [*(post_event(number) for number in range(5)), dated]
    sent = [*map(json.dumps, bad), "[" * 100_000]
    with JetstreamServer([*good[:3], *sent, *good[3:]]) as server:
        result = collect(
            "bluesky", "--jetstream", server.address, "--include-opted-out", "--max-posts", 6,
            "--since", "2026-11-20", "--folder", tmp_path / "posts",
        )  # fmt: skip
    summary = summary_of(result)
    assert summary["new"] == len(good)
    assert sum(summary["left_out"].values()) == len(sent)


@pytest.mark.parametrize(
    "change",
    [
        *({field: HALF} for field in ("id", "text", "author", "lang", "alias")),
        {"hashtags": ["a", HALF]},
        *({"created_at": START.replace(year=year)} for year in (1, 9999)),
        {"created_at": START.replace(tzinfo=None)},
    ],
)
def test_a_post_that_cannot_be_stored_is_known(change: dict[str, Any]) -> None:
    values = {"network": "x", "id": "1", "created_at": START, "text": "t", "hashtags": ["a"]}
    assert fault_of(Post(**values, author="me")) is None
    assert fault_of(Post(**(values | {"author": "me"} | change))) is not None


def test_names_with_half_characters_have_keys() -> None:
    names = Names(b"salt", "hashed")
    assert names.key(HALF) != names.key("\udfff")
    assert isinstance(names.author_number(HALF), int)


@pytest.mark.parametrize(
    "unit",
    [
        *("<a ", "<", "<!--", "<![x", "<script>", "<p class='quote-inline'>", "</i>", "<b>", "&"),
        *("&#1", "<pre> ", '<a href="', '<p class="', "<i></b>", "class =", "<a class=   "),
    ],
)
def test_html_is_read_in_linear_time(unit: str) -> None:
    # Quadratic time would be many minutes.
    html_to_text("<p class='quote-inline'>" + unit * (200_000 // len(unit)))


class Bomb(HttpServer):
    """Answers with more than it seems."""

    def __init__(self, content: bytes, encoding: str | None, status: int = 200) -> None:
        super().__init__()
        self._content, self._encoding, self._status = content, encoding, status

    def answer(self, asked: Any) -> Reply:
        return Reply()

    def _send(self, handler: Any, reply: Any) -> None:
        handler.send_response(self._status)
        handler.send_header("Content-Type", "application/json")
        if self._encoding:
            handler.send_header("Content-Encoding", self._encoding)
        if self._status == 302:
            handler.send_header("Location", "/elsewhere")
        handler.send_header("Content-Length", str(len(self._content)))
        handler.end_headers()
        handler.wfile.write(self._content)


ZEROS = gzip.compress(b"0" * 2**24)


@pytest.fixture
def no_patience() -> Patience:
    return Patience(retries=0, base=0.001, most_bytes=2**20)


@pytest.mark.parametrize(
    ("content", "encoding", "code"),
    [
        (ZEROS, "gzip", 200),
        (ZEROS, "gzip", 302),
        (ZEROS, "gzip", 401),
        (gzip.compress(ZEROS), "gzip, gzip", 200),
        (b"0" * 2**21, None, 200),
        (b"0", "br", 200),
    ],
)
def test_answers_that_are_too_long_end_in_one_sentence(
    no_patience: Patience, content: bytes, encoding: str | None, code: int
) -> None:
    with Bomb(content, encoding, code) as server:
        with pytest.raises(WorkError, match="its answer is") as caught:
            PatientSession(no_patience).get(f"{server.address}/a")
        assert "\n" not in str(caught.value)


def test_the_limit_of_answers_is_a_setting(collect: Collect, tmp_path: Path) -> None:
    config = tmp_path / "limits.yaml"
    config.write_text("max_response_bytes: 1000\n")
    with MastodonServer([status(number) for number in range(40)]) as server:
        arguments = ("--folder", tmp_path / "posts", "--instance", server.address)
        refused = collect("mastodon", *arguments, "--config", config)
        assert "longer than 1,000 bytes" in str(refused.exception)
        config.write_text("max_response_bytes: none\n")
        wrong = collect("mastodon", *arguments, "--config", config)
    assert "max_response_bytes is 'none'" in str(wrong.exception)


def test_deeply_nested_answers_are_no_traceback(no_patience: Patience) -> None:
    with (
        Bomb(b"[" * 500_000, None) as server,
        pytest.raises(WorkError, match="nested too deeply"),
    ):
        PatientSession(no_patience).get(f"{server.address}/a")


def test_an_endless_event_of_a_stream_is_given_up() -> None:
    from mastodon.errors import MastodonMalformedEventError

    from tagfinder.collect.mastodon import _Events

    class Endless:
        def iter_content(self, size: int) -> Iterator[bytes]:
            yield from (bytes([each]) for each in b"event: a\ndata: 1\n\n" * 100)
            while True:
                yield b"x"

    with pytest.raises(MastodonMalformedEventError, match="over 1,000 bytes"):
        for _ in _Events(Endless(), 1_000).iter_content(1):
            pass
