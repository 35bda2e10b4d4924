"""Counts of posts: a post can be subtracted again, and decayed counts decay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagfinder.errors import InputError
from tagfinder.live.counts.arrays import DecayedCounts
from tagfinder.live.counts.statistics import PostStatistics
from tagfinder.live.counts.statistics_file import load_statistics, save_statistics
from tagfinder.live.post import Post
from tagfinder.live.tokens import Tokens

READING = Tokens(["flood", "vote"], ["flood", "vote"])
NAMES = ("Flood", "Rain", "vote", "Gameday")


def posts(draw_from: tuple[str, ...] = NAMES) -> st.SearchStrategy[list[tuple[float, str, list]]]:
    one = st.tuples(
        st.floats(18_000, 18_050),
        st.sampled_from(["ann", "bob", None]),
        st.lists(st.sampled_from(draw_from), unique=True, max_size=3),
    )
    return st.lists(one, max_size=12)


def taught(sources: list[tuple[float, str | None, list[str]]]) -> PostStatistics:
    statistics = PostStatistics()
    for number, (day, author, hashtags) in enumerate(sources):
        statistics.teach(Post(str(number), day, author, "", tuple(hashtags)), READING)
    return statistics


def state(statistics: PostStatistics, day: float) -> dict[str, object]:
    rows = np.arange(len(statistics.hashtags))
    names = statistics.hashtags.names
    uses = statistics.uses.read(rows, day)
    return {
        "uses": {names[row]: uses[row] for row in rows if statistics.total.values[row]},
        "total": {names[row]: int(statistics.total.values[row]) for row in rows},
        "together": {
            name: statistics.associations.read(READING.terms, rows)[0][:, row].tolist()
            for row, name in enumerate(names)
            if statistics.total.values[row]
        },
        "spelled": {names[row]: int(statistics.spelled_and_used.values[row]) for row in rows},
    }


@settings(max_examples=60, deadline=None)
@given(posts(), posts())
def test_forgetting_leaves_the_counts_as_if_posts_had_never_been(
    kept: list[tuple[float, str | None, list[str]]],
    passing: list[tuple[float, str | None, list[str]]],
) -> None:
    statistics = taught([*kept, *passing])
    for number in range(len(kept), len(kept) + len(passing)):
        statistics.forget(number, READING)
    expected, found = state(taught(kept), 18_060), state(statistics, 18_060)
    assert {name: n for name, n in found["total"].items() if n} == {
        name: n for name, n in expected["total"].items() if n
    }
    assert found["uses"].keys() == expected["uses"].keys()
    assert found["together"] == expected["together"]
    for name, uses in expected["uses"].items():
        np.testing.assert_allclose(found["uses"][name], uses, atol=1e-4)
    assert statistics.n_alive == len(kept)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.randoms())
def test_fading_counts_are_sums_of_powers_of_two_in_any_order(days: list[float], rng) -> None:
    shuffled = list(days)
    rng.shuffle(shuffled)
    decay = DecayedCounts((2.0, 30.0))
    for day in shuffled:
        decay.add(0, day)
    expected = [sum(2 ** (-(120 - day) / half) for day in days) for half in (2.0, 30.0)]
    np.testing.assert_allclose(decay.read(np.array([0]), 120)[0], expected, rtol=1e-3, atol=1e-12)


def test_hashtags_are_one_whatever_their_case_and_shown_as_most_write_them() -> None:
    statistics = taught([(1.0, "ann", ["flood"]), (2.0, "bob", ["Flood"]), (3.0, None, ["Flood"])])
    assert statistics.hashtags.names == ["flood"]
    assert statistics.spellings == ["Flood"]
    assert statistics.users.values[0] == 2


@pytest.mark.parametrize(
    ("readable", "spelling"), [(False, "buildback"), (True, "BuildBack")], ids=["used", "readable"]
)
def test_a_spelling_that_marks_its_words_is_kept_where_that_is_asked_for(
    readable: bool, spelling: str
) -> None:
    statistics = PostStatistics(readable=readable)
    written = ["buildback", "BuildBack", "buildback", "buildback", "BuildBack", "buildback"]
    for number, hashtag in enumerate(written):
        statistics.teach(Post(f"{number}", 1.0, None, "a text", (hashtag,)), READING)
    assert statistics.spellings == [spelling]


@settings(max_examples=20, deadline=None)
@given(posts())
def test_a_memory_is_the_same_after_a_file(
    tmp_path_factory: pytest.TempPathFactory, sources: list[tuple[float, str | None, list[str]]]
) -> None:
    file = tmp_path_factory.mktemp("memory") / "memory.npz"
    statistics = taught(sources)
    save_statistics(statistics, file)
    again = load_statistics(file)
    assert again.pairs == statistics.pairs
    for author in range(len(statistics.authors)):
        for found in (again.pairs_of(author), statistics.pairs_of(author)):
            assert (
                dict(zip(*map(np.ndarray.tolist, found), strict=True)) == statistics.pairs[author]
            )
    assert again.hashtags.number_of == statistics.hashtags.number_of
    np.testing.assert_equal(state(again, 18_060), state(statistics, 18_060))
    for loaded in (statistics, again):
        loaded.teach(Post("new", 18_061, "eve", "", ("New",)), READING)
    np.testing.assert_equal(state(again, 18_062), state(statistics, 18_062))


def test_a_damaged_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "memory.npz"
    file.write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(InputError, match=r"memory\.npz is damaged"):
        load_statistics(file)


def test_forgetting_a_post_subtracts_nothing_from_younger_hashtags() -> None:
    statistics = taught([(18_000.0, "ann", []), (18_001.0, "bob", ["vote"])])
    statistics.forget(0, READING)
    assert statistics.spelled.values[statistics.hashtags.number_of["vote"]] == 1
