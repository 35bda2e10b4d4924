"""The page does what a person who clicks on it expects."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tagfinder
from tagfinder import Recommender

pytest.importorskip("plotly", reason="needs the extra demo")
testing = pytest.importorskip("streamlit.testing.v1", reason="needs the extra demo")

PAGE = Path(tagfinder.__file__).parent / "demo" / "page.py"
OpenPage = Callable[..., object]


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> OpenPage:
    """Open the page with some runs, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["page.py"])
    # The page takes the place of the main module, which every process begun later would run again.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    def opened(*runs: Path) -> object:
        monkeypatch.setenv("TAGFINDER_RUNS", os.pathsep.join(map(str, runs)))
        page = testing.AppTest.from_file(str(PAGE), default_timeout=120).run()
        assert not page.exception
        return page

    return opened


def buttons(page: object) -> list[str]:
    return [button.label.removeprefix("#") for button in page.button]


def test_a_post_gets_the_recommenders_suggestions(open_page: OpenPage, linear_run: Path) -> None:
    page = open_page(linear_run)
    page.text_area(key="post").input("a tote bag in my closet").run()
    [expected] = Recommender.load(linear_run).suggest("a tote bag in my closet", k=3)
    assert buttons(page) == [one.hashtag for one in expected.hashtags]
    assert page.code[0].value == expected.model_input


def test_more_hashtags_are_shown_when_asked(open_page: OpenPage, linear_run: Path) -> None:
    page = open_page(linear_run)
    page.segmented_control(key="count").set_value("10").run()
    assert len(buttons(page)) == 10
    page.segmented_control(key="count").set_value("other").run()
    page.number_input[0].set_value(7).run()
    assert len(buttons(page)) == 7


def test_a_click_puts_a_hashtag_behind_the_post(open_page: OpenPage, linear_run: Path) -> None:
    page = open_page(linear_run)
    before = page.text_area(key="post").value
    first = buttons(page)[0]
    page.button[0].click().run()
    assert page.text_area(key="post").value == f"{before} #{first}"
    assert first not in buttons(page), "what stands in the post is not suggested again"


def test_an_example_becomes_the_post(open_page: OpenPage, linear_run: Path) -> None:
    page = open_page(linear_run)
    example = page.selectbox(key="example").options[2]
    page.selectbox(key="example").select(example).run()
    assert page.text_area(key="post").value == example


def test_a_post_that_is_too_long_says_so(open_page: OpenPage, linear_run: Path) -> None:
    page = open_page(linear_run)
    page.text_area(key="post").input("a" * 300).run()
    assert "20 characters too many" in page.warning[0].value


def test_a_post_with_nothing_known_says_so(open_page: OpenPage, linear_run: Path) -> None:
    page = open_page(linear_run)
    page.text_area(key="post").input("🔥").run()
    assert "nothing in this text is known" in page.info[0].value
    assert not page.button


def test_two_models_stand_side_by_side(open_page: OpenPage, run_of: Callable[[str], Path]) -> None:
    page = open_page(run_of("tfidf_lr"), run_of("random"))
    names = page.multiselect[0].options
    page.multiselect[0].set_value(names).run()
    assert [heading.value for heading in page.subheader] == ["tfidf_lr", "random"]


def test_without_a_model_the_page_says_how_to_get_one(open_page: OpenPage) -> None:
    page = open_page()
    assert "There is no model yet" in page.info[0].value
    assert "tagfinder train" in page.markdown[0].value


def test_a_run_that_cannot_be_loaded_is_named(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(tmp_path / "absent")
    assert "absent is not a run's folder" in page.error[0].value


def test_a_bundle_beside_the_page_is_found(
    open_page: OpenPage, linear_run: Path, tmp_path: Path
) -> None:
    from tagfinder.recommend.export import export_bundle

    export_bundle(linear_run, tmp_path / "bundles" / "mine")
    page = open_page()
    assert page.multiselect[0].options == ["mine (50 hashtags)"]


def test_a_live_run_shows_the_posts_that_spoke_for_a_hashtag_with_their_days(
    open_page: OpenPage, run_of: Callable[[str], Path]
) -> None:
    pytest.importorskip("tantivy", reason="needs the extra live")
    run = run_of("live")
    page = open_page(run)
    post = "a tote bag in my closet, bitcoin and stocks"
    page.text_area(key="post").input(post).run()
    page.text_input(key=f"author {run.name}").input("somebody").run()
    assert not page.exception
    live = tagfinder.load(run)
    [suggested] = live.suggest(post, k=3, author="somebody")
    assert buttons(page) == [one.hashtag for one in suggested.hashtags]
    witnesses = live.witnesses(post, suggested.hashtags[0].hashtag)
    shown = " ".join(element.value for element in page.markdown)
    assert witnesses
    assert all(one.day in shown for one in witnesses)
