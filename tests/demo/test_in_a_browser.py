"""The page in a real browser: it can be read, clicked, used by keyboard and on a phone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import served

pytest.importorskip("streamlit", reason="needs the extra demo")
pytest.importorskip("websockets", reason="needs websockets")
Browser = pytest.importorskip("browser").Browser
PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium here")

POST = "document.querySelector('textarea').value"
BUTTONS = "[...document.querySelectorAll('[data-testid=stButton] button')]"
BARS = "document.querySelectorAll('[data-testid=stPlotlyChart] svg').length"
IDLE = "document.querySelector('[data-test-script-state=notRunning]') !== null"
# A key that is pressed while the page is still being made is lost.
MADE = f"{BARS} > 0 && {BUTTONS}.length > 0 && {IDLE}"


@pytest.fixture(scope="module")
def address(run_of: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the page as `tagfinder demo` does."""
    with served(run_of("tfidf_lr")) as port:  # type: ignore[operator]
        yield f"http://127.0.0.1:{port}/"


def test_the_page_is_read_clicked_and_photographed(address: str, tmp_path: Path) -> None:
    with Browser(PROGRAM, tmp_path / "profile") as browser:
        browser.open(address)
        browser.wait_for(MADE)
        before = browser.wait_for(POST)
        hashtag = browser.value(f"{BUTTONS}[0].innerText")
        assert hashtag.startswith("#")
        assert "What the model reads" in browser.text()
        browser.value(f"{BUTTONS}[0].click()")
        assert browser.wait_for(f"{POST} !== {before!r} && {POST}") == f"{before} {hashtag}"
        browser.picture(tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 20_000, "the picture is not blank"


def test_a_hashtag_is_added_by_keyboard_alone(address: str, tmp_path: Path) -> None:
    with Browser(PROGRAM, tmp_path / "profile") as browser:
        browser.open(address)
        browser.wait_for(MADE)
        before = browser.wait_for(POST)
        for _ in range(60):
            browser.press("Tab")
            if browser.value(f"{BUTTONS}.includes(document.activeElement)"):
                break
        browser.press("Enter")
        assert " #" in browser.wait_for(f"{POST} !== {before!r} && {POST}")


def test_the_page_fits_a_phone(address: str, tmp_path: Path) -> None:
    with Browser(PROGRAM, tmp_path / "profile", width=390, height=800) as browser:
        browser.open(address)
        browser.wait_for(MADE)
        assert browser.value("document.documentElement.scrollWidth") <= 390
        widest = "Math.max(...[...document.querySelectorAll('textarea, button, .js-plotly-plot')]"
        assert browser.value(f"{widest}.map(e => e.getBoundingClientRect().right))") <= 390
