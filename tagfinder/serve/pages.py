"""The pages `/docs` and `/openapi.json`, which need nothing from the internet."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.staticfiles import StaticFiles

from tagfinder.serve.keys import Guard

# Below this lie Swagger UI's own script and style; they need no key.
ASSETS = "/docs-assets"


def add_pages(app: FastAPI, guard: Guard) -> None:
    """Add the OpenAPI document and the page that shows it.

    Args:
        app: the service.
        guard: gives what keeps clients without a key from a path.
    """
    app.mount(ASSETS, StaticFiles(directory=str(files("fastapi_offline") / "static")))

    @app.get("/openapi.json", include_in_schema=False, **guard("/openapi.json"))
    async def openapi() -> dict[str, Any]:
        return app.openapi()

    @app.get("/docs", include_in_schema=False, **guard("/docs"))
    async def docs() -> Response:
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title="TagFinder",
            swagger_js_url=f"{ASSETS[1:]}/swagger-ui-bundle.js",
            swagger_css_url=f"{ASSETS[1:]}/swagger-ui.css",
            swagger_favicon_url=f"{ASSETS[1:]}/favicon.png",
        )
