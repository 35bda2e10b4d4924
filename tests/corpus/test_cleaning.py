from __future__ import annotations

import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagfinder.commands.clean import load_cleaning
from tagfinder.corpus import cleaning as steps
from tagfinder.corpus.hashtags import extract
from tagfinder.corpus.scripts import count_tokens
from tagfinder.errors import InputError
from tagfinder.paths import conf_dir

# Figure 18 of the report.
PUBLISHED = (
    'Celebrate National STEM Day with a special virtual screening of "Not the Science Type" '
    "followed by a panel discussion moderated by @3M Chief Science Advocate Jayshree Seth "
    "featuring female STEM leaders and allies from our event sponsors. https://t.co/2Wu2JgHjPuE"
)
CLEANED = (
    "celebrate national stem day with a special virtual screening of not the science type "
    "follow by a panel discussion moderate by 3m chief science advocate jayshree seth "
    "feature female stem leader and ally from our event sponsor."
)
DEEPLY_CLEANED = (
    "celebrate national stem day special virtual screening science type follow panel discussion "
    "moderate chief science advocate jayshree seth feature female stem leader ally event sponsor"
)
KEEP = {
    # trailing hashtags, also behind signs and addresses
    "text #a #b": "text",
    "text #a #b https://t.co/x": "text",
    "text! #a, #b. 🎉 #c?! pic.twitter.com/x": "text!",
    "text (#a #b)": "text",
    "#a #b": "",
    "text #a#b": "text",
    "cut #a #b… https://t.co/x": "cut",
    "cut #b… in the middle": "cut in the middle",
    "text <a href='http://a.org/b' class='mention hashtag'>#<span>b</span></a>": "text",
    "text #col·laboració #メ〜テレ": "text",
    # hashtags inside
    "a #one two": "a one two",
    "thanks #one @me #two": "thank one me",
    "we are #1": "we be 1",
    "in #stay_home mode": "in stay home mode",
    'a <a href="x">#<span>one</span></a> two': "a one two",
    # addresses
    "see http://a.org/b?c=d#e, now": "see now",
    "bare t.co/abc and pic.twitter.com/xyz": "bare and",
    "gluehttps://t.co/abc": "glue",
    "old http://t.co/ab…": "old",
    "cut htt… and http:…": "cut and",
    "日本 http://t.co/abcだよ": "日本 だよ",
    "www.tagfinder.org rules": "rule",
    # HTML
    "Tom &amp; Jerry &amp;amp; friends": "tom jerry friend",
    "caf&eacute; &lt;3 don&#39;t": "café 3 dont",
    '<a href="http://a.org/b">link</a><br/>text': "link text",
    "1 < 2 > 0": "1 2 0",
    "&lt;b&gt;bold&amp;lt;/b&amp;gt; 1 &lt; 2": "bold 1 2",
    "if a<b, then c>d": "if a b, then c d",
    "<p>one</p><p>t<b>w</b>o<!-- x --></p>": "one two",
    "&#999999999999999999999999;": "999999999999999999999999;",
    # emoji
    "go 👩🏽‍🚀🇺🇸❤️ 1️⃣ #️⃣ ok": "go ok",
    # the rest
    "Don't say “we’re done”": "dont say be do",
    "Wait, what?! Yes: 10:30; 3.5%": "wait, what?! yes: 10:30; 3.5",
    "tab\tand\nline\u2028end": "tab and line end",
    "nul\x00and\u200bzero": "nul andzero",
    "ÉCOLE हिन्दी Русский": "école हिन्दी русский",
    "": "",
}
DROP = {
    "a #one two": "a two",
    "#one two #three https://t.co/x": "two",
    "word#tag #a#b /#path": "word",
    "we are #1": "we be 1",
    "thanks #one @me #two": "thank me",
    "&amp;#one left": "left",
    "it&#x27;s": "its",
    "＃全角 ここ #タグ": "ここ",
    'a #<span>one</span> <a href="#two">two</a>': "a two",
    "#&lt;b&gt;one two &#35;three &amp;num;four": "two",
    "a #שלום־עולם b #བོད་སྐད་ c #می‌خواهم d": "a b c d",
    "a #sun️ #top1️⃣0️⃣ b": "a b",
    "see https://x.example/?a=#section-two or www.x.example/#b": "see or",
}
NAMES = [path.stem for path in sorted((conf_dir() / "cleaning").glob("*.yaml"))]
# The tables of fifty languages take their time; `test_multilingual.py` uses those of a few.
QUICK = [name for name in NAMES if name != "multilingual"]
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
PIECES = (
    "#tag|#|＃b2|&amp;|&#35;|&|<b>|<|>|http://t.co/a|http|…|www.|don't|allies|the|'|😀|\ufe0f|\u200d|1️⃣"
    "|\u0301|ß|İ| |\n|\x00|.|!|_|@me|हिन्दी|3m|/|\u2028"
)
TWEETS = st.lists(st.sampled_from(PIECES.split("|")), max_size=20).map("".join)


def clean(text: str, name: str = "report", inline_hashtags: str | None = None) -> str:
    cleaned: str = load_cleaning(name, inline_hashtags).clean(pl.Series([text]))[0]
    return cleaned


def test_the_reports_example_is_cleaned_as_the_report_shows() -> None:
    cleaning = load_cleaning("report")
    cleaned = cleaning.clean(pl.Series([PUBLISHED]))
    assert cleaned.to_list() == [CLEANED]
    assert cleaning.deep_clean(cleaned).to_list() == [DEEPLY_CLEANED]


@pytest.mark.parametrize(("text", "expected"), KEEP.items())
def test_first_cleaning(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(("text", "expected"), DROP.items())
def test_dropping_hashtags_removes_them_at_any_position(text: str, expected: str) -> None:
    assert clean(text, inline_hashtags="drop") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "the allies, of 2022!": "ally",
        "dont we thats youre": "",
        "covid19 3m 日本 x2": "日本",
        "a fire. bill": "fire bill",
        "theatre them the": "theatre",
        "u.s. 1.000,5": "u s",
    }.items(),
)
def test_further_cleaning_leaves_words_of_letters(text: str, expected: str) -> None:
    cleaning = load_cleaning("report")
    assert cleaning.deep_clean(cleaning.clean(pl.Series([text])))[0] == expected


def test_light_cleaning_keeps_what_pretrained_models_have_read() -> None:
    text = "We're SO happy 😀, @you &amp; #us all!  #a #b https://t.co/x"
    assert clean(text, "light") == "We're SO happy 😀, @you & us all!"


def test_no_cleaning_folds_white_space_only() -> None:
    assert clean(" A #b\n\nhttps://t.co/x ", "none") == "A #b https://t.co/x"


@pytest.mark.parametrize("name", QUICK)
@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.sampled_from(["we", "Allies,", "😀", "@me", "http://t.co/a", "\n"])))
def test_dropping_leaves_no_hashtag_in_any_cleaning(name: str, words: list[str]) -> None:
    tags = [f"secret{'xyz'[index % 3]}" for index in range(len(words))]
    text = " ".join(f"{word} #{tag}" for word, tag in zip(words, tags, strict=True))
    cleaning = load_cleaning(name, "drop")
    cleaned = cleaning.clean(pl.Series([text]))
    assert "secret" not in cleaned[0]
    assert "secret" not in cleaning.deep_clean(cleaned)[0]


# Characters of each script that no other text below has; the second may be inside a name only.
SCRIPTS = {
    "Latin": ("qxzQXZäß", "_7·"),
    "Greek": ("ψξΨΞς", "_"),
    "Cyrillic": ("щъЩЪё", "꙾"),
    "Hebrew": ("שקצם", "־׳״ּ"),
    "Arabic": ("ضظغض", "\u200c_ّـ"),
    "Devanagari": ("क्षज्ञ", "ि्१"),
    "Sinhala": ("ශකල", "\u200d්ි"),
    "Tibetan": ("བོདསྐད", "་༌ི"),
    "Thai": ("ผเรกม", "ู้็"),
    "Burmese": ("မြင့", "်ိ"),
    "Khmer": ("មហាគន", "ះី"),
    "Lao": ("ຊວະສ", "ີ້"),
    "Japanese": ("漢字カナひら", "・〜～ー゛"),
    "Korean": ("트위터", "ㅋ"),
    "full width": ("ｑｘｚＱ", "３"),
    "beyond the first plane": ("𐐷𐐲𠮷", "\U000e0100"),
    "with looks": ("ﬀﬁ", "️⃣"),
}
FORMS = (
    "#{}", "＃{}", "##{}", "(#{})", "glued#{}", "https://m.org/#{}", "w/#{}", "☀️#{}", "#{}…",
    '<a href="https://m.example/tags/1" class="mention hashtag">#<span>{}</span></a>',
    "#<b><i>{}</i></b>", "<p>#{}</p>", "&#35;{}", "&#x23;{}", "&num;{}", "&amp;#35;{}", "#{}...",
    "#&lt;b&gt;{}", "#&amp;lt;b&amp;gt;{}", "RT @one: #{}",
    "@one#{}", "🇺🇸#{}😀", "#{}https://t.co/1", "#{}\n",
)  # fmt: skip


@st.composite
def names(draw: st.DrawFn) -> str:
    letters, inside = SCRIPTS[draw(st.sampled_from(sorted(SCRIPTS)))]
    rest = st.text(st.sampled_from(letters + inside), max_size=8)
    return draw(st.sampled_from([each for each in letters if each.isalpha()])) + draw(rest)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(tags=st.lists(st.tuples(st.sampled_from(FORMS), names()), min_size=1, max_size=6))
def test_no_character_of_a_dropped_hashtag_stays(name: str, tags: list[tuple[str, str]]) -> None:
    text = " and ".join(form.format(tag) for form, tag in tags)
    cleaning = load_cleaning(name, "drop")
    english = pl.Series(["en"])
    cleaned = cleaning.clean(pl.Series([text]), english)
    everything = "".join(tag for _, tag in tags)
    secret = {each for each in everything + everything.lower() if each.isalpha()}
    assert not secret & set(cleaned[0])
    assert not secret & set(cleaning.deep_clean(cleaned, english)[0])


def test_the_answer_is_not_left_in_posts_of_mastodon(shared: Path) -> None:
    posts = pl.read_ndjson(shared / "field" / "cases" / "mastodon_html.jsonl")
    cleaned = load_cleaning("report", "drop").clean(posts["text"])
    for text, tags in zip(cleaned, posts["hashtags"], strict=True):
        assert not set(tags) & set(text.split())
        assert len(text.split()) == 7


PAIRS = {
    "今日は雨 ok": "今日 日は は雨 ok",
    "iPhoneを買った": "iphone を買 買っ った",
    "水": "水",
    "สวัสดี": "สวั วัส สดี",
    "한국어 텍스트": "한국어 텍스트",
}


@pytest.mark.parametrize(("text", "expected"), PAIRS.items())
def test_texts_without_blanks_become_pairs_of_characters(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("a b c", 3), ("今日は雨だ", 4), ("今日 日は は雨", 3), ("水", 1), ("買う now", 2)],
)
def test_tokens_are_counted_in_scripts_without_blanks(text: str, tokens: int) -> None:
    assert count_tokens(pl.Series([text])).to_list() == [tokens]


@settings(deadline=None)
@given(text=ANY_TEXT | TWEETS)
def test_dropping_leaves_nothing_that_counts_as_a_hashtag(text: str) -> None:
    assert extract(steps.RemoveHashtags()(pl.Series([text]))).to_list() == [[]]


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("inline_hashtags", ["keep", "drop"])
@settings(max_examples=25, deadline=None)
@given(texts=st.lists(ANY_TEXT | TWEETS, max_size=10))
def test_a_batch_is_cleaned_like_its_rows(
    name: str, inline_hashtags: str, texts: list[str]
) -> None:
    cleaning = load_cleaning(name, inline_hashtags)
    whole = cleaning.clean(pl.Series(texts, dtype=pl.String))
    further = cleaning.deep_clean(whole)
    rows = [cleaning.clean(pl.Series([text]))[0] for text in texts]
    assert whole.to_list() == rows
    assert further.to_list() == [cleaning.deep_clean(pl.Series([row]))[0] for row in rows]
    assert whole.dtype == further.dtype == pl.String


@settings(deadline=None)
@given(texts=st.lists(ANY_TEXT | TWEETS, max_size=10))
def test_cleaning_is_idempotent(texts: list[str]) -> None:
    cleaning = load_cleaning("report")
    cleaned = cleaning.clean(pl.Series(texts, dtype=pl.String))
    further = cleaning.deep_clean(cleaned)
    assert not cleaned.str.contains(r"[^\p{L}\p{M}\p{N} ,.!?:;]|  |^ | $").any()
    assert not further.str.contains(r"[^\p{L}\p{M} ]|  |^ | $").any()
    assert cleaning.deep_clean(further).to_list() == further.to_list()


@pytest.mark.parametrize(
    "step",
    [
        steps.RemoveUrls(),
        steps.RemoveEmoji(),
        steps.RemoveTrailingHashtags(),
        steps.JoinApostrophes(),
        steps.RemovePunctuation(keep=",.!?:;"),
        steps.RemovePunctuation(keep=r"-]^\[&~"),
        steps.RemoveNonLetterWords(),
        steps.RemoveHtml(),
        steps.RemoveCutHashtags(),
        steps.CutIntoPairs(),
        steps.FoldWhitespace(),
    ],
    ids=lambda step: type(step).__name__,
)
@settings(deadline=None)
@given(texts=st.lists(ANY_TEXT | TWEETS, max_size=5))
def test_a_step_done_twice_is_a_step_done_once(step: steps.Step, texts: list[str]) -> None:
    once = step(pl.Series(texts, dtype=pl.String))
    assert len(once) == len(texts)
    assert step(once).to_list() == once.to_list()


def test_punctuation_to_keep_may_be_any_character() -> None:
    kept = steps.RemovePunctuation(keep=r"-]^\[")(pl.Series([r"a-b]c^d\e[f+g"]))
    assert kept[0] == r"a-b]c^d\e[f g"


def test_many_rows_come_back_in_their_order() -> None:
    texts = pl.Series([f"allies {row}" for row in range(4 * steps.ROWS_PER_THREAD + 1)])
    cleaned = load_cleaning("report").clean(texts)
    assert cleaned.to_list() == [f"ally {row}" for row in range(len(texts))]


def test_missing_texts_stay_missing() -> None:
    cleaning = load_cleaning("report", "drop")
    cleaned = cleaning.clean(pl.Series([None, "allies"], dtype=pl.String))
    assert cleaned.to_list() == [None, "ally"]
    assert cleaning.deep_clean(cleaned).to_list() == [None, "ally"]


def test_the_name_of_a_column_stays() -> None:
    assert load_cleaning("report").clean(pl.Series("text", ["a"])).name == "text"


@pytest.mark.parametrize(
    "unit",
    ["a", "a ", "#a ", "#a", "<a", "&amp;", "http", "\u0301", "a1", " ", "#", "日本 ", "&#35;"],
)
def test_a_text_of_a_megabyte_does_not_hold_up_the_others(unit: str) -> None:
    text = unit * (1_000_000 // len(unit)) + " end"
    cleaning = load_cleaning("report", "drop")
    start = time.perf_counter()
    cleaning.deep_clean(cleaning.clean(pl.Series([text, text])))
    # Quadratic time would be many minutes; linear is a fraction of a second.
    assert time.perf_counter() - start < 30


def test_an_unknown_choice_of_inline_hashtags_is_refused() -> None:
    with pytest.raises(InputError, match=r"cleaning\.inline_hashtags.*'kept'.*keep.*drop"):
        steps.Cleaning(first=[], further=[], inline_hashtags="kept")  # type: ignore[arg-type]


def test_an_invalid_pattern_is_refused() -> None:
    with pytest.raises(InputError, match="cleaning pattern"):
        steps.Replace("(")


def test_a_step_of_ones_own_is_a_function_of_a_series() -> None:
    def reverse(texts: pl.Series) -> pl.Series:
        return texts.str.reverse()

    cleaning = steps.Cleaning(first=[reverse, steps.Replace("b+", "x")], further=[])
    assert cleaning.clean(pl.Series(["abbc"])).to_list() == ["cxa"]


def test_real_tweets_lose_their_addresses_and_markup(shared: Path) -> None:
    texts = pl.read_parquet(shared / "data" / "crisislex.parquet", columns=["text"])["text"]
    cleaning = load_cleaning("report")
    cleaned = cleaning.clean(texts)
    assert len(cleaned) == len(texts)
    assert cleaned.str.contains(r"https?:/|t\.co/|&[a-z]+;").sum() == 0
    assert (cleaned == "").mean() < 0.02
    assert texts.str.contains("http").mean() > 0.2


@pytest.mark.parametrize("step", [{"pattern": "x"}, "lower", None])
def test_what_is_no_step_is_refused_with_its_place(step: object) -> None:
    with pytest.raises(InputError, match=r"cleaning\.further\[1\] is .* not a step"):
        steps.Cleaning([], [str.lower, step])  # type: ignore[list-item]
