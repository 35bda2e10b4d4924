"""The page in a real browser: it can be read, clicked, used by keyboard and on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from chromium import PHONE, assert_accessible, chromium
from served import served

pytest.importorskip("streamlit", reason="needs the extra demo")
expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect

LAPTOP = {"width": 1366, "height": 900}
START = 120_000


@pytest.fixture(scope="module")
def address(
    run_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Serve the page as `tagfinder demo` does, with four models."""
    base = tmp_path_factory.mktemp("models")
    runs = [run_of("tfidf_lr"), run_of("random")]
    for copy, run in (("other", runs[0]), ("more", runs[1])):
        (base / copy).symlink_to(run)
        runs.append(base / copy)
    with served(*runs) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@contextmanager
def opened(browser: Any, address: str, **context: Any) -> Iterator[Any]:
    """Open the page and wait until its script has run."""
    with browser.new_context(**context) as tab:
        page = tab.new_page()
        page.goto(address)
        page.locator("[data-testid=stProgress]").first.wait_for(timeout=START)
        idle(page)
        # The field is drawn before its text is there.
        expect(post(page)).not_to_have_value("", timeout=START)
        yield page


def idle(page: Any) -> None:
    page.locator("[data-test-script-state=notRunning]").wait_for(state="attached")


def suggestion(page: Any) -> Any:
    return page.locator("[data-testid=stButton] button", has_text="#").first


def post(page: Any) -> Any:
    return page.get_by_label("Your post")


def test_a_hashtag_is_added_by_a_click(browser: Any, address: str) -> None:
    with opened(browser, address) as page:
        before = post(page).input_value()
        hashtag = suggestion(page).inner_text().split()[0]
        suggestion(page).click()
        expect(post(page)).to_have_value(f"{before} {hashtag}", timeout=START)


def test_a_hashtag_is_added_by_keyboard_alone(browser: Any, address: str) -> None:
    with opened(browser, address) as page:
        before = post(page).input_value()
        for _ in range(60):
            page.keyboard.press("Tab")
            if suggestion(page).evaluate("button => button === document.activeElement"):
                break
        hashtag = suggestion(page).inner_text().split()[0]
        page.keyboard.press("Enter")
        expect(post(page)).to_have_value(f"{before} {hashtag}", timeout=START)


def test_a_changed_post_is_scored_by_the_button(browser: Any, address: str) -> None:
    with opened(browser, address) as page:
        post(page).fill("bitcoin and stocks")
        page.get_by_role("button", name="Suggest hashtags").click()
        page.get_by_text("bitcoin and stock", exact=False).nth(1).wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_and_fits_laptop_and_phone(
    browser: Any, address: str, scheme: str
) -> None:
    with opened(browser, address, color_scheme=scheme, viewport=LAPTOP) as page:
        background = page.evaluate(
            "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
        )
        lightness = sum(map(int, background[4:-1].split(",")[:3])) / 3 / 255
        assert (lightness > 0.5) == (scheme == "light")
        for size in (LAPTOP, PHONE):
            page.set_viewport_size(size)
            assert_accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_four_models_are_legible_beside_each_other_on_a_laptop(browser: Any, address: str) -> None:
    with opened(browser, address, viewport=LAPTOP) as page:
        page.get_by_label("Models").click()
        page.get_by_role("option", name="Select all").click()
        page.keyboard.press("Escape")
        headings = page.get_by_role("heading", level=3)
        headings.nth(3).wait_for()
        boxes = [headings.nth(i).bounding_box() for i in range(4)]
        assert len({box["y"] for box in boxes}) == 1, "side by side"
        buttons = page.locator("[data-testid=stButton] button", has_text="#")
        cut = "button => button.scrollWidth > button.clientWidth"
        assert not any(button.evaluate(cut) for button in buttons.all())
        assert min(box["width"] for box in boxes) > 200
