"""The composer: a page that suggests hashtags while a post is typed, and its embed script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field
from starlette.staticfiles import StaticFiles

from tagfinder.recommend.live import LiveSuggester
from tagfinder.serve.batching import Batcher

STATIC = Path(__file__).parent / "static"
# Everything comes from this server, and no other page may put this one into a frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # A browser asks whether a file is still the same, so that a new version is used at once.
    "Cache-Control": "no-cache",
}


class ModelSettings(BaseModel):
    """A model that can be chosen."""

    name: str
    reads_author: bool = Field(description="Whether its suggestions depend on who writes.")


class ComposerSettings(BaseModel):
    """Settings of the page."""

    models: list[ModelSettings] = Field(description="The first is the default.")
    needs_key: bool = Field(description="Whether /suggest needs an API key.")


class StaticPages(StaticFiles):
    """Static files with the headers of the composer."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a file, or 304 if the browser has it."""
        response = super().file_response(*args, **kwargs)
        response.headers.update(HEADERS)
        return response


def add_composer(app: FastAPI, batchers: dict[str, Batcher], *, needs_key: bool) -> None:
    """Add the page at `/`, its files below `/composer/` and its settings; none of them needs a key.

    Args:
        app: the service.
        batchers: the recommenders, by name.
        needs_key: whether /suggest needs an API key.
    """
    pages = StaticPages(directory=STATIC)
    settings = ComposerSettings(
        models=[
            ModelSettings(name=name, reads_author=isinstance(one.recommender, LiveSuggester))
            for name, one in batchers.items()
        ],
        needs_key=needs_key,
    )

    @app.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        return await pages.get_response("index.html", request.scope)

    @app.get("/composer/settings", include_in_schema=False)
    async def composer_settings() -> ComposerSettings:
        return settings

    app.mount("/composer", pages)
