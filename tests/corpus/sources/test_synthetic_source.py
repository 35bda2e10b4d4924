from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from tagfinder.corpus.hashtags import extract
from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.schema import RAW_SCHEMA
from tagfinder.corpus.sources.dice import Dice, Table
from tagfinder.corpus.sources.synthetic import SyntheticSource
from tagfinder.corpus.sources.world import STATISTICS, WORDS
from tagfinder.files import read_json, sha256_of

UNFILTERED: dict[str, Any] = {"drop_retweets": False, "drop_duplicate_ids": False}


def read(rows: int = 4_000, seed: int = 7, **options: Any) -> pl.DataFrame:
    return pl.concat(SyntheticSource(rows=rows, seed=seed, **options).batches(Rejects()))


@pytest.fixture(scope="module")
def posts() -> pl.DataFrame:
    return read(20_000, 2022, **UNFILTERED)


def sets(posts: pl.DataFrame) -> list[set[str]]:
    return [{tag.lower() for tag in tags} for tags in posts["hashtags"].to_list()]


def test_the_asked_number_of_posts_is_made_in_the_raw_schema(posts: pl.DataFrame):
    assert posts.height == 20_000
    assert posts.schema == RAW_SCHEMA
    assert posts.select("id", "created_at", "text", "hashtags").null_count().row(0) == (0,) * 4


def test_a_seed_gives_the_same_posts_and_another_seed_others():
    assert read().equals(read())
    assert not read().equals(read(seed=8))


def test_the_posts_of_a_seed_are_the_same_on_every_machine(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(read(500, 1)["text"]), encoding="utf-8")
    assert sha256_of(path) == "5a486376f662c2bbe1086ff95b34be2bef00f96b9d620a1f5973d7fbb8a61d9f"


def test_batches_are_small_for_any_number_of_posts():
    source = SyntheticSource(rows=25_000, seed=1, **UNFILTERED)
    assert [batch.height for batch in source.batches(Rejects())] == [10_000, 10_000, 5_000]


def test_ids_are_unique_ascending_and_hold_the_time(posts: pl.DataFrame):
    numbers = posts["id"].cast(pl.Int64)
    assert numbers.is_unique().all()
    times = (numbers // 2**22 + 1_288_834_974_657).cast(pl.Datetime("ms", "UTC"))
    assert times.cast(pl.Datetime("us", "UTC")).equals(posts["created_at"], check_dtypes=False)
    assert posts["created_at"].is_sorted()
    assert posts["created_at"][0] >= datetime(2022, 10, 10, tzinfo=UTC)
    assert posts["created_at"][-1] - posts["created_at"][0] > timedelta(days=27.9)


def test_the_hashtags_are_those_of_the_text(posts: pl.DataFrame):
    assert extract(posts["text"]).equals(posts["hashtags"])


def test_labels_are_as_frequent_as_in_table_3(posts: pl.DataFrame):
    statistics = read_json(STATISTICS)
    labels = set(statistics["hashtags"])
    labelled = [tags & labels for tags in sets(posts) if tags & labels]
    counts = Counter(tag for tags in labelled for tag in tags)
    for tag, frequency in zip(statistics["hashtags"], statistics["frequencies"], strict=True):
        assert counts[tag] / len(labelled) == pytest.approx(frequency, abs=0.2 * frequency + 0.006)


def test_hashtags_co_occur_as_in_the_published_truth(posts: pl.DataFrame):
    tagged = sets(posts)

    def share(tag: str, other: str) -> float:
        having = [tags for tags in tagged if tag in tags]
        return sum(other in tags for tags in having) / len(having)

    assert share("poshmark", "shopmycloset") > 0.95
    assert share("rt", "amazon") > 0.7
    assert share("nfl", "poshmark") < 0.05


def test_posts_are_sentences_that_somebody_might_have_written(posts: pl.DataFrame):
    words = read_json(WORDS)
    forms = [*words["phrases"], *words["asides"]]
    forms += [form for _, bot in words["bots"].values() for form in bot]
    forms += [phrase for phrases in words["foreign"].values() for phrase in phrases]
    slot = re.compile(r"\\\{\w+\\\}")
    known = re.compile("|".join(slot.sub(r"[^.!?:]+?", re.escape(form)) for form in forms), re.I)
    for text in posts["text"].head(1_000):
        assert known.search(text), text
    # Inside a text a hashtag is in front of a sentence, never between two words of it.
    leads = [
        re.escape(lead).replace(r"\{H\}", r"#\w+(?:(?:, | and )#\w+)*") for lead in words["leads"]
    ]
    lead = re.compile("|".join(leads))
    inside = re.compile(r"#[a-zA-Z]\w* (?!https|#)[a-z]+ ")
    personal = posts.filter(pl.col("lang") == "en")["text"].head(1_000)
    assert sum(bool(inside.search(lead.sub("", text))) for text in personal) < 20


def test_every_cleaning_step_and_filter_has_something_to_do(posts: pl.DataFrame):
    text = posts["text"]
    patterns = {
        "an address": r"https://t\.co/\w{10}",
        "a mention": r"@\w+",
        "an entity": r"&(amp|lt|gt);",
        "an emoji": r"[\x{1F300}-\x{1FAFF}]",
        "a trailing hashtag": r"#\w+( https://\S+)?$",
        "an inline hashtag": r"#[A-Za-z]\w* [a-z]+ [a-z]+",
        "a number sign that is no hashtag": r"#\d+ ",
        "a hashtag with digits": r"#\w*[A-Za-z]\w*\d",
        "capitals": r"[A-Z]{4}",
        "a line break": r"\n",
    }
    for name, pattern in patterns.items():
        assert text.str.contains(pattern).sum() > 50, name
    untagged = (posts["hashtags"].list.len() == 0).sum()
    assert 0.02 < untagged / posts.height < 0.08
    assert text.is_duplicated().sum() > 100
    assert posts["entity_name"].n_unique() > 20


def test_retweets_and_other_languages_are_left_out_and_counted():
    rejects = Rejects()
    source = SyntheticSource(rows=4_000, seed=7, languages=["en"])
    kept = pl.concat(source.batches(rejects))
    assert set(rejects.counts) == {"retweet", "language other than en"}
    assert min(rejects.counts.values()) > 40
    assert kept.height + rejects.total == 4_000
    assert kept["lang"].drop_nulls().unique().to_list() == ["en"]


def test_hashtags_are_born_rise_and_fall(posts: pl.DataFrame):
    early, late = (sets(half) for half in (posts.head(5_000), posts.tail(5_000)))

    def count(tag: str, part: list[set[str]]) -> int:
        return sum(tag in tags for tags in part)

    assert count("worldseries", early) == 0
    assert count("worldseries", late) > 0
    assert count("hacked", early) > 2 * count("hacked", late)
    assert count("deals", late) > 2 * count("deals", early)


def test_without_drift_every_week_is_like_the_others():
    posts = read(20_000, 3, drift=0, **UNFILTERED)
    early, late = (
        Counter(tag for tags in sets(part) for tag in tags)
        for part in (posts.head(10_000), posts.tail(10_000))
    )
    for tag in ("halloween", "hacked", "deals", "nba"):
        assert early[tag] == pytest.approx(late[tag], rel=0.4)


def test_it_is_called_synthetic_and_its_fingerprint_follows_the_parameters():
    prints = [
        SyntheticSource(rows=rows, seed=seed, drift=drift).fingerprint()
        for rows, seed, drift in ((9, 1, 1.0), (8, 1, 1.0), (9, 2, 1.0), (9, 1, 0.5))
    ]
    assert SyntheticSource(rows=9, seed=1).name == "synthetic"
    assert SyntheticSource(rows=9, seed=1).fingerprint() == prints[0]
    assert len({json.dumps(each) for each in prints}) == 4


def test_dice_choose_by_weight_and_never_what_has_none():
    dice = Dice(1, 2)
    table = Table([("often", 3.0), ("never", 0.0), ("seldom", 1.0), ("less", -1.0)])
    drawn = Counter(dice.draw(table) for _ in range(10_000))
    assert set(drawn) == {"often", "seldom"}
    assert drawn["often"] / 10_000 == pytest.approx(0.75, abs=0.02)
    assert {dice.between(2, 4) for _ in range(100)} == {2, 3, 4}
