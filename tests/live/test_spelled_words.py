"""What is read of a text."""

from __future__ import annotations

import pytest

from tagfinder.live.tokens import index_terms, spelled_hashtags, split_words


def test_words_keep_mentions_and_lose_apostrophes_and_case() -> None:
    assert split_words("Don’t miss @NASA's talk!") == ["dont", "miss", "@nasas", "talk"]


def test_neighbouring_words_spell_hashtags() -> None:
    found = split_words("We will Build Back Better with @SmallBiz, COVID-19 or not")
    hashtags = ["buildbackbetter", "smallbiz", "covid19", "backwith", "withsmallbizcovid19ornot"]
    numbers = {name: number for number, name in enumerate(hashtags)}
    assert spelled_hashtags(found, numbers) == {0: 3, 1: 1, 2: 2}


def test_stop_words_tell_nothing_and_each_word_counts_once() -> None:
    assert index_terms(["the", "budget", "of", "the", "budget"]) == ["budget"]


@pytest.mark.parametrize(
    ("text", "words"),
    {
        "हिन्दी में बात": ["हिन्दी", "में", "बात"],
        "می‌خواهم بروم": ["می‌خواهم", "بروم"],
        "今日は雨 ok": ["今日", "日は", "は雨", "ok"],
        "@nasa ไทย": ["@nasa", "ไท", "ทย"],
        "L'été, c'est ça!": ["lété", "cest", "ça"],
    }.items(),
)
def test_words_are_whole_in_every_script(text: str, words: list[str]) -> None:
    assert split_words(text) == words
