"""What speaks for candidates, as counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tagfinder.live import evidence
from tagfinder.live.candidates import CLASSIFIED, Trends
from tagfinder.live.classifier import Classified
from tagfinder.live.evidence import FEW_VOTES, LEAST_LOG, NO_PLACE, VOTE_NAMES, Question
from tagfinder.live.memory import NOBODY, Memory, Post
from tagfinder.live.questions import rows_of
from tagfinder.live.text_index import Neighbours
from tagfinder.live.words import read

RAIN, VOTE = 0, 1
ANN, BOB = 0, 1


@pytest.fixture
def memory() -> Memory:
    """Three posts: ann's with both hashtags, bob's with one, nobody's with the other."""
    memory = Memory()
    for day, author, hashtags in (
        (100.0, "ann", ("rain", "vote")),
        (98.0, "bob", ("rain",)),
        (70.0, None, ("vote",)),
    ):
        memory.teach(Post(f"{day}", day, author, "storm", hashtags), read("storm"))
    return memory


def question(author: int = NOBODY) -> Question:
    return Question(day=100.0, author=author, words=["storm"], terms=["storm"], spelled={})


def test_votes_are_sums_over_the_neighbours_that_have_a_hashtag(memory: Memory) -> None:
    # Similarities relative to the best: 1, 1/2, 1/2; their cubes 1, 1/8, 1/8.
    found = Neighbours(np.array([0, 1, 2]), np.array([4.0, 2.0, 2.0], np.float32))
    likeness = np.array([1.0, 0.5], np.float32)
    votes = evidence.votes(memory, found, question(BOB), likeness)
    assert votes.hashtags.tolist() == [RAIN, VOTE]
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
        column = votes.table[:, VOTE_NAMES.index(name)]
        assert column.tolist() == pytest.approx(values, rel=1e-6), name
    few = evidence.votes(memory, found, question(BOB), likeness, FEW_VOTES)
    np.testing.assert_array_equal(few.table, votes.table[:, : len(FEW_VOTES)])
    spread = evidence.spread(few, np.array([VOTE, 7]))
    np.testing.assert_array_equal(spread[0], few.table[1])
    assert spread[1].tolist() == [0, 0, 0, 0, 999, 0]


def test_the_classifier_tells_share_and_place(memory: Memory) -> None:
    shares = np.array([0.2, 0.7, 0.1], np.float32)
    asked = replace(question(), classified=Classified(np.array([2, 5, 9]), np.log(shares)))
    logs, share, place = evidence.of_classifier(np.array([1, 2, 5, 9, 11]), asked).T
    known = [1, 2, 3]
    assert logs[known].tolist() == pytest.approx(np.log(shares).tolist())
    assert share.tolist() == pytest.approx([0, 0.2, 0.7, 0.1, 0])
    assert place.tolist() == [NO_PLACE, 1, 0, 2, NO_PLACE]
    assert logs[[0, 4]].tolist() == [LEAST_LOG, LEAST_LOG]
    nothing = evidence.of_classifier(np.array([1, 2]), question())
    assert nothing.tolist() == [[LEAST_LOG, 0, NO_PLACE]] * 2


def test_the_likeliest_hashtags_are_candidates_and_stay_in_a_short_list() -> None:
    memory = Memory()
    for number in range(3 * CLASSIFIED):
        memory.teach(Post(f"{number}", 1.0, None, "", (f"tag{number}",)), read(""))
    logs = np.random.default_rng(1).permutation(-np.arange(3 * CLASSIFIED)).astype(np.float32)
    # So long after that nothing but the classifier speaks for any.
    asked = replace(question(), day=1e6, classified=Classified(np.arange(3 * CLASSIFIED), logs))
    likeliest = np.argsort(-logs)
    rows = rows_of(Trends(memory), asked, {"classifier"}, most=1000)
    assert rows.hashtags.tolist() == sorted(likeliest[:CLASSIFIED].tolist())
    rows = rows_of(Trends(memory), asked, {"classifier"}, most=10)
    assert rows.hashtags.tolist() == sorted(likeliest[:10].tolist())


def test_places_among_nothing_and_beyond_the_end() -> None:
    places, there = evidence.places_among(np.array([3, 5]), np.array([5, 9, 1, 3]))
    assert there.tolist() == [True, False, False, True]
    assert places[there].tolist() == [1, 0]
    _, there = evidence.places_among(np.empty(0, np.int64), np.array([5]))
    assert there.tolist() == [False]
