from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
from local_servers import Asked, HttpServer, Reply

from tagfinder.collect.retry import Patience
from tagfinder.collect.web import PatientSession, asked_wait
from tagfinder.errors import InputError, WorkError


class EchoServer(HttpServer):
    def answer(self, asked: Asked) -> Reply:
        return Reply({"path": asked.path})


@pytest.fixture
def server() -> Iterator[EchoServer]:
    with EchoServer() as server:
        yield server


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def get(server: EchoServer, told: list[str]) -> Callable[..., requests.Response]:
    def tell(waiting: str | None) -> None:
        if waiting:
            told.append(waiting)

    def get(**options: object) -> requests.Response:
        patience = Patience(retries=3, base=0.001, max_wait=5, tell=tell)
        return PatientSession(patience, timeout=2, **options).get(f"{server.address}/a")  # type: ignore[arg-type]

    return get


@pytest.mark.parametrize(
    "fault",
    [Reply(status=500), Reply(status=503), Reply({"path": "x" * 1000}, cut=True)],
    ids=["500", "503", "cut off"],
)
def test_failures_that_pass_are_not_noticed(
    server: EchoServer, get: Callable[..., requests.Response], fault: Reply
) -> None:
    server.faults.extend([fault, fault])
    assert get().json() == {"path": "/a"}
    assert len(server.asked) == 3


def test_an_answer_cut_off_without_a_known_length_is_asked_for_again(
    server: EchoServer, get: Callable[..., requests.Response]
) -> None:
    class HalfReply(Reply):
        pass

    def half(handler: object, reply: Reply) -> None:
        if not isinstance(reply, HalfReply):
            return EchoServer._send(server, handler, reply)  # type: ignore[arg-type]
        handler.wfile.write(  # type: ignore[attr-defined]
            b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{"pa'
        )
        handler.close_connection = True  # type: ignore[attr-defined]
        return None

    server._send = half  # type: ignore[method-assign]
    server.faults.append(HalfReply())
    assert get().json() == {"path": "/a"}


def test_failures_that_do_not_pass_end_in_one_sentence(
    server: EchoServer, get: Callable[..., requests.Response]
) -> None:
    server.faults.extend([Reply(status=502)] * 9)
    with pytest.raises(WorkError, match=r"server error 502, 4 times in a row; what was collected"):
        get()
    assert len(server.asked) == 4


def test_a_server_that_is_not_there_ends_in_one_sentence(told: list[str]) -> None:
    session = PatientSession(Patience(retries=1, base=0.001))
    with pytest.raises(WorkError, match=r"127.0.0.1:9: the connection broke"):
        session.get("http://127.0.0.1:9/")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "1"}, 1.0),
        ({"X-Rate-Limit-Reset": str(int(time.time()) + 1)}, 1.0),
        ({"X-RateLimit-Reset": (datetime.now(UTC) + timedelta(seconds=1)).isoformat()}, 1.0),
    ],
    ids=["Retry-After", "X", "Mastodon"],
)
def test_a_rate_limit_is_waited_out_with_a_countdown(
    server: EchoServer,
    get: Callable[..., requests.Response],
    told: list[str],
    headers: dict[str, str],
    seconds: float,
) -> None:
    server.faults.append(Reply(status=429, headers=headers))
    started = time.monotonic()
    assert get().json() == {"path": "/a"}
    assert seconds - 0.1 <= time.monotonic() - started < seconds + 2.5
    assert "rate limit reached; continuing in" in told[0]


def test_a_longer_wait_than_allowed_ends_in_one_sentence(
    server: EchoServer, get: Callable[..., requests.Response]
) -> None:
    server.faults.append(Reply(status=429, headers={"Retry-After": "7300"}))
    with pytest.raises(WorkError, match=r"asks to wait 2 h 1 min, more than --max-wait \(5 s\)"):
        get()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_ends_at_once_in_one_sentence(
    server: EchoServer, get: Callable[..., requests.Response], status: int
) -> None:
    server.faults.append(Reply({"title": "No", "detail": "not\nfor you"}, status))
    with pytest.raises(InputError, match=rf"refused with {status} \(not for you\): buy a token"):
        get(advice="buy a token")
    assert len(server.asked) == 1


def test_a_quota_that_is_used_up_is_no_rate_limit(
    server: EchoServer, get: Callable[..., requests.Response]
) -> None:
    body = {"title": "UsageCapExceeded", "detail": "Usage cap exceeded: Monthly product cap"}
    server.faults.append(Reply(body, 429))
    with pytest.raises(WorkError, match="quota is used up"):
        get()


def test_requests_keep_their_distance(server: EchoServer, told: list[str]) -> None:
    session = PatientSession(Patience(), pause=0.2)
    started = time.monotonic()
    for _ in range(3):
        session.get(server.address)
    assert time.monotonic() - started > 0.4


def test_stopping_ends_a_wait() -> None:
    patience = Patience()
    patience.stopped = True
    with pytest.raises(KeyboardInterrupt):
        patience.wait(60, "a server")


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"retry-after": "12"}, 12.0),
        (503, {"retry-after": "12"}, 12.0),
        (429, {"x-rate-limit-reset": "1800000030"}, 31.0),
        (429, {"ratelimit-reset": "30"}, 31.0),
        (429, {"x-ratelimit-reset": "2027-01-15T08:00:30.000000Z"}, 31.0),
        (429, {"x-rate-limit-reset": "1799999000"}, 1.0),
        (429, {"retry-after": format_datetime(datetime(2027, 1, 15, 8, 0, 45, tzinfo=UTC))}, 45.0),
        (429, {"retry-after": "soon"}, None),
        (429, {}, None),
        (500, {"x-rate-limit-reset": "1800000030"}, None),
    ],
)
def test_what_servers_ask_is_understood_by_their_own_clock(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    response = requests.Response()
    response.status_code = status
    now = datetime.fromtimestamp(1_800_000_000, UTC)
    response.headers.update(headers | {"date": format_datetime(now, usegmt=True)})
    assert asked_wait(response) == seconds
