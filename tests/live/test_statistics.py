"""Counts of posts: a post can be subtracted again, and decayed counts decay."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagfinder.errors import InputError
from tagfinder.files import DAMAGED_ZIP
from tagfinder.live.counts.arrays import DecayedCounts
from tagfinder.live.counts.mapped import map_arrays, save_arrays
from tagfinder.live.counts.pairs import Pairs
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


def test_hashtags_ignore_case_and_are_shown_in_the_most_used_spelling() -> None:
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
    for author in range(len(statistics.authors)):
        np.testing.assert_equal(again.pairs.of(author), statistics.pairs.of(author))
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


@settings(max_examples=40, deadline=None)
@given(posts(), st.sets(st.integers(0, 11)), st.integers(17_999, 18_051), st.integers(0, 9))
def test_uses_between_days_are_those_of_the_posts_that_are_left(
    sources: list[tuple[float, str | None, list[str]]], gone: set[int], first: int, more: int
) -> None:
    statistics = taught(sources)
    gone &= set(range(len(sources)))
    for number in gone:
        statistics.forget(number, READING)
    expected = Counter(
        hashtag.lower()
        for number, (day, _, hashtags) in enumerate(sources)
        if number not in gone and first <= int(day) <= first + more
        for hashtag in hashtags
    )
    hashtags, uses = statistics.uses_between(first, first + more)
    names = [statistics.hashtags.names[hashtag] for hashtag in hashtags]
    assert dict(zip(names, uses.tolist(), strict=True)) == expected


def test_thousands_of_pairs_have_rows_in_order_of_appearance() -> None:
    draw = np.random.default_rng(1)
    wanted = list(dict.fromkeys(map(tuple, draw.integers(0, 300, (9_000, 2)).tolist())))
    pairs = Pairs()
    assert [pairs.add(*pair) for pair in wanted] == list(range(len(wanted)))
    again = Pairs()
    again.restore("pairs", pairs.saved("pairs"))
    for each in (pairs, again):
        assert [each.row(*pair) for pair in wanted] == list(range(len(wanted)))
        assert each.row(300, 1) == each.row(1, 300) == -1
        hashtags, rows = each.of(7)
        assert [(7, hashtag) for hashtag in hashtags] == [pair for pair in wanted if pair[0] == 7]
        assert [wanted[row] for row in rows] == [(7, hashtag) for hashtag in hashtags]
        assert [part.size for part in each.of(10_000)] == [0, 0]


def test_mapped_arrays_are_aligned_and_changed_only_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "arrays.npz"
    arrays = {
        "a": np.arange(5, dtype=np.int8),
        "longer_name": np.ones((0, 3), np.float32),
        "ö": np.arange(300.0).reshape(100, 3),
    }
    save_arrays(arrays, file)
    with np.load(file, allow_pickle=False) as read:
        np.testing.assert_equal(dict(read), arrays)
    mapped = map_arrays(file)
    np.testing.assert_equal(mapped, arrays)
    for array in mapped.values():
        assert array.ctypes.data % 64 == 0
        np.add(array, 1, out=array)
    np.testing.assert_equal(map_arrays(file), arrays)


def test_every_flipped_byte_of_mapped_arrays_is_noticed_or_changes_names_only(
    tmp_path: Path,
) -> None:
    file = tmp_path / "arrays.npz"
    arrays = {"a": np.arange(40, dtype=np.int32), "b": np.ones((3, 2))}
    save_arrays(arrays, file)
    whole = file.read_bytes()
    for place in range(len(whole)):
        for damaged in (
            whole[:place],
            whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :],
        ):
            file.write_bytes(damaged)
            try:
                found = map_arrays(file)
            except DAMAGED_ZIP:
                continue
            # Names may be damaged or missing: then the counts are refused.
            for array in found.values():
                assert any(np.array_equal(array, right) for right in arrays.values())
