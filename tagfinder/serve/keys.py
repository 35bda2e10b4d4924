"""Access by keys from the environment and from a file that may change while the service runs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import os
from collections.abc import Callable, Container, Iterable
from pathlib import Path
from typing import Any

from fastapi import Depends, HTTPException, Request, Security
from fastapi.security import APIKeyHeader

from tagfinder.errors import InputError
from tagfinder.serve.problems import documented

logger = logging.getLogger(__name__)

KEY_VARIABLE = "TAGFINDER_API_KEY"
KEY_HEADER = "X-API-Key"
Guard = Callable[..., dict[str, Any]]
"""Gives the arguments of a route for its path and the statuses of its errors."""
# A browser asks its user for a key where a page wants "Basic"; programs are told of the header.
PAGES = ("/docs", "/openapi.json", "/metrics")


class Keys:
    """The keys that open the service; if there are none, requests need none.

    Args:
        fixed: keys that stay.
        file: more keys, one a line; empty lines and lines that begin with `#` do not count. It is
            read again when it changes, so that keys can be replaced while the service runs.

    Raises:
        InputError: the file cannot be read or holds no key.
    """

    def __init__(self, fixed: Iterable[str] = (), file: Path | None = None) -> None:
        self._fixed = [_digest(key) for key in fixed if key]
        self._file = file
        self._stamp: tuple[int, ...] = ()
        self._of_file: list[bytes] = []
        if file is not None:
            try:
                self._read(file)
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(f"--keys {file} cannot be read: {error}") from error

    def __bool__(self) -> bool:
        return bool(self._fixed) or self._file is not None

    def open(self, given: str | None) -> bool:
        """Return whether a key is one of these, in constant time."""
        self._refresh()
        digest = _digest(given or "")
        fits = [hmac.compare_digest(digest, known) for known in (*self._fixed, *self._of_file)]
        return given is not None and any(fits)

    def _refresh(self) -> None:
        if self._file is None:
            return
        try:
            if _stamp(self._file) != self._stamp:
                self._read(self._file)
        except (OSError, UnicodeDecodeError, InputError) as error:
            # While it is being replaced; the keys of before hold until it is there again.
            logger.warning("the keys stay as they are: %s", error)

    def _read(self, file: Path) -> None:
        stamp = _stamp(file)
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
        keys = [_digest(line) for line in lines if line and not line.startswith("#")]
        if not keys:
            raise InputError(f"--keys {file} holds no key; write one a line")
        self._of_file, self._stamp = keys, stamp


def keys_of(file: Path | None) -> Keys:
    """Return the keys of a file and of the environment variable TAGFINDER_API_KEY."""
    return Keys([os.environ.get(KEY_VARIABLE, "")], file)


def guard_of(keys: Keys, open_paths: Container[str]) -> Guard:
    """Return what gives the arguments of a route: its documented errors, and who may ask.

    A key may be sent as `X-API-Key`, as `Authorization: Bearer` or as the password of
    `Authorization: Basic`, which is what a browser and Prometheus can send.

    Args:
        keys: of those who may ask.
        open_paths: paths that need none.
    """
    header = APIKeyHeader(name=KEY_HEADER, auto_error=False)

    async def check(request: Request, given: str | None = Security(header)) -> None:
        if not keys.open(given or _authorization(request)):
            scheme = 'Basic realm="tagfinder"' if request.url.path in PAGES else "ApiKey"
            raise HTTPException(
                401, f"{KEY_HEADER}: missing or wrong", {"WWW-Authenticate": scheme}
            )

    def guard(path: str, *statuses: int) -> dict[str, Any]:
        if not keys or path in open_paths:
            return {"responses": documented(*statuses)}
        return {"responses": documented(401, *statuses), "dependencies": [Depends(check)]}

    return guard


def _authorization(request: Request) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return None
    try:
        _, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return password


def _digest(key: str) -> bytes:
    # Digests are of one length, so that comparing them does not tell the length of a key.
    return hashlib.sha256(key.encode()).digest()


def _stamp(file: Path) -> tuple[int, ...]:
    found = file.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
