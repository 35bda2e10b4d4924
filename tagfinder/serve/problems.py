"""Errors as problem documents (RFC 9457): the reason and the field."""

from __future__ import annotations

import json
import logging
import sqlite3
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from tagfinder.errors import InputError, TagFinderError, as_sentence

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """The error of a request."""

    type: str = Field("about:blank")
    title: str = Field(description="The status in words.")
    status: int
    detail: str = Field(description="What is wrong, in a sentence.")
    field: str | None = Field(None, description="The field of the request that it is about.")


class FieldError(Exception):
    """A value that its type allows and the service does not.

    Args:
        field: where in the request it is, as `posts[3].id`.
        reason: of the error.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


def problem(
    status: int, detail: str, field: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    """Return a problem document."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if field is not None:
        content["field"] = field
    return Response(json.dumps(content), status, headers, MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of an operation's errors."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def add_problem_handlers(app: FastAPI) -> None:
    """Let every error of an app be a problem document."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(FieldError, _wrong_value)
    for expected in (TagFinderError, OSError, sqlite3.Error, MemoryError):
        app.add_exception_handler(expected, _refused_work)
    app.add_exception_handler(Exception, _failure)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = _field(first["loc"])
    return problem(422, f"{field}: {first['msg']}", field)


async def _wrong_value(request: Request, error: Exception) -> Response:
    assert isinstance(error, FieldError)
    return problem(422, str(error), error.field)


def _field(location: tuple[Any, ...]) -> str:
    """Return `posts[3].id` for where in a body an error is, without pydantic's names of types."""
    name, before = "body", None
    for part in location[1:]:
        if isinstance(part, int):
            name += f"[{part}]" if name != "body" else ""
        elif name == "body":
            name = str(part)
        elif isinstance(before, int):
            name += f".{part}"
        before = part
    return name


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    return problem(error.status_code, str(error.detail), headers=headers)


async def _refused_work(request: Request, error: Exception) -> Response:
    """Say what the machine lacks; the trace is for the log alone."""
    if isinstance(error, InputError):
        return problem(422, str(error))
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(503, str(as_sentence(error)))


async def _failure(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "the service failed; its log says why")
