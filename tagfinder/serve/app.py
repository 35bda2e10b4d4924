"""The REST service: suggestions over HTTP, with limits that are enforced before work is done."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware.cors import CORSMiddleware

from tagfinder import __version__
from tagfinder.recommend.explain import reasons
from tagfinder.recommend.live import LiveSuggester
from tagfinder.recommend.loading import Suggester
from tagfinder.serve.batching import Batcher, OverloadedError, Settings
from tagfinder.serve.composer import add_composer
from tagfinder.serve.disconnects import unless_gone
from tagfinder.serve.following import Following
from tagfinder.serve.gate import Gate, overloaded
from tagfinder.serve.keys import KEY_HEADER, Keys, guard_of
from tagfinder.serve.limits import Limits
from tagfinder.serve.meters import Meters
from tagfinder.serve.pages import add_pages
from tagfinder.serve.problems import Problem, add_problem_handlers
from tagfinder.serve.schema import (
    HealthAnswer,
    LogAnswer,
    ModelAnswer,
    SuggestAnswer,
    request_model,
)
from tagfinder.serve.teaching import add_teaching


class Service:
    """The recommenders behind the routes.

    Args:
        recommenders: at least one; names are made different where they are not.
        limits: of requests.
        teach: whether clients may teach the ones that can be taught.
    """

    def __init__(
        self, recommenders: Sequence[Suggester], limits: Limits, *, teach: bool = True
    ) -> None:
        self.limits = limits
        self.teach = teach
        self.meters = Meters()
        self.batchers: dict[str, Batcher] = {}
        # It takes as long as many suggestions; one at a time leaves room for those.
        self._explaining = asyncio.Semaphore(1)
        for recommender in recommenders:
            name = unused_name(recommender.name, self.batchers)
            observe = self.meters.batches.labels(name).observe
            waiting = self.meters.waiting.labels(name)
            batcher = Batcher(
                recommender, limits.max_batch, limits.max_waiting_texts, observe, waiting.set
            )
            self.batchers[name] = batcher
        self.following = {
            name: Following(batcher.recommender)
            for name, batcher in self.batchers.items()
            if isinstance(batcher.recommender, LiveSuggester)
        }

    async def suggest(self, request: Any) -> Response:
        """Answer a valid request."""
        texts = [request.text] if isinstance(request.text, str) else request.text
        settings = Settings(request.k, request.threshold, request.repeat, request.author)
        try:
            async with asyncio.timeout(self.limits.request_timeout):
                suggested = await self.batchers[request.model].suggest(texts, settings)
                answers = [one.as_dict() for one in suggested]
                for answer in answers if request.explain else ():
                    await self._explain(request.model, answer)
        except (OverloadedError, TimeoutError):
            return overloaded(self.limits)
        content = {"model": request.model, "suggestions": answers}
        return Response(json.dumps(content, ensure_ascii=False), media_type="application/json")

    async def _explain(self, model: str, answer: dict[str, Any]) -> None:
        """Add to the hashtags of an answer what supports each."""
        hashtags = [one["hashtag"] for one in answer["hashtags"]]
        recommender = self.batchers[model].recommender
        async with self._explaining:
            found = await asyncio.to_thread(reasons, recommender, answer["text"], hashtags)
        for one, because in zip(answer["hashtags"], found, strict=True):
            one["because"] = because

    def teachable(self) -> dict[str, LiveSuggester]:
        """Return the recommenders that may be taught, by name."""
        if not self.teach:
            return {}
        named = {name: batcher.recommender for name, batcher in self.batchers.items()}
        return {
            name: recommender
            for name, recommender in named.items()
            if isinstance(recommender, LiveSuggester) and recommender.durable.writable
        }

    def models(self) -> list[ModelAnswer]:
        """Return the models of the service."""
        return [
            ModelAnswer(
                name=name,
                hashtags=batcher.recommender.n_hashtags,
                facts=batcher.recommender.facts,
            )
            for name, batcher in self.batchers.items()
        ]

    def health(self) -> HealthAnswer:
        """Return how the service is."""
        logs = {name: self._log(name, following) for name, following in self.following.items()}
        late = any(log.seconds_behind > self.limits.max_lag_seconds for log in logs.values())
        return HealthAnswer(
            status="behind" if late else "ok",
            version=__version__,
            process=os.getpid(),
            models=list(self.batchers),
            logs=logs,
            limits=self.limits.numbers(),
        )

    def _log(self, name: str, following: Following) -> LogAnswer:
        suggester = self.batchers[name].recommender
        assert isinstance(suggester, LiveSuggester)
        return LogAnswer(
            posts=suggester.n_posts,
            behind=suggester.durable.behind(),
            seconds_behind=round(following.seconds_behind(), 3),
            without_vectors=suggester.durable.without_vectors(),
            keeps=suggester.durable.keeps,
        )

    def open(self) -> None:
        """Begin to follow posts that other processes teach."""
        for following in self.following.values():
            following.start()

    async def close(self) -> None:
        """Finish waiting requests."""
        for batcher in self.batchers.values():
            await batcher.close()
        for name, following in self.following.items():
            suggester = self.batchers[name].recommender
            assert isinstance(suggester, LiveSuggester)
            await asyncio.to_thread(following.stop, self.limits.drain_seconds)
            await asyncio.to_thread(suggester.close, self.limits.drain_seconds)


def create_app(
    recommenders: Sequence[Suggester],
    limits: Limits,
    keys: Keys | str | None = None,
    *,
    teach: bool = True,
) -> FastAPI:
    """Build the service.

    Args:
        recommenders: the first is the default.
        limits: of requests.
        keys: what clients must send as X-API-Key; without any, requests need none.
        teach: whether clients may teach the ones that can be taught.
    """
    service = Service(recommenders, limits, teach=teach)
    if not isinstance(keys, Keys):
        keys = Keys([keys] if keys else [])

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.open()
        yield
        await service.close()

    app = FastAPI(
        title="TagFinder",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.add_middleware(Gate, limits=limits, meters=service.meters)
    if limits.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=limits.allowed_origins,
            allow_methods=["GET", "POST"],
            allow_headers=[KEY_HEADER],
        )
    add_problem_handlers(app)
    _add_routes(app, service, keys)
    _document_problems(app)
    return app


def _add_routes(app: FastAPI, service: Service, keys: Keys) -> None:
    request_type = request_model(service.limits, list(service.batchers))
    guard = guard_of(keys, service.limits.open_paths)

    async def suggest(request: Any, sent: Request) -> Response:
        """Suggest hashtags for one text or several."""
        return await unless_gone(sent, service.suggest(request))

    # The limits are part of the request's type, which therefore is made at run time.
    suggest.__annotations__["request"] = request_type
    app.post(
        "/suggest",
        response_model=SuggestAnswer,
        **guard("/suggest", 400, 413, 422, 429, 503),
    )(suggest)

    needs_key = bool(keys) and "/suggest" not in service.limits.open_paths
    add_composer(app, service.batchers, needs_key=needs_key)
    if teachable := service.teachable():
        add_teaching(app, teachable, service.limits, guard)

    @app.get("/models", **guard("/models", 429, 503))
    async def models() -> list[ModelAnswer]:
        """List the models; the first is the default."""
        return service.models()

    @app.get("/health", **guard("/health"))
    async def health() -> HealthAnswer:
        """Return the state of the service, and its limits."""
        return service.health()

    @app.get("/metrics", response_class=PlainTextResponse, **guard("/metrics"))
    async def metrics() -> Response:
        """Return counters for Prometheus."""
        return Response(service.meters.page(), media_type=CONTENT_TYPE_LATEST)

    add_pages(app, guard)


def _document_problems(app: FastAPI) -> None:
    document = app.openapi()
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)


def unused_name(name: str, used: dict[str, Any]) -> str:
    """Return a name, with a number behind it if it is used already."""
    number, free = 1, name
    while free in used:
        number += 1
        free = f"{name}-{number}"
    return free
