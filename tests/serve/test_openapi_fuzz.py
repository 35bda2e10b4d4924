"""The service answers any request as its OpenAPI document says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tagfinder import Recommender

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis")
pytest.importorskip("fastapi", reason="needs the extra serve")


@pytest.mark.parametrize("method", ["POST /suggest", "GET /models", "GET /health", "GET /metrics"])
def test_answers_are_as_documented(linear_run: Path, method: str) -> None:
    from tagfinder.serve.app import create_app
    from tagfinder.serve.limits import load_limits

    app = create_app([Recommender.load(linear_run)], load_limits())
    document = schemathesis.openapi.from_asgi("/openapi.json", app)
    verb, path = method.split()

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
        database=None,
    )
    @given(case=document[path][verb].as_strategy())
    def answer_as_documented(case: schemathesis.Case) -> None:
        case.call_and_validate()

    answer_as_documented()
