"""Features of authors, hashtags and spelling, as counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tagfinder.live.counts.statistics import PostStatistics
from tagfinder.live.features import author as author_features
from tagfinder.live.features import hashtag as hashtag_features
from tagfinder.live.features import spelling
from tagfinder.live.features.author_context import QueryContext, author_context, author_history
from tagfinder.live.features.candidates import Trends
from tagfinder.live.features.columns import Column
from tagfinder.live.features.context import CandidateContext, gather_context
from tagfinder.live.features.limits import LONG_AGO, NOT_RECENTLY
from tagfinder.live.features.query import NO_NEIGHBOURS, Query
from tagfinder.live.post import NO_AUTHOR, Post
from tagfinder.live.tokens import spelled_hashtags, tokenize

NOW = 100.0


def taught(
    posts: Sequence[tuple[float, str | None, Sequence[str]]], text: str = "x"
) -> PostStatistics:
    statistics = PostStatistics()
    for number, (day, author, hashtags) in enumerate(posts):
        statistics.teach(Post(f"{number}", day, author, text, tuple(hashtags)), tokenize(text))
    return statistics


def found(
    statistics: PostStatistics, hashtags: Sequence[str], author: str | None, text: str = ""
) -> CandidateContext:
    words = tokenize(text).words
    who = NO_AUTHOR if author is None else statistics.authors.number_of[author]
    number_of = statistics.hashtags.number_of
    query = Query(NOW, who, words, tokenize(text).terms, spelled_hashtags(words, number_of))
    history = author_history(statistics, who)
    of_author = author_context(statistics, query, history, guess=True)
    last_year = Trends(statistics).uses_last_year(NOW)
    of_query = QueryContext(statistics, query, of_author, history, last_year)
    numbers = np.array([number_of[hashtag] for hashtag in hashtags])
    assert (np.diff(numbers) > 0).all()
    return gather_context(of_query, numbers, [NO_NEIGHBOURS])


def columns(declared: Sequence[Column], table: np.ndarray) -> dict[str, list[float]]:
    assert table.dtype == np.float32
    names = [column.name for column in declared]
    return dict(zip(names, table.T.tolist(), strict=True))


def of_author(
    statistics: PostStatistics, hashtags: Sequence[str], author: str | None
) -> dict[str, list[float]]:
    table = author_features.compute(found(statistics, hashtags, author))
    return columns(author_features.COLUMNS, table)


def approx(*values: float) -> object:
    return pytest.approx(values, rel=1e-5, abs=1e-7)


def test_features_of_an_authors_own_uses() -> None:
    statistics = taught(
        [
            (90.0, "ann", ["rain", "vote"]),
            (96.0, "ann", ["rain"]),
            (98.0, "bob", ["rain", "sun"]),
        ]
    )
    told = of_author(statistics, ["rain", "vote", "sun"], "ann")
    for name, half_life in (("own_week", 7), ("own_month", 30), ("own_half_year", 180)):
        old, new = (2 ** (-age / half_life) for age in (10, 4))
        assert told[name] == approx(old + new, old, 0), name
    assert told["own_ever"] == [2, 1, 0]
    assert told["own_since"] == [4, 10, LONG_AGO]
    old, new = 2 ** (-10 / 30), 2 ** (-4 / 30)
    assert told["own_share_month"] == approx(*(n / (old + new + 0.5) for n in (old + new, old, 0)))
    assert told["own_share_ever"] == approx(2 / 3, 1 / 3, 0)
    assert told["own_place"] == [0, 1, NOT_RECENTLY]
    assert told["posts_month"] == approx(*[old + new] * 3)
    assert told["posts_ever"] == approx(*[np.log(3)] * 3)
    # Ann's second post has a hashtag that she had used before.
    assert told["repeats"] == approx(*[1 / 3] * 3)
    # Bob is the only one who is like her; his use of the rain is two days old.
    assert told["like_users"] == told["like_users_most"] == [1, 0, 1]
    assert told["like_uses"] == approx(2 ** (-2 / 7), 0, 2 ** (-2 / 7))


def test_hashtags_of_an_authors_latest_posts() -> None:
    # From the newest on: the sixth has rain, the 21st vote and, again, rain.
    posts = [["daily"] for _ in range(25)]
    posts[5].append("rain")
    posts[20] += ["vote", "rain"]
    statistics = taught([(50.0, "ann", hashtags) for hashtags in reversed(posts)])
    told = of_author(statistics, ["daily", "vote", "rain"], "ann")
    assert told["own_in_last_5"] == [5, 0, 0]
    assert told["own_in_last_20"] == [20, 0, 1]
    assert told["own_place"] == [0, 20, 5]


def test_features_of_an_unknown_author_are_missing() -> None:
    statistics = taught([(90.0, "ann", ["rain"]), (95.0, "bob", ["rain"])])
    told = of_author(statistics, ["rain"], None)
    own = [column.name for column in author_features.COLUMNS if column.optional]
    assert all(np.isnan(told[name]).all() for name in own)
    assert told["like_users"] == told["alike_share"] == [0]


def test_authors_are_similar_by_rare_shared_hashtags() -> None:
    # Bob shares a hashtag of two users with ann, cy one of three; dee shares none.
    statistics = taught(
        [
            (90.0, "ann", ["rain", "vote"]),
            (91.0, "bob", ["rain"]),
            (92.0, "cy", ["vote"]),
            (93.0, "dee", ["vote", "sun"]),
            (94.0, "eve", ["sun"]),
        ]
    )
    asked = found(statistics, ["rain", "vote", "sun"], "ann")
    _, _, likeness, alike = asked.of_query.author
    rare, common = 1 / np.log2(2 + 2), 1 / np.log2(2 + 3)
    assert likeness.tolist() == pytest.approx([1, 1, common / rare, common / rare, 0])
    assert alike.tolist() == [1, 2, 3]
    told = columns(author_features.COLUMNS, author_features.compute(asked))
    like = common / rare
    # The sun is dee's and eve's, who is not like ann.
    assert told["like_users"] == approx(1, like, like / 2)
    assert told["like_users_most"] == approx(1, like, like)
    assert told["like_uses"][2] == pytest.approx(like * 2 ** (-7 / 7))


def test_features_of_hashtags() -> None:
    statistics = taught(
        [
            (NOW - 366, "ann", ["rain"]),
            (NOW - 364, "bob", ["rain"]),
            (NOW - 4, "ann", ["rain", "vote"]),
            (NOW - 1, None, ["vote"]),
        ]
    )
    table = hashtag_features.compute(found(statistics, ["rain", "vote"], None))
    told = columns(hashtag_features.COLUMNS, table)
    uses = {}
    for name, half_life in (
        *(("uses_half_day", 0.5), ("uses_2_days", 2), ("uses_week", 7)),
        *(("uses_month", 30), ("uses_half_year", 180)),
    ):
        rain = sum(2 ** (-age / half_life) for age in (366, 364, 4))
        vote = sum(2 ** (-age / half_life) for age in (4, 1))
        uses[name] = rain, vote
        assert told[name] == approx(rain, vote), name
    assert told["uses_ever"] == approx(np.log(4), np.log(3))
    assert told["users"] == approx(np.log(3), np.log(2))
    assert told["age"] == [366, 4]
    assert told["since_last"] == [4, 1]
    for name, short, long in (
        ("rising", "uses_2_days", "uses_week"),
        ("rising_month", "uses_week", "uses_half_year"),
    ):
        ratios = [(s + 0.1) / (n + 0.5) for s, n in zip(uses[short], uses[long], strict=True)]
        assert told[name] == approx(*ratios), name
    # Two uses of the rain are a year old, give or take three days.
    assert told["same_days_last_year"] == [2, 0]
    assert told["length"] == [4, 4]


def test_the_share_of_this_weekday_fades() -> None:
    # 56 days are eight weeks: a use on the same weekday that counts half; the other is a day off.
    statistics = taught([(NOW - 56, "ann", ["rain"]), (NOW - 1, "ann", ["rain"])])
    told = columns(
        hashtag_features.COLUMNS, hashtag_features.compute(found(statistics, ["rain"], None))
    )
    half = 2 ** (-55 / 56)
    assert told["this_weekday"] == approx(half / (half + 1))


def test_features_of_spelling() -> None:
    statistics = taught([(90.0, "ann", ["buildback", "rainday"])] * 2, text="build back better")
    statistics.teach(Post("3", 91.0, "ann", "build back", ("rainday",)), tokenize("build back"))
    asked = found(statistics, ["buildback", "rainday"], None, text="Rain, rain: @build da back")
    told = columns(spelling.COLUMNS, spelling.compute(asked))
    # "build" and "back" are not adjacent.
    assert told["spelled"] == [0, 0]
    # The words of three posts spelled it, and two of them had it.
    assert told["spelled_posts"] == approx(np.log(4), 0)
    assert told["spelled_rate"] == approx((2 + 0.2) / (3 + 2), 0.2 / 2)
    # "da" is too short to be looked for, and a word counts once.
    assert told["covered"] == approx(1, 4 / 7)
    assert told["in_name"] == [5, 4]
    query = replace(asked.of_query.query, words=["build", "buildback"])
    asked = replace(asked, of_query=replace(asked.of_query, query=query))
    told = columns(spelling.COLUMNS, spelling.compute(asked))
    assert told["covered"] == [1, 0]
    assert told["in_name"] == [9, 0]


def test_trends_do_not_depend_on_earlier_queries() -> None:
    statistics, hour = PostStatistics(), 1 / 24

    def teach(day: float, hashtag: str) -> None:
        statistics.teach(Post(hashtag, day, None, "x", (hashtag,)), tokenize("x"))

    teach(NOW - 2, "Early")
    before = Trends(statistics)
    before.at(NOW + 0.9 * hour)
    teach(NOW - 1, "Later")
    for day in (NOW + 1.1 * hour, NOW + 1.6 * hour):
        np.testing.assert_equal(before.at(day), Trends(statistics).at(day))
    assert len(before.at(NOW + 1.6 * hour)[0]) == 2
