"""The page does what a person who clicks on it expects."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

import tagfinder
from tagfinder import Recommender
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.demo.models import distinct_names, without_tail
from tagfinder.escaping import for_markdown

testing = pytest.importorskip("streamlit.testing.v1", reason="needs the extra demo")

PAGE = Path(tagfinder.__file__).parent / "demo" / "page.py"
OpenPage = Callable[..., object]


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> OpenPage:
    """Open the page with some runs, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["page.py"])
    # The page replaces the main module, which every later process would run again.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    def opened(*runs: Path) -> object:
        monkeypatch.setenv("TAGFINDER_RUNS", os.pathsep.join(map(str, runs)))
        page = testing.AppTest.from_file(str(PAGE), default_timeout=120).run()
        assert not page.exception
        return page

    return opened


def buttons(page: object) -> list[str]:
    """Return the hashtags that the page suggests."""
    labels = [button.label for button in page.button]
    return [label.partition(" ")[0].removeprefix("#") for label in labels if label[0] == "#"]


def suggestion_buttons(page: object) -> list:
    return [button for button in page.button if button.label.startswith("#")]


def test_a_post_gets_the_recommenders_suggestions(open_page: OpenPage, linear_run: Path) -> None:
    page = open_page(linear_run)
    page.text_area(key="post").input("a tote bag in my closet").run()
    [expected] = Recommender.load(linear_run).suggest("a tote bag in my closet", 3, threshold=0.01)
    assert buttons(page) == [one.hashtag for one in expected.hashtags]
    assert page.code[0].value == expected.model_input


def test_more_hashtags_are_shown_when_asked(open_page: OpenPage, linear_run: Path) -> None:
    page = open_page(linear_run)
    page.text_area(key="post").input("a tote bag, bitcoin and stocks, hiring engineers").run()
    page.segmented_control(key="count").set_value("1").run()
    assert len(buttons(page)) == 1
    page.segmented_control(key="count").set_value("other").run()
    page.number_input[0].set_value(2).run()
    assert len(buttons(page)) == 2


def test_no_hashtag_is_shown_with_0_percent(open_page: OpenPage, linear_run: Path) -> None:
    page = open_page(linear_run)
    page.text_area(key="post").input("a tote bag in my closet").run()
    page.segmented_control(key="count").set_value("10").run()
    assert buttons(page)
    assert not [button.label for button in page.button if button.label.endswith(" 0%")]


def test_a_click_puts_a_hashtag_behind_the_post(open_page: OpenPage, linear_run: Path) -> None:
    page = open_page(linear_run)
    before = page.text_area(key="post").value
    first = buttons(page)[0]
    suggestion_buttons(page)[0].click().run()
    assert page.text_area(key="post").value == f"{before} #{first}"
    assert first not in buttons(page), "a hashtag of the post is not suggested again"


def test_an_example_becomes_the_post(open_page: OpenPage, linear_run: Path) -> None:
    page = open_page(linear_run)
    example = page.selectbox(key="example").options[2]
    page.selectbox(key="example").select(example).run()
    assert page.text_area(key="post").value == example


def test_a_post_with_nothing_known_says_so(open_page: OpenPage, linear_run: Path) -> None:
    page = open_page(linear_run)
    page.text_area(key="post").input("🔥").run()
    assert "nothing in this text is known" in page.info[0].value
    assert not buttons(page)


def test_two_models_are_shown_side_by_side(
    open_page: OpenPage, run_of: Callable[[str], Path]
) -> None:
    page = open_page(run_of("tfidf_lr"), run_of("random"))
    names = page.multiselect[0].options
    page.multiselect[0].set_value(names).run()
    assert [heading.value for heading in page.subheader] == [for_markdown("tfidf_lr"), "random"]


def test_two_runs_in_folders_of_one_name_are_both_shown(
    open_page: OpenPage, linear_run: Path, tmp_path: Path
) -> None:
    for parent in "ab":
        shutil.copytree(linear_run, tmp_path / parent / "mine")
    page = open_page(tmp_path / "a" / "mine", tmp_path / "b" / "mine", tmp_path / "a" / "mine")
    assert page.multiselect[0].options == ["a/mine", "b/mine"]
    page.multiselect[0].set_value(["a/mine", "b/mine"]).run()
    assert [heading.value for heading in page.subheader] == ["a/mine", "b/mine"]


def test_the_start_and_the_examples_are_posts_of_the_runs_own_corpus(
    open_page: OpenPage, linear_run: Path
) -> None:
    page = open_page(linear_run)
    examples = page.selectbox(key="example").options
    assert page.text_area(key="post").value == examples[0]
    folder = json.loads((linear_run / "run.json").read_text())["corpus"]["folder"]
    texts = without_tail(PreparedCorpus(folder).part("test", ["text"])["text"]).to_list()
    assert len(examples) == 5
    assert set(examples) <= set(texts)
    assert not any("#" in example or "://" in example for example in examples)


def test_the_page_says_how_a_model_was_trained_and_scored(
    open_page: OpenPage, linear_run: Path
) -> None:
    page = open_page(linear_run)
    shown = " ".join(element.value for element in page.markdown)
    score = json.loads((linear_run / "metrics.json").read_text())["test"]["ndcg@5"]
    today = date.today().isoformat()[:7]
    expected = ("tfidf_lr", "made-up (synthetic) posts", "protocol report", "50 hashtags", today)
    facts = map(for_markdown, (*expected, f"NDCG@5 {score:.2f}"))
    assert [fact for fact in facts if fact not in shown] == []


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/a/one", "/a/other"], ["one", "other"]),
        (["/a/one", "/b/one"], ["a/one", "b/one"]),
        (["/one", "/a/one", "/b/a/one"], ["/one", "/a/one", "b/a/one"]),
        ([], []),
    ],
)
def test_each_model_has_a_name_of_its_own(paths: list[str], names: list[str]) -> None:
    assert distinct_names([Path(path) for path in paths]) == names


def test_without_a_model_the_page_says_how_to_get_one(open_page: OpenPage) -> None:
    page = open_page()
    assert "There is no model yet" in page.info[0].value
    assert "tagfinder train" in page.markdown[-1].value


def test_a_run_that_cannot_be_loaded_is_named(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(tmp_path / "absent")
    assert "absent is not a run's folder" in page.error[0].value


def test_a_bundle_beside_the_page_is_found(
    open_page: OpenPage, linear_run: Path, tmp_path: Path
) -> None:
    from tagfinder.recommend.export import export_bundle

    export_bundle(linear_run, tmp_path / "bundles" / "mine")
    page = open_page()
    assert page.multiselect[0].options == ["mine"]


def test_a_live_run_shows_the_posts_that_spoke_for_a_hashtag_with_their_days(
    open_page: OpenPage, run_of: Callable[[str], Path]
) -> None:
    pytest.importorskip("tantivy", reason="needs the extra live")
    run = run_of("live")
    page = open_page(run)
    post = "a tote bag in my closet, bitcoin and stocks"
    page.text_area(key="post").input(post).run()
    page.text_input(key="author").input("somebody").run()
    assert not page.exception
    live = tagfinder.load(run)
    [suggested] = live.suggest(post, k=3, threshold=0.01, author="somebody")
    assert buttons(page) == [one.hashtag for one in suggested.hashtags]
    witnesses = live.witnesses(post, suggested.hashtags[0].hashtag)
    shown = " ".join(element.value for element in page.markdown)
    assert witnesses
    assert all(one.day in shown for one in witnesses)
