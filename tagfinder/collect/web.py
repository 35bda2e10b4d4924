"""An HTTP session that waits and tries again, for every client library that takes one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from tagfinder.collect.retry import Patience
from tagfinder.errors import InputError, TagFinderError, WorkError

USER_AGENT = "TagFinder (https://pypi.org/project/tagfinder)"
_ENCODINGS = ("gzip", "deflate")
_RESET_HEADERS = ("x-rate-limit-reset", "x-ratelimit-reset", "ratelimit-reset")
_DROPPED = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


class BoundedAdapter(HTTPAdapter):
    """Gives answers whose length is bounded, so that a small compressed one cannot fill the memory.

    Args:
        most_bytes: longest answer, bytes after decompression. Open streams have no end and no
            bound here.
    """

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self._most_bytes = most_bytes

    def send(
        self, request: Any, stream: bool = False, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send a request; reading a longer answer raises WorkError."""
        response = super().send(request, stream, *args, **kwargs)
        if not stream or response.status_code != 200:
            host = urlsplit(response.url).netloc
            response.raw = _BoundedBody(response.raw, self._most_bytes, host)
        return response


class _BoundedBody:
    """An answer's body that refuses to become longer than allowed."""

    def __init__(self, body: Any, most_bytes: int, host: str) -> None:
        self._body = body
        self._most_bytes = most_bytes
        self._host = host

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def stream(self, amount: int, decode_content: bool | None = None) -> Iterator[bytes]:
        """Yield the bytes, decompressed.

        Raises:
            WorkError: there are too many, or they are compressed in another way than asked for.
        """
        encoding = self._body.headers.get("content-encoding", "identity").lower()
        if encoding not in (*_ENCODINGS, "identity"):
            raise WorkError(f"{self._host}: its answer is compressed as '{encoding}', unasked")
        length = 0
        for chunk in self._body.stream(amount, decode_content=decode_content):
            length += len(chunk)
            if length > self._most_bytes:
                raise WorkError(
                    f"{self._host}: its answer is longer than {self._most_bytes:,} bytes; where "
                    "that is right, raise max_response_bytes by --config FILE"
                )
            yield chunk


class PatientSession(requests.Session):
    """Returns valid answers, or says in one sentence why it cannot.

    Rate limits (429) are waited out as the server asks. Server errors (5xx), dropped connections
    and truncated answers are retried. 401, 402 and 403 end the work, and so does an answer longer
    than `patience.most_bytes`.

    Args:
        patience: how long and how often.
        timeout: seconds without a byte after which a connection counts as dropped.
        pause: seconds that lie at least between two requests.
        address: where requests go instead of the address that a client library has built in.
        advice: what a person can do who is refused, the end of a sentence.
    """

    def __init__(
        self,
        patience: Patience,
        *,
        timeout: float = 60.0,
        pause: float = 0.0,
        address: str | None = None,
        advice: str = "check the access that you have there",
    ) -> None:
        super().__init__()
        self.headers["User-Agent"] = USER_AGENT
        # What these expand to is bounded; see `BoundedAdapter`.
        self.headers["Accept-Encoding"] = ", ".join(_ENCODINGS)
        adapter = BoundedAdapter(patience.most_bytes)
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self._patience = patience
        self._timeout = timeout
        self._pause = pause
        self._address = address
        self._advice = advice
        self._earliest = 0.0

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request, to `address` if there is one."""
        if self._address:
            url = self._address.rstrip("/") + urlsplit(url).path
        return super().request(method, url, *args, **kwargs)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send until there is a usable answer.

        Raises:
            InputError: the server refuses (401, 403).
            WorkError: it wants money (402), too long a wait, or fails again and again.
            KeyboardInterrupt: somebody said stop.
        """
        kwargs["timeout"] = kwargs.get("timeout") or self._timeout
        host = urlsplit(request.url or "").netloc
        for failures in range(1, self._patience.retries + 2):
            self._keep_distance()
            try:
                response = super().send(request, **kwargs)
                self._refuse(response, host)
                problem = _problem(response, streaming=bool(kwargs.get("stream")))
            except _DROPPED as error:
                problem = f"the connection broke ({type(error).__name__})"
                response = None
            if problem is None and response is not None:
                return response
            self._wait(response, failures, f"{host}: {problem}")
        raise AssertionError("after_failure raises after the last try")

    def _keep_distance(self) -> None:
        if (early := self._earliest - time.monotonic()) > 0:
            time.sleep(early)
        self._earliest = time.monotonic() + self._pause

    def _refuse(self, response: requests.Response, host: str) -> None:
        # Mastodon says 422 where a timeline is for people who are logged in.
        logged_out = response.status_code == 422 and "authenticated" in response.text
        if response.status_code in (401, 402, 403) or logged_out:
            says = _message(response)
            kind = WorkError if response.status_code == 402 else InputError
            sentence = f"{host} refused with {response.status_code}"
            raise kind(f"{sentence}{f' ({says})' if says else ''}: {self._advice}")
        if response.status_code == 429 and "UsageCap" in response.text:
            raise WorkError(f"{host}: the account's quota is used up ({_message(response)})")

    def _wait(self, response: requests.Response | None, failures: int, problem: str) -> None:
        asked = asked_wait(response) if response is not None else None
        if asked is None or failures > self._patience.retries:
            self._patience.after_failure(failures, problem)
        else:
            self._patience.wait(asked, problem)


def _problem(response: requests.Response, *, streaming: bool) -> str | None:
    """Return why an answer cannot be used, None if it can."""
    if response.status_code == 429:
        return "rate limit reached"
    if response.status_code >= 500:
        return f"server error {response.status_code}"
    # Without a length in the header, a truncated body looks complete until it is parsed.
    if not streaming and response.ok and "json" in response.headers.get("content-type", ""):
        try:
            response.json()
        except ValueError:
            return "the answer was cut off"
        except RecursionError:
            return "the answer is nested too deeply"
    return None


def asked_wait(response: requests.Response) -> float | None:
    """Return the seconds that a server asks to wait, None if it does not say.

    Understands `Retry-After` (seconds or a date) and the reset headers of X (Unix time), Bluesky
    (Unix time or seconds) and Mastodon (a date), by the server's own clock.
    """
    now = _moment(response.headers.get("date")) or datetime.now(UTC)
    after = response.headers.get("retry-after")
    if after is not None:
        return _seconds(after, now)
    if response.status_code != 429:
        return None
    resets = (response.headers[name] for name in _RESET_HEADERS if name in response.headers)
    seconds = _seconds(next(resets, ""), now)
    # The reset is rounded to seconds: wait one more, so as not to be too early.
    return None if seconds is None else seconds + 1.0


def _seconds(value: str, now: datetime) -> float | None:
    try:
        number = float(value)
    except ValueError:
        moment = _moment(value)
        return None if moment is None else max(0.0, (moment - now).total_seconds())
    # More than thirty years is a point in time, less is a span.
    return max(0.0, number - now.timestamp() if number > 1e9 else number)


def _moment(value: str | None) -> datetime | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(value or "")
        except ValueError:
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _message(response: requests.Response) -> str:
    """Return what the server says about a refusal, shortened."""
    try:
        said = response.json()
    except (ValueError, RecursionError):
        return ""
    if not isinstance(said, dict):
        return ""
    words = [said.get(key) for key in ("detail", "message", "error", "title")]
    texts = [word for word in words if isinstance(word, str)]
    return " ".join(texts[0].split())[:200] if texts else ""


def cause_of(error: BaseException) -> TagFinderError | None:
    """Return the sentence behind an error that a client library made of it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, TagFinderError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
