"""What is read of a text."""

from __future__ import annotations

from tagfinder.live.words import spelled_names, telling, words


def test_words_keep_mentions_and_lose_apostrophes_and_case() -> None:
    assert words("Don’t miss @NASA's talk!") == ["dont", "miss", "@nasas", "talk"]


def test_neighbouring_words_spell_hashtags() -> None:
    spelled = spelled_names(words("We will Build Back Better with @SmallBiz, COVID-19 or not"))
    assert spelled["buildbackbetter"] == 3
    assert spelled["smallbiz"] == 1
    assert spelled["covid19"] == 2
    assert "backwith" not in spelled


def test_stop_words_tell_nothing_and_each_word_counts_once() -> None:
    assert telling(["the", "budget", "of", "the", "budget"]) == ["budget"]
