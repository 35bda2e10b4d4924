from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfinder.corpus.sources.hashtag_lists import parse_lists

texts = st.text(st.characters(exclude_categories=["Cs"]))


def _parse(text: str) -> list[str] | None:
    return parse_lists(pl.Series([text])).to_list()[0]


@given(st.lists(st.lists(texts), min_size=1))
def test_what_python_writes_is_read_back(lists: list[list[str]]):
    assert parse_lists(pl.Series([repr(tags) for tags in lists])).to_list() == lists


@given(st.lists(texts), st.booleans())
def test_what_json_writes_is_read_back(tags: list[str], ascii_only: bool):
    assert _parse(json.dumps(tags, ensure_ascii=ascii_only)) == tags


@given(st.text(alphabet="[]'\"\\, ab#1(){}u\n"))
def test_nothing_breaks_it_and_only_lists_of_texts_come_out(text: str):
    found = _parse(text)
    assert found is None or all(isinstance(tag, str) for tag in found)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("['Fashion', 'style']", ["Fashion", "style"]),
        ("[]", []),
        (" [ 'a' , \"b\", ] ", ["a", "b"]),
        ("[u'a']", ["a"]),
        ("[\"it's\", 'b\"c', 'it\\'s']", ["it's", 'b"c', "it's"]),
        ('["\\ud83d\\ude00"]', ["😀"]),
        ("['a' 'b'\n 'c']", ["a", "b", "c"]),
        ("array(['a', 'b'], dtype=object)", ["a", "b"]),
        ("('a', 'b')", ["a", "b"]),
        ("[a, b]", ["a", "b"]),
        ("{flood,town}", ["flood", "town"]),
        ('{flood,"New York"}', None),
        ('{"flood",town}', ["flood", "town"]),
        ("{'flood'}", ["flood"]),
        ("{}", []),
        ('c("flood", "town")', ["flood", "town"]),
        ('c("flood")', ["flood"]),
        ("flood town", ["flood", "town"]),
        ("flood,town", ["flood", "town"]),
        ("flood; town", ["flood", "town"]),
        ("flood|town", ["flood", "town"]),
        ("|flood|town|", ["flood", "town"]),
        ("#flood #town", ["flood", "town"]),
        ("#flood, #town", ["flood", "town"]),
        ("#flood#town", ["flood", "town"]),
        ("<flood><c++>", ["flood", "c++"]),
        ("flood", ["flood"]),
        ("[{'text': 'flood', 'indices': [1, 2]}]", ["flood"]),
        ('[{"start": 1, "end": 3, "tag": "flood"}]', ["flood"]),
        ('[{"type": "Mention", "href": "u", "name": "@a"}, {"name": "#flood"}]', ["#flood"]),
    ],
)
def test_lists_are_read(text: str, tags: list[str]):
    assert _parse(text) == tags


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2]",
        "New York, Paris",
        "{'a': 1}",
        "[['a']]",
        "['a'",
        "['\\xzz']",
        '["\\ud83d"]',
        "__import__('os').getcwd()",
        "[" * 100_000,
    ],
)
def test_a_text_that_is_not_a_list_of_texts_is_null(text: str):
    assert _parse(text) is None


def test_a_missing_value_stays_missing_among_others():
    column = pl.Series(["['a']", None, "[no", "['b\\n']"])
    assert parse_lists(column).to_list() == [["a"], None, None, ["b\n"]]


def test_the_separator_is_that_of_the_whole_column():
    column = pl.Series(["a,b", "c", None, "d e"])
    assert parse_lists(column).to_list() == [["a", "b"], ["c"], None, None]
    assert parse_lists(pl.Series(["a b", "c"])).to_list() == [["a", "b"], ["c"]]


def test_a_given_separator_may_leave_blanks_in_names():
    assert parse_lists(pl.Series(["new york / rome"]), "/").to_list() == [["new york", "rome"]]
