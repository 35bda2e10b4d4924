"""The composer in a real browser: typed, clicked, by keyboard, on a phone, and on other pages."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")

from chromium import PHONE, assert_accessible, chromium
from running import running

import tagfinder
from tagfinder.serve.app import create_app
from tagfinder.serve.limits import load_limits

POST = "a tote bag in my closet"
ARABIC = "حقيبة جديدة في خزانتي closet bitcoin"
KEY = "secret"
WIDE = {"width": 1000, "height": 800}


@pytest.fixture(scope="module")
def recommender(run_of: Any) -> Any:
    return tagfinder.load(run_of("tfidf_lr"))


@pytest.fixture(scope="module")
def address(recommender: Any) -> Iterator[str]:
    with running(create_app([recommender], load_limits())) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@contextmanager
def opened(browser: Any, address: str, **context: Any) -> Iterator[Any]:
    """Open the composer; an error that the page logs is a failure."""
    with browser.new_context(**context) as tab:
        page = tab.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        yield page
        assert errors == []


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    with opened(browser, address) as page:
        yield page


def chips(page: Any) -> list[str]:
    page.wait_for_selector(".chip")
    return [text.split()[0].removeprefix("#") for text in page.locator(".chip").all_inner_texts()]


def expected(recommender: Any, text: str, k: int = 5) -> list[str]:
    [one] = recommender.suggest(text, k, threshold=0.005)
    return [found.hashtag for found in one.hashtags]


def settled(page: Any, wanted: list[str]) -> None:
    """Wait until the page shows these hashtags."""
    for _ in range(100):
        if page.locator(".chip").count() == len(wanted) and chips(page) == wanted:
            return
        page.wait_for_timeout(50)
    assert chips(page) == wanted


def test_suggestions_come_while_a_post_is_typed(page: Any, recommender: Any) -> None:
    page.keyboard.type(POST)
    settled(page, expected(recommender, POST))
    page.locator("#post").fill("")
    page.wait_for_selector(".chip", state="detached")


def test_a_click_adds_a_hashtag_that_is_not_suggested_again(page: Any, recommender: Any) -> None:
    page.locator("#post").fill(POST)
    first = chips(page)[0]
    page.locator(".chip").first.click()
    assert page.locator("#post").input_value() == f"{POST} #{first} "
    settled(page, expected(recommender, f"{POST} #{first} "))
    page.keyboard.type("more")
    assert page.locator("#post").input_value() == f"{POST} #{first} more", "typing continues"


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.shadowRoot?.activeElement?.ariaLabel"))


def test_a_hashtag_is_taken_by_keyboard_alone_and_announced(page: Any) -> None:
    page.keyboard.type(POST)
    names = chips(page)
    page.keyboard.press("Tab")
    assert names[0] in focused(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert names[1] in focused(page)
    page.keyboard.press("End")
    assert names[-1] in focused(page)
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    assert page.locator("#post").input_value() == f"{POST} #{names[0]} "
    page.locator(".announced", has_text="hashtags suggested").wait_for()
    assert focused(page).startswith("Add hashtag"), "the next one can be taken at once"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "post"


def test_tab_passes_the_chips_in_one_step(page: Any) -> None:
    page.keyboard.type(POST)
    chips(page)
    page.keyboard.press("Tab")
    assert focused(page).startswith("Add hashtag")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.className") == "why"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "copy"


def test_the_page_is_accessible_and_fits_wide_and_on_a_phone_light_and_dark(page: Any) -> None:
    assert_accessible(page)
    page.locator("#post").fill(POST + " word" * 80)
    chips(page)
    assert "Too long for X and Bluesky." in page.locator("#too-long").inner_text()
    backgrounds = set()
    for scheme, size in product(["light", "dark"], [WIDE, PHONE]):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        backgrounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(backgrounds) == 2


def test_right_to_left_posts_have_their_chips_from_the_right(page: Any) -> None:
    page.locator("#post").fill(ARABIC)
    names = chips(page)
    boxes = [chip.bounding_box() for chip in page.locator(".chip").all()[:2]]
    assert boxes[0]["x"] > boxes[1]["x"]
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    assert names[1] in focused(page), "the arrow goes where it points"
    assert_accessible(page)


def test_the_last_query_wins_in_any_order_of_answers(page: Any) -> None:
    shown = page.evaluate(
        """async () => {
            const { newestOnly } = await import("/composer/service.js");
            const shown = [];
            const milliseconds = { slow: 300, fast: 10 };
            // Answers although it was aborted, as a server does that had finished.
            const ask = (question) => new Promise(
                (answer) => setTimeout(answer, milliseconds[question], question));
            const questions = newestOnly(ask, (_, answer) => shown.push(answer), () => {});
            questions.put("slow", 0);
            await new Promise((later) => setTimeout(later, 50));
            questions.put("fast", 0);
            await new Promise((later) => setTimeout(later, 500));
            return shown;
        }"""
    )
    assert shown == ["fast"]


def test_fast_typing_sends_few_requests_and_aborts_older_ones(browser: Any, address: str) -> None:
    with opened(browser, address) as page:
        asked: list[Any] = []
        page.on("request", lambda one: asked.append(one) if one.url.endswith("suggest") else None)
        page.keyboard.type("a tote bag in my closet and a dress that is as new", delay=20)
        chips(page)
        page.wait_for_timeout(300)
    assert 1 <= len(asked) <= 6, "50 keys within a second"
    assert asked[-1].post_data_json["text"].endswith("as new")


def test_a_service_that_is_away_is_named_and_found_again(browser: Any, address: str) -> None:
    with opened(browser, address) as page:
        page.wait_for_load_state("networkidle")
        page.route("**/suggest", lambda route: route.abort())
        page.keyboard.type(POST)
        page.wait_for_selector(".error")
        assert "does not answer" in page.locator(".note").inner_text()
        assert page.locator("#post").input_value() == POST
        page.unroute("**/suggest")
        page.wait_for_selector(".chip", timeout=10_000)
        assert page.locator(".error").count() == 0


def test_a_refused_post_says_why(page: Any) -> None:
    page.locator("#post").fill("a" * 2001)
    page.wait_for_selector(".error")
    assert "at most 2000 characters" in page.locator(".note").inner_text()


def test_a_service_with_a_key_asks_for_it(browser: Any, recommender: Any) -> None:
    with (
        running(create_app([recommender], load_limits(), KEY)) as address,
        opened(browser, address) as page,
    ):
        page.locator("#post").fill(POST)
        page.wait_for_selector(".error")
        assert "API key" in page.locator(".note").inner_text()
        assert_accessible(page)
        page.get_by_label("API key").fill(KEY)
        settled(page, expected(recommender, POST))
        page.reload()
        page.locator("#post").fill(POST)
        settled(page, expected(recommender, POST))


@contextmanager
def other_page(folder: Path, text: str) -> Iterator[str]:
    """Serve a page on a port of its own, as another site would."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    (folder / "index.html").write_text(text)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


DOCS = Path(__file__).parents[2] / "docs" / "composer.md"
SERVED_IN_DOCS = "http://127.0.0.1:8000"


def documented_page(address: str) -> str:
    """Return the page of another site as docs/composer.md shows it."""
    [page] = re.findall(r"```html\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert SERVED_IN_DOCS in page
    return str(page).replace(SERVED_IN_DOCS, address)


def test_a_script_puts_suggestions_under_the_text_fields_of_another_site(
    browser: Any, recommender: Any, tmp_path: Path
) -> None:
    with other_page(tmp_path, "") as site:
        limits = replace(load_limits(), allowed_origins=[site.rstrip("/")])
        with running(create_app([recommender], limits)) as address:
            (tmp_path / "index.html").write_text(documented_page(address))
            with opened(browser, site) as page:
                page.locator("#status").fill(POST)
                settled(page, expected(recommender, POST))
                first = chips(page)[0]
                page.locator(".chip").first.click()
                assert page.locator("#status").input_value() == f"{POST} #{first} "
                assert_accessible(page)
                # What an application adds to its page later.
                added = '<p id="later"><textarea aria-label="Reply"></textarea></p>'
                page.evaluate(
                    f"document.querySelector('main').insertAdjacentHTML('beforeend', {added!r})"
                )
                page.get_by_label("Reply").fill(POST)
                reply = page.locator("#later .chip")
                reply.first.wait_for()
                assert reply.count() == len(expected(recommender, POST))


def test_another_site_gets_nothing_unless_it_is_allowed(
    browser: Any, address: str, tmp_path: Path
) -> None:
    with other_page(tmp_path, "<title>x</title>") as site, opened(browser, site) as page:
        asked = f"fetch('{address}/composer/settings').then(() => 'answered', () => 'refused')"
        assert page.evaluate(asked) == "refused"


def test_what_spoke_for_a_hashtag_is_shown_when_asked_for(page: Any, recommender: Any) -> None:
    page.locator("#post").fill("closet")
    names = chips(page)
    page.get_by_role("button", name="Why these?").click()
    page.locator(".reasons > li").first.wait_for()
    reasons = page.locator(".reasons > li").all_inner_texts()
    assert [reason.split(":")[0] for reason in reasons] == [f"#{name}" for name in names]
    assert reasons[0].endswith(": closet")
    assert_accessible(page)


def test_the_author_is_asked_for_where_the_chosen_model_reads_it(
    browser: Any, recommender: Any, run_of: Any
) -> None:
    pytest.importorskip("tantivy", reason="needs the extra live")
    live = tagfinder.load(run_of("live"))
    with (
        running(create_app([recommender, live], load_limits())) as address,
        opened(browser, address) as page,
    ):
        page.locator("#post").fill(POST)
        settled(page, expected(recommender, POST))
        assert page.get_by_label("Author").is_hidden()
        page.get_by_label("Model").select_option("live")
        page.get_by_label("Author").wait_for()
        with page.expect_request(lambda one: "somebody" in (one.post_data or "")) as asked:
            page.get_by_label("Author").fill("somebody")
        assert asked.value.post_data_json["author"] == "somebody"
        assert asked.value.post_data_json["model"] == "live"
        [one] = live.suggest(POST, 5, threshold=0.005, author="somebody")
        settled(page, [found.hashtag for found in one.hashtags])
        assert "synthetic" in page.locator("#facts").inner_text()
