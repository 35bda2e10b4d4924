from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from tagfinder.corpus.words import lemma, map_words, stop_words

LEMMAS = {
    "allies": "ally", "featuring": "feature", "followed": "follow", "moderated": "moderate",
    "screening": "screening", "sponsors": "sponsor", "studies": "study", "mice": "mouse",
    "children": "child", "geese": "goose", "leaves": "leaf", "happier": "happy", "flew": "fly",
    "was": "be", "is": "be", "has": "have", "does": "do", "needs": "need", "funds": "fund",
}  # fmt: skip
UNCHANGED = (
    "us this news as data media opera species class bus texas covid amuay always his politics thus"
)


@pytest.mark.parametrize(("word", "expected"), LEMMAS.items())
def test_an_inflected_word_becomes_its_dictionary_form(word: str, expected: str) -> None:
    assert lemma(word) == expected


@pytest.mark.parametrize("word", UNCHANGED.split())
def test_a_word_that_only_looks_inflected_stays(word: str) -> None:
    assert lemma(word) == word


@pytest.mark.parametrize("word", ["", "!", "x2s", "naïves", "Allies", "日本語", "a.b", "…"])
def test_other_than_lower_case_english_words_stay(word: str) -> None:
    assert lemma(word) == word


def test_punctuation_around_a_word_stays() -> None:
    assert lemma("...leaders,") == "...leader,"


def test_stop_words_are_those_of_scikit_learn_without_the_content_words() -> None:
    missing = ENGLISH_STOP_WORDS - stop_words()
    assert {"fire", "bill", "system"} <= missing
    assert len(missing) < 30
    assert not missing & {"not", "the", "with", "a", "of", "by", "and", "from", "our", "us", "will"}


def test_stop_words_are_known_in_the_form_that_cleaning_leaves() -> None:
    assert {"be", "have", "dont", "youre", "thats", "wouldnt"} <= stop_words()
    assert not {"shell", "hell", "special", "event"} & stop_words()


@settings(deadline=None)
@given(st.lists(st.none() | st.text(st.sampled_from("ab ü日\x00"), max_size=12), max_size=8))
def test_mapping_words_is_splitting_mapping_and_joining(texts: list[str | None]) -> None:
    def lookup(word: str) -> str:
        return word and word.replace("a", "") + "é"

    mapped = map_words(pl.Series("texts", texts, dtype=pl.String), lookup)
    assert mapped.name == "texts"
    assert mapped.to_list() == [
        None if text is None else " ".join(map(lookup, text.split(" "))) for text in texts
    ]


def test_a_slice_of_a_column_is_mapped_like_a_column() -> None:
    texts = pl.Series(["left out", "two allies", None, "", "one ally"])
    assert map_words(texts[1:], lemma).to_list() == ["two ally", None, "", "one ally"]


def test_each_distinct_word_is_looked_up_once() -> None:
    asked: list[str] = []

    def lookup(word: str) -> str:
        asked.append(word)
        return word

    map_words(pl.Series(["a b a b", "b a b"] * 100), lookup)
    assert len(asked) <= 4  # a word at the end of a text counts as another
    assert set(asked) == {"a", "b"}
