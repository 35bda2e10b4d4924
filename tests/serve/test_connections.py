"""Clients that send slowly, endlessly or nothing cost the others nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra serve")

from running import answer, listening, request

from tagfinder import Recommender

HEAD_ONLY = b"POST /suggest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
def recommender(linear_run: Path) -> Recommender:
    return Recommender.load(linear_run)


async def opened(port: int, sent: bytes = b"") -> Streams:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await writer.drain()
    return reader, writer


async def statuses_of_client(port: int, n: int) -> list[int]:
    """Send requests one after another over one connection."""
    reader, writer = await opened(port)
    statuses = []
    for _ in range(n):
        writer.write(request())
        statuses.append((await answer(reader))[0])
    writer.close()
    return statuses


def test_300_silent_clients_do_not_delay_answers(recommender: Recommender) -> None:
    async def load(port: int) -> Counter[int]:
        sent = [HEAD_ONLY, b"POST /sug", b""] * 100
        silent = [await opened(port, piece) for piece in sent]
        found = await asyncio.gather(*(statuses_of_client(port, 10) for _ in range(64)))
        for _, writer in silent:
            writer.close()
        return Counter(status for of_client in found for status in of_client)

    with listening(recommender) as port:
        assert asyncio.run(load(port)) == {200: 640}


@pytest.mark.parametrize(
    ("sent", "missing"),
    [(HEAD_ONLY + b"{", "body"), (b"POST /suggest HTTP/1.1\r\nHost: a\r\n", "headers")],
)
def test_a_request_that_does_not_come_to_its_end_is_answered_and_closed(
    recommender: Recommender, sent: bytes, missing: str
) -> None:
    async def wait(port: int) -> tuple[int, bytes, bytes]:
        reader, _ = await opened(port, sent)
        status, body = await answer(reader)
        return status, body, await reader.read()

    with listening(recommender, header_timeout=0.3, body_timeout=0.3) as port:
        status, body, after = asyncio.run(asyncio.wait_for(wait(port), 10))
    assert (status, after) == (408, b"")
    assert missing.encode() in body


def test_a_client_cannot_hold_a_connection_by_sending_a_byte_now_and_then(
    recommender: Recommender,
) -> None:
    async def drip(port: int) -> float:
        reader, writer = await opened(port)
        all_of_it = asyncio.create_task(reader.read())
        started = time.monotonic()
        for letter in b"GET /health HTTP/1.1\r\nX-Long: " + b"a" * 1000:
            if all_of_it.done():
                break
            writer.write(bytes([letter]))
            await asyncio.sleep(0.02)
        return time.monotonic() - started

    with listening(recommender, header_timeout=0.3) as port:
        assert asyncio.run(drip(port)) < 5


def test_an_endless_header_is_refused_after_a_fraction_of_it(recommender: Recommender) -> None:
    async def send(port: int) -> int:
        reader, writer = await opened(port, b"GET /health HTTP/1.1\r\nHost: a\r\nX-Long: ")
        all_of_it = asyncio.create_task(reader.read())
        sent = 0
        try:
            while sent < 100_000_000 and not all_of_it.done():
                writer.write(b"a" * 65_536)
                sent += 65_536
                await writer.drain()
                await asyncio.sleep(0.001)
        except ConnectionError:
            pass
        return sent

    with listening(recommender) as port:
        assert asyncio.run(send(port)) < 20_000_000


@pytest.mark.parametrize(
    "headers", ["X-Long: " + "a" * 40_000 + "\r\n", "".join(f"X-{i}: 1\r\n" for i in range(101))]
)
def test_a_head_beyond_the_limits_gets_431(recommender: Recommender, headers: str) -> None:
    async def ask(port: int) -> tuple[int, bytes]:
        reader, _ = await opened(port, request(headers=headers))
        status, body = await answer(reader)
        return status, body

    with listening(recommender) as port:
        status, body = asyncio.run(ask(port))
        assert status == 431
        assert b'"field": "headers"' in body
        # And the service answers others.
        assert asyncio.run(statuses_of_client(port, 1)) == [200]


def test_a_long_body_is_not_taken_for_a_head(recommender: Recommender) -> None:
    body = json.dumps({"text": ["a tote bag " * 80] * 60}).encode()
    sent = request(body)

    async def ask(port: int) -> int:
        reader, writer = await opened(port, sent.removesuffix(body))
        await asyncio.sleep(0.1)
        writer.write(body)
        return (await answer(reader))[0]

    with listening(recommender) as port:
        assert [asyncio.run(ask(port)) for _ in range(5)] == [200] * 5


def test_bytes_that_are_not_http_get_a_problem_document(recommender: Recommender) -> None:
    async def ask(port: int) -> tuple[int, bytes]:
        reader, _ = await opened(port, b"\x16\x03\x01\x02\x00\x01\r\n\r\n")
        return await answer(reader)

    with listening(recommender) as port:
        status, body = asyncio.run(ask(port))
    assert (status, b"no valid HTTP" in body) == (400, True)


def test_beyond_the_most_connections_silent_ones_make_room(recommender: Recommender) -> None:
    async def load(port: int) -> tuple[list[list[int]], int]:
        silent = [await opened(port, HEAD_ONLY) for _ in range(50)]
        statuses = await asyncio.gather(*(statuses_of_client(port, 3) for _ in range(5)))
        await asyncio.sleep(0.1)
        return statuses, sum(reader.at_eof() for reader, _ in silent)

    with listening(recommender, max_connections=20) as port:
        statuses, closed = asyncio.run(load(port))
    assert statuses == [[200] * 3] * 5
    assert 30 <= closed <= 40


def test_requests_sent_at_once_are_answered_in_their_order(recommender: Recommender) -> None:
    texts = [b"one", b"two", b"three"]

    async def ask(port: int) -> list[bytes]:
        sent = b"".join(request(b'{"text": "%s"}' % text) for text in texts)
        reader, _ = await opened(port, sent)
        return [(await answer(reader))[1] for _ in texts]

    with listening(recommender) as port:
        bodies = asyncio.run(ask(port))
    for text, body in zip(texts, bodies, strict=True):
        assert b'"text": "%s"' % text in body


def test_a_client_that_leaves_before_all_its_answers_is_no_error(
    recommender: Recommender, caplog: pytest.LogCaptureFixture
) -> None:
    async def leave(port: int) -> None:
        for most in (1, 20_000, 60_000):
            reader, writer = await opened(port, request() * 200)
            await reader.read(most)
            writer.transport.abort()
        await asyncio.sleep(0.3)

    with listening(recommender) as port:
        asyncio.run(leave(port))
        assert asyncio.run(statuses_of_client(port, 2)) == [200, 200]
    assert "Traceback" not in caplog.text
    assert "Exception in ASGI application" not in caplog.text


def test_a_connection_that_rests_between_requests_is_used_again(recommender: Recommender) -> None:
    async def ask(port: int) -> list[int]:
        reader, writer = await opened(port)
        statuses = []
        for _ in range(2):
            writer.write(request())
            statuses.append((await answer(reader))[0])
            # Longer than a head may take: that clock runs only while one is sent.
            await asyncio.sleep(0.5)
        return statuses

    with listening(recommender, header_timeout=0.2, body_timeout=0.2) as port:
        assert asyncio.run(ask(port)) == [200, 200]


def test_a_client_that_never_reads_is_cut_off(recommender: Recommender) -> None:
    # As large an answer as there can be, many times.
    body = b'{"text": [%s], "k": 50}' % b",".join([b'"a tote bag %s"' % (b"x" * 1900)] * 64)

    async def ask(port: int) -> bool:
        reader, writer = await opened(port)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        try:
            for _ in range(200):
                writer.write(request(body))
                await asyncio.wait_for(writer.drain(), 0.2)
        except (TimeoutError, ConnectionError):
            pass
        for _ in range(100):
            if (await asyncio.gather(statuses_of_client(port, 1)))[0] != [200]:
                return False
            await asyncio.sleep(0.05)
            try:
                writer.write(b" ")
                await asyncio.wait_for(writer.drain(), 0.05)
            except ConnectionError:
                return True
            except TimeoutError:
                continue
        return False

    with listening(recommender, body_timeout=0.5) as port:
        assert asyncio.run(ask(port))
