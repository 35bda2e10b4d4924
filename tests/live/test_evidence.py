"""What speaks for candidates, as counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tagfinder.live import evidence
from tagfinder.live.ascending import places_among
from tagfinder.live.asking import NOTHING, Asking, Question, habits_of
from tagfinder.live.candidates import CLASSIFIED, Trends
from tagfinder.live.classifier import Classified
from tagfinder.live.evidence import LEAST_LOG, NO_PLACE
from tagfinder.live.memory import NOBODY, Memory, Post
from tagfinder.live.questions import rows_of
from tagfinder.live.text_index import Neighbours
from tagfinder.live.votes import VOTE_NAMES, spread, votes
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


def asking(memory: Memory, asked: Question) -> Asking:
    habits = habits_of(memory, asked.author)
    nothing = np.empty(0, np.int64)
    return Asking(memory, asked, np.zeros(2, np.float32), habits, (nothing, nothing))


def classes(memory: Memory, asked: Question, hashtags: list[int]) -> np.ndarray:
    around = asking(memory, asked)
    said = votes(around, [NOTHING])
    return evidence.of_classifier(evidence.found_of(around, np.array(hashtags), said))


def test_votes_are_sums_over_the_neighbours_that_have_a_hashtag(memory: Memory) -> None:
    # Similarities relative to the best: 1, 1/2, 1/2; their cubes 1, 1/8, 1/8.
    found = Neighbours(np.array([0, 1, 2]), np.array([4.0, 2.0, 2.0], np.float32))
    likeness = np.array([1.0, 0.5], np.float32)
    by_one = Neighbours(np.array([2]), np.array([3.0], np.float32))
    asked = replace(asking(memory, question(BOB)), likeness=likeness)
    said = votes(asked, [NOTHING, found, by_one])
    assert said.groups.tolist() == [1, 1, 2]
    assert said.hashtags.tolist() == [RAIN, VOTE, VOTE]
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
        column = said.table[:2, VOTE_NAMES.index(name)]
        assert column.tolist() == pytest.approx(values, rel=1e-6), name
    tables = spread(said, np.array([VOTE, 7]))
    assert not tables[0].any()
    np.testing.assert_array_equal(tables[1, 0], said.table[1])
    np.testing.assert_array_equal(tables[2, 0], said.table[2])
    assert said.table[2, :6].tolist() == [3, 1, 3, 1, 0, 1]
    assert tables[1, 1].tolist() == [0, 0, 0, 0, 999, *[0] * 5]


def test_no_neighbours_say_nothing(memory: Memory) -> None:
    said = votes(asking(memory, question()), [NOTHING, NOTHING])
    assert not spread(said, np.array([RAIN])).any()


def test_the_classifier_tells_share_and_place(memory: Memory) -> None:
    shares = np.array([0.2, 0.7, 0.1], np.float32)
    asked = replace(question(), classified=Classified(np.array([2, 5, 9]), np.log(shares)))
    logs, share, place = classes(memory, asked, [1, 2, 5, 9, 11]).T
    known = [1, 2, 3]
    assert logs[known].tolist() == pytest.approx(np.log(shares).tolist())
    assert share.tolist() == pytest.approx([0, 0.2, 0.7, 0.1, 0])
    assert place.tolist() == [NO_PLACE, 1, 0, 2, NO_PLACE]
    assert logs[[0, 4]].tolist() == [LEAST_LOG, LEAST_LOG]
    nothing = classes(memory, question(), [1, 2])
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
    places, there = places_among(np.array([3, 5]), np.array([5, 9, 1, 3]))
    assert there.tolist() == [True, False, False, True]
    assert places[there].tolist() == [1, 0]
    _, there = places_among(np.empty(0, np.int64), np.array([5]))
    assert there.tolist() == [False]
