"""Features of neighbours, words, the classifier and similar authors, as counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tagfinder.live.classify.classifier import ClassifierOutput
from tagfinder.live.counts.statistics import PostStatistics
from tagfinder.live.features import association
from tagfinder.live.features import author as author_features
from tagfinder.live.features import classifier as classifier_features
from tagfinder.live.features.author_context import (
    QueryContext,
    author_context,
    author_history,
    likely_authors,
)
from tagfinder.live.features.candidates import CLASSIFIED, TRENDING, Trends
from tagfinder.live.features.context import gather_context
from tagfinder.live.features.limits import LEAST_LOG, NO_RANK
from tagfinder.live.features.neighbour_votes import neighbour_votes
from tagfinder.live.features.neighbours import COLUMNS as VOTES
from tagfinder.live.features.query import NO_NEIGHBOURS, Query
from tagfinder.live.features.table import candidate_features
from tagfinder.live.index_map import build_index
from tagfinder.live.post import NO_AUTHOR, Post
from tagfinder.live.search.text_index import Neighbours
from tagfinder.live.tokens import tokenize

VOTE_NAMES = [column.name for column in VOTES]
RAIN, VOTE = 0, 1
ANN, BOB, CY = 0, 1, 2


@pytest.fixture
def statistics() -> PostStatistics:
    """Three posts: ann's with both hashtags, bob's with one, nobody's with the other."""
    statistics = PostStatistics()
    for day, author, hashtags in (
        (100.0, "ann", ("rain", "vote")),
        (98.0, "bob", ("rain",)),
        (70.0, None, ("vote",)),
    ):
        statistics.teach(Post(f"{day}", day, author, "storm", hashtags), tokenize("storm"))
    return statistics


def query(author: int = NO_AUTHOR) -> Query:
    return Query(day=100.0, author=author, words=["storm"], terms=["storm"], spelled={})


def context(statistics: PostStatistics, asked: Query) -> QueryContext:
    history = author_history(statistics, asked.author)
    nothing = np.empty(0, np.int64)
    author = author_context(statistics, asked, history, guess=True)
    return QueryContext(statistics, asked, author, history, (nothing, nothing))


def classes(statistics: PostStatistics, asked: Query, hashtags: list[int]) -> np.ndarray:
    found = gather_context(context(statistics, asked), np.array(hashtags), [NO_NEIGHBOURS])
    return classifier_features.compute(found)


def test_votes_are_sums_over_the_neighbours_with_a_hashtag(statistics: PostStatistics) -> None:
    # Similarities relative to the best: 1, 1/2, 1/2; their cubes 1, 1/8, 1/8.
    found = Neighbours(np.array([0, 1, 2]), np.array([4.0, 2.0, 2.0], np.float32))
    likeness = np.array([1.0, 0.5], np.float32)
    by_one = Neighbours(np.array([2]), np.array([3.0], np.float32))
    asked = context(statistics, query(BOB))
    author, day, _, alike = asked.author
    asked = replace(asked, author=(author, day, likeness, alike))
    nothing, of_all, of_one = neighbour_votes(
        asked, [NO_NEIGHBOURS, found, by_one], build_index(np.array([RAIN, VOTE, 7]))
    )
    assert not nothing.any()
    expected = {
        "sum": [6, 6],
        "cubes": [9 / 8, 9 / 8],
        "most": [4, 4],
        "posts": [2, 2],
        "first": [0, 0],
        "share": [0.9, 0.9],
        "lately": [1 + 1 / 16, 1 + 2**-15 / 8],
        "this_month": [1 + 2 ** (-2 / 30) / 8, 1 + 1 / 16],
        "same_author": [1 / 8, 0],
        "like_authors": [1 + 1 / 16, 1],
    }
    for name, values in expected.items():
        column = of_all[:2, VOTE_NAMES.index(name)]
        assert column.tolist() == pytest.approx(values, rel=1e-6), name
    assert of_one[1, :6].tolist() == [3, 1, 3, 1, 0, 1]
    of_no_neighbour = [0, 0, 0, 0, 999, *[0] * 5]
    assert of_one[0].tolist() == of_all[2].tolist() == of_no_neighbour


def test_the_first_neighbour_counts_and_unknown_authors_are_never_the_same(
    statistics: PostStatistics,
) -> None:
    found = Neighbours(np.array([2, 0]), np.array([4.0, 3.0], np.float32))
    [said] = neighbour_votes(
        context(statistics, query(NO_AUTHOR)), [found], build_index(np.array([RAIN, VOTE]))
    )
    most, first, same_author = (VOTE_NAMES.index(name) for name in ("most", "first", "same_author"))
    assert said[:, most].tolist() == [3, 4]
    assert said[:, first].tolist() == [1, 0]
    assert not said[:, same_author].any()


@pytest.mark.parametrize("n_words", [1, 2, 3, 4, 20])
def test_associations_are_sums_means_and_highest_over_words(n_words: int) -> None:
    generator = np.random.default_rng(n_words)
    statistics = PostStatistics()
    names = [f"word{number}" for number in range(n_words)]
    posts = [
        (generator.permutation(names)[: generator.integers(n_words + 1)].tolist(), tags)
        for tags in (("a",), ("b",), ("a", "b"), ("c",)) * 5
    ]
    for number, (words, tags) in enumerate(posts):
        statistics.teach(Post(f"{number}", 1.0, None, "", tags), tokenize(" ".join(words)))
    asked = replace(query(), terms=[*names, "unheard"])
    found = gather_context(context(statistics, asked), np.arange(3), [NO_NEIGHBOURS])
    table = association.compute(found)
    for column, tag in enumerate("abc"):
        total = sum(tag in tags for _, tags in posts)
        information, rates, rarity = [], [], []
        for name in names:
            with_word = sum(name in words for words, _ in posts)
            both = sum(name in words and tag in tags for words, tags in posts)
            if with_word:
                expected = (with_word + 0.5) / (len(posts) + 1)
                information.append(np.log((both + 2 * expected) / (total + 2) / expected))
                rates.append(both / (with_word + 2))
                rarity.append(np.log((len(posts) + 1) / (with_word + 1)))
        expected_row = [
            *(np.sum(information), np.mean(information)),
            *[*sorted(information, reverse=True), 0, 0][:3],
            *[*sorted(rates, reverse=True), 0][:2],
            np.dot(rarity, rates) / sum(rarity),
            sum(rate > 0 for rate in rates),
        ]
        np.testing.assert_allclose(table[column], expected_row, rtol=1e-5)


def test_the_classifier_tells_share_and_place(statistics: PostStatistics) -> None:
    shares = np.array([0.2, 0.7, 0.1], np.float32)
    # Memory after the last label is not read as a label.
    labels, logs = np.array([2, 5, 9, 11])[:3], np.log([*shares, 1], dtype=np.float32)[:3]
    asked = replace(query(), classified=ClassifierOutput(labels, logs))
    logs, share, place = classes(statistics, asked, [1, 2, 5, 9, 11]).T
    known = [1, 2, 3]
    assert logs[known].tolist() == pytest.approx(np.log(shares).tolist())
    assert share.tolist() == pytest.approx([0, 0.2, 0.7, 0.1, 0])
    assert place.tolist() == [NO_RANK, 1, 0, 2, NO_RANK]
    assert logs[[0, 4]].tolist() == [LEAST_LOG, LEAST_LOG]
    nothing = classes(statistics, query(), [1, 2])
    assert nothing.tolist() == [[LEAST_LOG, 0, NO_RANK]] * 2


def test_the_likeliest_hashtags_are_candidates_and_stay_in_a_short_list() -> None:
    statistics = PostStatistics()
    for number in range(3 * CLASSIFIED):
        statistics.teach(Post(f"{number}", 1.0, None, "", (f"tag{number}",)), tokenize(""))
    logs = np.random.default_rng(1).permutation(-np.arange(3 * CLASSIFIED)).astype(np.float32)
    # So long after that only the classifier supports any.
    asked = replace(query(), day=1e6, classified=ClassifierOutput(np.arange(3 * CLASSIFIED), logs))
    likeliest = np.argsort(-logs)
    found = candidate_features(Trends(statistics), asked, {"classifier"}, limit=1000)
    assert found.hashtags.tolist() == sorted(likeliest[:CLASSIFIED].tolist())
    found = candidate_features(Trends(statistics), asked, {"classifier"}, limit=10)
    assert found.hashtags.tolist() == sorted(likeliest[:10].tolist())


def test_trending_hashtags_stay_in_a_short_list() -> None:
    # The later a hashtag was used, the more it counts now; their numbers are in another order.
    statistics = PostStatistics()
    statistics.teach(
        Post("all", 0.0, None, "", tuple(f"tag{n}" for n in range(TRENDING))), tokenize("")
    )
    order = np.random.default_rng(1).permutation(TRENDING)
    for place, tag in enumerate(order):
        statistics.teach(Post(f"{tag}", 50 + place / 20, None, "", (f"tag{tag}",)), tokenize(""))
    asked = replace(query(), day=53.0)
    everything = candidate_features(Trends(statistics), asked, {"trends"}, limit=TRENDING)
    assert len(everything.hashtags) == TRENDING
    found = candidate_features(Trends(statistics), asked, {"trends"}, limit=5)
    latest = [statistics.hashtags.number_of[f"tag{tag}"] for tag in order[-5:]]
    assert found.hashtags.tolist() == sorted(latest)


def test_likely_authors_combine_the_classifier_and_neighbours(
    statistics: PostStatistics,
) -> None:
    statistics.authors.number("cy")
    said = ClassifierOutput(np.array([BOB, CY]), np.log([0.25, 0.75]))
    # Cubes of similarities relative to the best: ann 1, bob 1/8, nobody 1/8 that counts for none.
    found = Neighbours(np.array([0, 1, 2]), np.array([4.0, 2.0, 2.0], np.float32))
    asked = replace(query(), by_words=found, writers=said)
    by_words = np.array([8 / 9, 1 / 9, 0])
    expected = np.add(by_words, [0, 0.5, 1.5]) / 3
    np.testing.assert_allclose(likely_authors(statistics, asked), expected, rtol=1e-6)
    of_bob = Neighbours(np.array([1]), np.array([0.3], np.float32))
    expected = np.add(by_words, [0, 1.5, 1.5]) / 4
    both = replace(asked, by_meaning=of_bob)
    np.testing.assert_allclose(likely_authors(statistics, both), expected, rtol=1e-6)
    *_, alike = context(statistics, both).author
    assert alike.tolist() == [BOB, CY, ANN]
    assert not likely_authors(statistics, query()).any()


def test_posts_of_similar_authors_support_their_hashtags(statistics: PostStatistics) -> None:
    # Ann has a second post now, without hashtags that are asked for.
    statistics.teach(Post("later", 93.0, "ann", "calm", ("sun",)), tokenize("calm"))
    said = ClassifierOutput(np.array([ANN, BOB]), np.log([0.75, 0.25]))
    found = gather_context(
        context(statistics, replace(query(), writers=said)), np.array([RAIN, VOTE]), [NO_NEIGHBOURS]
    )
    share, lately, most = author_features.compute(found)[:, -3:].T
    names = [column.name for column in author_features.COLUMNS[-3:]]
    assert names == ["alike_share", "alike_lately", "alike_most"]
    # Half of ann's two posts have either; bob's one has the first.
    assert share.tolist() == pytest.approx([0.75 / 2 + 0.25, 0.75 / 2])
    assert most.tolist() == pytest.approx([0.75 / 2, 0.75 / 2])
    assert lately.tolist() == pytest.approx([0.75 + 0.25 * 2 ** (-2 / 7), 0.75])


def test_an_author_is_not_similar_to_themselves(statistics: PostStatistics) -> None:
    _, _, likeness, alike = context(statistics, query(ANN)).author
    assert likeness.tolist() == [1, 1]
    assert alike.tolist() == [BOB]
