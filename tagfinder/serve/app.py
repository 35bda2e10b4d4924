"""The REST service: suggestions over HTTP, with limits that are enforced before work is done."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

from fastapi import Depends, FastAPI, HTTPException, Response, Security
from fastapi.responses import PlainTextResponse
from fastapi.security import APIKeyHeader
from prometheus_client import CONTENT_TYPE_LATEST

from tagfinder import __version__
from tagfinder.recommend.live import LiveSuggester
from tagfinder.recommend.loading import Suggester
from tagfinder.recommend.suggestion import Suggestions
from tagfinder.serve.batching import Batcher, OverloadedError, Settings
from tagfinder.serve.gate import Gate
from tagfinder.serve.limits import Limits
from tagfinder.serve.meters import Meters
from tagfinder.serve.problems import Problem, add_problem_handlers, documented, problem
from tagfinder.serve.schema import HealthAnswer, ModelAnswer, SuggestAnswer, request_model
from tagfinder.serve.teaching import add_teaching

KEY_VARIABLE = "TAGFINDER_API_KEY"
KEY_HEADER = "X-API-Key"


class Service:
    """The recommenders behind the routes.

    Args:
        recommenders: at least one; names are made different where they are not.
        limits: what is accepted.
    """

    def __init__(self, recommenders: Sequence[Suggester], limits: Limits) -> None:
        self.limits = limits
        self.meters = Meters()
        self.batchers: dict[str, Batcher] = {}
        for recommender in recommenders:
            name = unused_name(recommender.name, self.batchers)
            observe = self.meters.batches.labels(name).observe
            batcher = Batcher(recommender, limits.max_batch, limits.max_waiting_texts, observe)
            waiting = self.meters.waiting.labels(name)
            waiting.set_function(partial(getattr, batcher, "waiting_texts"))
            self.batchers[name] = batcher

    async def suggest(self, request: Any) -> Response:
        """Answer a valid request."""
        texts = [request.text] if isinstance(request.text, str) else request.text
        settings = Settings(request.k, request.threshold, request.repeat, request.author)
        try:
            async with asyncio.timeout(self.limits.request_timeout):
                suggested = await self.batchers[request.model].suggest(texts, settings)
        except (OverloadedError, TimeoutError):
            return problem(
                503,
                "the service has too much to do; try again later",
                headers={"Retry-After": str(self.limits.retry_after)},
            )
        return Response(_answer(request.model, suggested), media_type="application/json")

    def teachable(self) -> dict[str, LiveSuggester]:
        """Return the recommenders that may be taught, by name."""
        named = {name: batcher.recommender for name, batcher in self.batchers.items()}
        return {
            name: recommender
            for name, recommender in named.items()
            if isinstance(recommender, LiveSuggester) and recommender.durable.writable
        }

    def models(self) -> list[ModelAnswer]:
        """Return what can be asked."""
        return [
            ModelAnswer(
                name=name,
                hashtags=batcher.recommender.n_hashtags,
                facts=batcher.recommender.facts,
            )
            for name, batcher in self.batchers.items()
        ]

    async def close(self) -> None:
        """Finish what waits."""
        for batcher in self.batchers.values():
            await batcher.close()
        for suggester in self.teachable().values():
            await asyncio.to_thread(suggester.close)


def create_app(
    recommenders: Sequence[Suggester], limits: Limits, api_key: str | None = None
) -> FastAPI:
    """Build the service.

    Args:
        recommenders: the first is asked where a request names none.
        limits: what is accepted.
        api_key: what the header X-API-Key must hold; None lets everybody ask. The command reads
            it from the environment variable TAGFINDER_API_KEY.
    """
    service = Service(recommenders, limits)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await service.close()

    app = FastAPI(title="TagFinder", version=__version__, lifespan=lifespan)
    app.add_middleware(Gate, limits=limits, meters=service.meters)
    add_problem_handlers(app)
    _add_routes(app, service, api_key)
    _document_problems(app)
    return app


def _add_routes(app: FastAPI, service: Service, api_key: str | None) -> None:
    request_type = request_model(service.limits, list(service.batchers))
    guarded = {"dependencies": [Depends(_key_check(api_key))]} if api_key else {}
    refused = documented(401) if api_key else {}

    async def suggest(request: Any) -> Response:
        """Suggest hashtags for one text or several."""
        return await service.suggest(request)

    # The limits are part of the request's type, which therefore is made at run time.
    suggest.__annotations__["request"] = request_type
    app.post(
        "/suggest",
        response_model=SuggestAnswer,
        responses=documented(400, 413, 422, 503) | refused,
        **guarded,  # type: ignore[arg-type]
    )(suggest)

    if teachable := service.teachable():
        add_teaching(app, teachable, service.limits, guarded)

    @app.get("/models", responses=documented(503) | refused, **guarded)  # type: ignore[arg-type]
    async def models() -> list[ModelAnswer]:
        """List the models that can be asked; the first is the default."""
        return service.models()

    @app.get("/health")
    async def health() -> HealthAnswer:
        """Say that the service works, and what it accepts."""
        return HealthAnswer(
            version=__version__, models=list(service.batchers), limits=asdict(service.limits)
        )

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Return counters for Prometheus."""
        return Response(service.meters.page(), media_type=CONTENT_TYPE_LATEST)


def _key_check(api_key: str) -> Any:
    header = APIKeyHeader(name=KEY_HEADER, auto_error=False)

    async def check(given: str | None = Security(header)) -> None:
        if given is None or not secrets.compare_digest(given.encode(), api_key.encode()):
            raise HTTPException(
                401, f"{KEY_HEADER}: missing or wrong", {"WWW-Authenticate": "ApiKey"}
            )

    return check


def _document_problems(app: FastAPI) -> None:
    document = app.openapi()
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)


def _answer(model: str, suggested: list[Suggestions]) -> bytes:
    content = {"model": model, "suggestions": [one.as_dict() for one in suggested]}
    return json.dumps(content, ensure_ascii=False).encode()


def unused_name(name: str, used: dict[str, Any]) -> str:
    """Return a name, with a number behind it where it is used already."""
    number, free = 1, name
    while free in used:
        number += 1
        free = f"{name}-{number}"
    return free


def api_key_from_environment() -> str | None:
    """Return the key that clients have to send, if one is set."""
    return os.environ.get(KEY_VARIABLE) or None
