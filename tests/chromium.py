"""A headless Chromium, if one is installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
PHONE = {"width": 390, "height": 800}
WCAG_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a browser; without Playwright or Chromium the test skips."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if PROGRAM is None:
        pytest.skip("no Chromium here")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        yield browser
        browser.close()


def assert_accessible(page: Any) -> None:
    """Check a page by axe-core against WCAG 2.2, levels A and AA."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe")
    found = axe.Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG_AA}})
    violations = found.response["violations"]
    assert violations == [], [
        (rule["id"], node["target"], node["failureSummary"])
        for rule in violations
        for node in rule["nodes"]
    ]
