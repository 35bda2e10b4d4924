from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from composed import prepared
from hypothesis import given, settings
from hypothesis import strategies as st

from tagfinder.commands.clean import load_cleaning
from tagfinder.corpus.multilingual import known_languages, languages_of, stop_words_of
from tagfinder.corpus.prepared import PARTS

TEXTS = {
    "en": ("The allies didn't need the best news today #x", "ally need best news today"),
    "fr": ("Les familles n'ont pas besoin de l'état! #x", "famille besoin"),
    "es": ("Las ciudades necesitan mejores noticias #x", "ciudad necesitar noticia"),
    "ja": ("今日は朝から雨が降った #x", "今日 朝 雨 降 っ"),
    "zh": ("今天早上开始下雨河水上涨了 #x", "今天 早上 下雨 河水 上涨"),
    "th": ("วันนี้ฝนตกตั้งแต่เช้า #x", "ฝน ตก เช้า"),
    "km": ("ថ្ងៃនេះមានភ្លៀងតាំងពីព្រឹក #x", "ថ្ងៃនេះ មាន ភ្លៀង តាំងពី ព្រឹក"),
    "lo": ("ມື້ນີ້ຝົນຕົກຕັ້ງແຕ່ເຊົ້າ #x", "ມື້ນີ້ ຝົນຕົກ ຕັ້ງແຕ່ ເຊົ້າ"),
    "my": ("ဒီနေ့မနက်ကတည်းက #x", "ဒီ နေ့ မနက် ကတည်းက"),
}


@pytest.mark.parametrize("language", TEXTS)
def test_words_lemmas_and_stop_words_are_those_of_the_language(language: str) -> None:
    text, words = TEXTS[language]
    cleaning = load_cleaning("multilingual", "drop")
    languages = cleaning.languages(pl.Series([text]))
    assert languages is not None
    assert languages.to_list() == [language]
    cleaned = cleaning.clean(pl.Series([text]), languages)
    assert cleaning.deep_clean(cleaned, languages).to_list() == [words]


def test_what_the_network_says_of_a_language_is_believed() -> None:
    codes = ["EN", "pt-BR", "iw", "und", "zxx", None, "", "no", "zh_Hant"]
    assert known_languages(pl.Series(codes)).to_list() == [
        "en", "pt", "he", None, None, None, None, "nb", "zh",
    ]  # fmt: skip
    text = "The river rises and the bridge is closed"
    assert languages_of(pl.Series([text] * 2), pl.Series(["fr", None])).to_list() == ["fr", "en"]


@pytest.mark.parametrize("text", ["", "👍🏽 123", "https://t.co/x @me #tag", "<p></p>"])
def test_texts_without_words_have_no_language(text: str) -> None:
    assert languages_of(pl.Series([text])).to_list() == ["und"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([text for text, _ in TEXTS.values()]), min_size=1, max_size=6))
def test_a_batch_of_many_languages_is_cleaned_like_its_rows(texts: list[str]) -> None:
    cleaning = load_cleaning("multilingual")
    whole = cleaning.clean(pl.Series("text", texts))
    assert whole.name == "text"
    assert whole.to_list() == [cleaning.clean(pl.Series([text]))[0] for text in texts]


def test_english_is_cleaned_as_by_the_report() -> None:
    texts = pl.Series(["Celebrate National STEM Day with allies, we're HERE!", "It's 3M's 10:30"])
    english = pl.Series(["en"] * 2)
    many, one = load_cleaning("multilingual"), load_cleaning("report")
    assert many.clean(texts, english).to_list() == one.clean(texts).to_list()
    deep = many.deep_clean(many.clean(texts, english), english)
    assert deep.to_list() == one.deep_clean(one.clean(texts)).to_list()


def test_a_language_without_tables_keeps_its_words() -> None:
    cleaning = load_cleaning("multilingual")
    assert stop_words_of("tlh") == frozenset()
    assert (
        cleaning.clean(pl.Series(["nuqneH tlhIngan"]), pl.Series(["tlh"]))[0] == "nuqneh tlhingan"
    )


def rows(file: Path, number: int) -> None:
    """Posts in two languages, with five hashtags each."""
    japanese = [
        "今日は朝から雨が降って川の水が増えている",
        "珈琲を飲みながら本を読む時間が好きです",
    ]
    english = [
        "the river rises over the old bridge in our town",
        "fresh beans and a good cup to read",
    ]
    posts = [
        {
            "id": str(n),
            "created_at": f"2020-08-{1 + n % 28:02}T13:08:45Z",
            "text": f"{(japanese if n % 2 else english)[n // 2 % 2]}{n} #{'ab'[n // 2 % 2]}{n % 2}",
        }
        for n in range(number)
    ]
    file.write_text("".join(json.dumps(post) + "\n" for post in posts), encoding="utf-8")


@pytest.mark.parametrize("cleaning", ["report", "light", "multilingual", "none"])
def test_posts_without_blanks_are_kept_by_every_cleaning(tmp_path: Path, cleaning: str) -> None:
    rows(tmp_path / "posts.jsonl", 80)
    corpus = prepared(
        "data=files", f"data.path={tmp_path / 'posts.jsonl'}", f"cleaning={cleaning}",
        "hashtags=any",
    )  # fmt: skip
    assert sum(corpus.manifest["rows"].values()) == 80
    assert corpus.manifest["rows_left_out"] == {}
    if cleaning == "multilingual":
        assert corpus.manifest["languages"] == {"en": 40, "ja": 40}
    if cleaning != "none":
        deep = pl.concat([corpus.part(part, ["deep_clean"]) for part in PARTS])["deep_clean"]
        assert deep.str.count_matches(" ").min() >= 2


def test_real_japanese_posts_are_kept_by_default(shared: Path) -> None:
    file = shared / "field" / "cases" / "japanese.jsonl"
    corpus = prepared("data=files", f"data.path={file}")
    assert sum(corpus.manifest["rows"].values()) == 120
    assert corpus.manifest["languages"] == {"und": 120}


def test_the_detector_agrees_with_a_real_corpus(shared: Path) -> None:
    posts = pl.read_parquet(shared / "data" / "world_leaders.parquet", columns=["text", "lang"])
    posts = posts.sample(400, seed=1)
    assert (languages_of(posts["text"]) == posts["lang"]).mean() > 0.9
