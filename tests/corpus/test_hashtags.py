from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tagfinder.corpus.hashtags import HashtagRules, count_distinct, extract, fold
from tagfinder.errors import InputError

CORPORA = (
    "covidsenti", "crisislex", "health_news", "natural_hazards", "semeval_sentiment",
    "tweeteval", "us_congress_2022",
)  # fmt: skip
EXAMPLES = {
    "#One two #three": ["One", "three"],
    "no tag, no #1 and no #_, but #1a": ["1a"],
    "#again #Again #again": ["again", "Again", "again"],
    "word#tag &#tag /#one ##two #a#b": ["one", "two"],
    "(#a),#b.#c!": ["a", "b", "c"],
    "#stay_home #covid19": ["stay_home", "covid19"],
    "#été ＃日本語 #हिन्दी": ["été", "日本語", "हिन्दी"],
    "#line\n#break": ["line", "break"],
    "# alone #": [],
    "": [],
}
TAGS = st.text(st.sampled_from("aéन्日1_#＃&/ ・·\u200c\ufe0f\u20e3\n\x00"), max_size=20)
PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=20).filter(
    lambda text: not set(text) & set("<.:…")
)
SPECIAL = (
    "_\u200c\u200d\ua67e\u05be\u05f3\u05f4\uff5e\u301c"
    "\u309b\u309c\u30a0\u30fb\u3003\u0f0b\u0f0c\xb7"
)
CASES = yaml.safe_load(Path(__file__).with_name("hashtag_cases.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("text", "hashtags"), EXAMPLES.items())
def test_hashtags_are_found_where_they_begin_a_word(text: str, hashtags: list[str]) -> None:
    assert extract(pl.Series([text])).to_list() == [hashtags]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["description"])
def test_hashtags_of_every_form_and_script(case: dict[str, Any]) -> None:
    assert extract(pl.Series([case["text"]])).to_list() == [case["expected"]]


def test_hashtags_of_real_forms_fold_to_the_right_labels(shared: Path) -> None:
    cases = pl.read_csv(shared / "field" / "cases" / "hashtag_forms.csv")
    rules = HashtagRules(letters_only=False, stop_words=False)
    labels = rules.normalise(extract(cases["text"]))
    assert dict(zip(cases["id"], labels.to_list(), strict=True)) == {
        name: json.loads(right) for name, right in cases.select("id", "right").rows()
    }


def test_no_stump_of_a_cut_hashtag_becomes_a_label(shared: Path) -> None:
    posts = pl.read_csv(shared / "field" / "cases" / "cut_hashtags.csv")
    found = extract(posts["text"])
    assert set(found.explode().drop_nulls()) == {"flood", "coffee", "election", "jazz", "marathon"}
    assert found.list.len().to_list() == [0 if "…" in text else 1 for text in posts["text"]]


def slow_extract(text: str) -> list[str]:
    """The rule for texts without HTML and addresses, character by character."""
    found, position = [], 0
    while position < len(text):
        end = position + 1
        if text[position] in "#＃" and not _bars_hashtag(text[position - 1 : position]):
            while end < len(text) and _is_word(text[end]):
                end += 1
            name = text[position + 1 : end]
            starts_well = name[:1] not in ("\ufe0f", "\u20e3")
            if starts_well and any(map(_is_letter, name)):
                # What ends a hashtag does not begin another one.
                if text[end : end + 1] in ("#", "＃"):
                    end += 1
                else:
                    found.append("".join(each for each in name if not _is_looks(each)))
            else:
                end = position + 1
        position = end
    return found


def _is_looks(character: str) -> bool:
    return (
        re.match(r"[\u20e3\ufe00-\ufe0f\U000e0100-\U000e01ef\u180b-\u180d\u180f]", character)
        is not None
    )


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM" and not _is_looks(character)


def _is_word(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LM" or category == "Nd" or character in SPECIAL


def _bars_hashtag(before: str) -> bool:
    return bool(before) and (before == "&" or (_is_word(before) and not _is_looks(before)))


@settings(deadline=None)
@given(st.lists(TAGS | PLAIN))
def test_extraction_follows_the_rule_for_any_text(texts: list[str]) -> None:
    assert extract(pl.Series(texts, dtype=pl.String)).to_list() == list(map(slow_extract, texts))


@pytest.mark.parametrize("corpus", CORPORA)
def test_extraction_gives_the_hashtags_that_real_tweets_are_stored_with(
    corpus: str, shared: Path
) -> None:
    path = shared / "data" / f"{corpus}.parquet"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    tweets = pl.read_parquet(path, columns=["text", "hashtags"]).head(50_000)
    # They were stored by a simpler rule: no cuts, no addresses, other neighbours of `#`.
    others = r"…|\.{3}|\S[#＃]|[#＃]\S*(?:[#＃]|://)|[#＃][_\d]+\b|[\p{Cf}·・\x{FE0F}\x{20E3}]"
    tweets = tweets.filter(~pl.col("text").str.contains(others))
    assert tweets.height > 2_000
    assert (extract(tweets["text"]) == tweets["hashtags"]).all()


FOLDED = {
    "STEM": "stem",
    "Straße": "strasse",
    "ΟΔΟΣ": "οδοσ",
    "οδος": "οδοσ",
    "İstanbul": "i̇stanbul",
    "ılık": "ılık",
    "ＮＨＫ２０": "nhk20",
    "ｻｯｶｰ": "サッカー",
    "ﾊﾟﾋﾟ": "パピ",
    "メ～テレ": "メ～テレ",
    "cafe\u0301": "caf\xe9",
    "ᾼ": "αι",
    "می‌خواهم": "می‌خواهم",
    "葛\U000e0100城": "葛城",
    "ﬂood": "flood",
}


@pytest.mark.parametrize(("spelling", "label"), FOLDED.items())
def test_spellings_of_one_hashtag_are_one_label(spelling: str, label: str) -> None:
    assert fold(spelling) == label


@settings(deadline=None)
@given(st.text(max_size=12))
def test_folding_is_done_once_and_forgets_case_and_composition(name: str) -> None:
    folded = fold(name)
    assert fold(folded) == folded
    assert fold(unicodedata.normalize("NFD", name)) == folded
    assert fold(unicodedata.normalize("NFC", name)) == folded


USES = {
    "buildbackbetter": 9, "BuildBackBetter": 7, "BuildBackBETTER": 1, "NYC": 3, "nyc": 2,
    "cafe\u0301": 2, "Café": 3, "caf\xe9": 2, "Stay_Home": 1, "stayhome": 8, "stay_home": 2,
    "unused": 4,
}  # fmt: skip


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("most_used", ["buildbackbetter", "NYC", "stay_home", "caf\xe9", "never"]),
        ("readable", ["BuildBackBetter", "NYC", "stay_home", "caf\xe9", "never"]),
    ],
)
def test_a_hashtag_is_spelled_as_most_people_do_or_as_those_who_mark_its_words(
    spelling: Any, expected: list[str]
) -> None:
    rules = HashtagRules(letters_only=False, stop_words=False, spelling=spelling)
    assert (
        rules.spellings(["buildbackbetter", "nyc", "stay_home", "caf\xe9", "never"], USES)
        == expected
    )


def test_an_unknown_choice_of_spelling_is_refused() -> None:
    with pytest.raises(InputError, match=r"hashtags\.spelling.*'nice'.*most_used.*readable"):
        HashtagRules(letters_only=False, stop_words=False, spelling="nice")  # type: ignore[arg-type]


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
