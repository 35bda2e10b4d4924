from __future__ import annotations

import unicodedata
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagfinder.corpus.hashtags import HashtagRules, count_distinct, extract

CORPORA = (
    "covidsenti", "crisislex", "health_news", "natural_hazards", "semeval_sentiment",
    "tweeteval", "us_congress_2022",
)  # fmt: skip
EXAMPLES = {
    "#One two #three": ["One", "three"],
    "no tag, no #1, but #1a and #_": ["1a", "_"],
    "#again #Again #again": ["again", "Again", "again"],
    "word#tag &#tag /#tag ##tag #a#b": ["a"],
    "(#a),#b.#c!": ["a", "b", "c"],
    "#stay_home #covid19": ["stay_home", "covid19"],
    "#été ＃日本語 #हिन्दी": ["été", "日本語", "हिन्दी"],
    "#line\n#break": ["line", "break"],
    "# alone #": [],
    "": [],
}
TAGS = st.text(st.sampled_from("aéन्日1_#＃&/ .\n\x00"), max_size=20)


@pytest.mark.parametrize(("text", "hashtags"), EXAMPLES.items())
def test_hashtags_are_found_where_they_begin_a_word(text: str, hashtags: list[str]) -> None:
    assert extract(pl.Series([text])).to_list() == [hashtags]


def slow_extract(text: str) -> list[str]:
    """The rule, character by character."""
    found, position = [], 0
    while position < len(text):
        end = position + 1
        if text[position] in "#＃" and (position == 0 or not _bars_hashtag(text[position - 1])):
            while end < len(text) and _is_word(text[end]):
                end += 1
            if any(
                unicodedata.category(character) != "Nd" for character in text[position + 1 : end]
            ):
                found.append(text[position + 1 : end])
        position = end
    return found


def _is_word(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LM" or category == "Nd" or character == "_"


def _bars_hashtag(character: str) -> bool:
    return _is_word(character) or character in "&/#"


@settings(deadline=None)
@given(st.lists(TAGS | st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=20)))
def test_extraction_follows_the_rule_for_any_text(texts: list[str]) -> None:
    assert extract(pl.Series(texts, dtype=pl.String)).to_list() == list(map(slow_extract, texts))


@pytest.mark.parametrize("corpus", CORPORA)
def test_extraction_gives_the_hashtags_that_real_tweets_are_stored_with(
    corpus: str, shared: Path
) -> None:
    path = shared / "data" / f"{corpus}.parquet"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    tweets = pl.read_parquet(path, columns=["text", "hashtags"])
    assert (extract(tweets["text"]) == tweets["hashtags"]).all()


def test_the_reports_rule_leaves_words_of_letters_in_lower_case() -> None:
    tags = ["STEM", "covid19", "stem", "the", "Not", "stay_home", "हिन्दी", "Été", "", "fire"]
    rules = HashtagRules(letters_only=True, stop_words=True)
    assert rules.normalise(pl.Series([tags])).to_list() == [["stem", "हिन्दी", "été", "fire"]]


def test_without_rules_every_hashtag_stays_once() -> None:
    rules = HashtagRules(letters_only=False, stop_words=False)
    tags = pl.Series([["DS106", "ds106", "the"], [], None])
    assert rules.normalise(tags).to_list() == [["ds106", "the"], [], None]


def test_a_rule_can_be_had_without_the_other() -> None:
    tags = pl.Series([["covid19", "the", "fire"]])
    letters = HashtagRules(letters_only=True, stop_words=False)
    words = HashtagRules(letters_only=False, stop_words=True)
    assert letters.normalise(tags).to_list() == [["the", "fire"]]
    assert words.normalise(tags).to_list() == [["covid19", "fire"]]


@settings(deadline=None)
@given(st.lists(st.lists(TAGS)), st.booleans(), st.booleans())
def test_normalising_twice_changes_nothing(
    hashtags: list[list[str]], letters_only: bool, stop_words: bool
) -> None:
    rules = HashtagRules(letters_only, stop_words)
    once = rules.normalise(pl.Series(hashtags, dtype=pl.List(pl.String)))
    assert len(once) == len(hashtags)
    assert rules.normalise(once).to_list() == once.to_list()


def test_distinct_hashtags_are_counted_before_any_rule() -> None:
    tags = pl.Series([["STEM", "stem", "covid19", "the"], [], None], dtype=pl.List(pl.String))
    counts = count_distinct(tags)
    assert counts.to_list() == [3, 0, 0]
    assert counts.dtype == pl.UInt32


def test_a_frame_without_rows_has_no_hashtags() -> None:
    nothing = extract(pl.Series([], dtype=pl.String))
    assert nothing.dtype == pl.List(pl.String)
    assert HashtagRules(letters_only=True, stop_words=True).normalise(nothing).to_list() == []
    assert count_distinct(nothing).to_list() == []
