"""The text index finds posts by words, and committed posts are durable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfinder.errors import InputError
from tagfinder.live.post import Post
from tagfinder.live.post_store import PostStore
from tagfinder.live.search.catch_up import CaughtUp, catch_up
from tagfinder.live.search.tantivy_index import LEVEL_SHIFT, SPAN_BITS, TantivyIndex, spans_from
from tagfinder.live.search.text_index import Entry, TextIndex

# Files of one segment.
COMMITTED = (".term", ".idx", ".fast", ".fieldnorm", ".store")
Opening = Callable[[], TextIndex]


@pytest.fixture
def opening(tmp_path: Path) -> Iterator[Opening]:
    """Opens the same index each time; it is empty at first."""
    opened: list[TextIndex] = []

    def open_it() -> TextIndex:
        opened.append(TantivyIndex(tmp_path / "index"))
        return opened[-1]

    yield open_it
    for index in opened:
        index.close()


@pytest.fixture
def index(opening: Opening) -> TextIndex:
    return opening()


def entries(*texts: str, author: int = 7) -> list[Entry]:
    return [Entry(number, text.split(), author) for number, text in enumerate(texts)]


def found(index: TextIndex, text: str, k: int = 10, author: int | None = None) -> list[int]:
    neighbours = index.search(text.split(), k, author)
    assert neighbours.numbers.dtype == np.int64
    assert neighbours.scores.dtype == np.float32
    assert len(neighbours.scores) == len(neighbours.numbers)
    assert (np.diff(neighbours.scores) <= 0).all()
    return neighbours.numbers.tolist()


def test_nothing_is_found_in_an_empty_index(index: TextIndex) -> None:
    assert index.last_number() == -1
    assert found(index, "launch") == []


def test_posts_are_found_once_committed_and_not_before(index: TextIndex) -> None:
    index.add(entries("rocket launch", "tax reform"))
    assert found(index, "launch") == []
    assert index.last_number() == -1
    index.commit()
    assert found(index, "launch") == [0]
    assert found(index, "unheard of") == []
    assert index.last_number() == 1


def test_more_and_rarer_words_in_common_come_first_then_shorter_posts(index: TextIndex) -> None:
    common = [f"today news{n} filler{n}" for n in range(20)]
    index.add(
        entries(*common, "today comet", "comet tail today seen", "comet with much else beside")
    )
    index.commit()
    assert found(index, "comet tail today", 3) == [21, 20, 22]
    assert found(index, "comet", 2) == [20, 21]
    assert len(found(index, "today", 5)) == 5


def test_no_words_and_no_places_give_nothing(index: TextIndex) -> None:
    index.add(entries("rocket launch"))
    index.commit()
    assert found(index, "") == []
    assert found(index, "rocket", 0) == []


def test_a_post_without_words_is_held_and_never_found(index: TextIndex) -> None:
    index.add(entries("rocket", ""))
    index.commit()
    assert index.last_number() == 1
    assert found(index, "rocket") == [0]


@pytest.mark.parametrize(
    "word",
    ["o'brien", "back\\slash", "@nasa", "a:b", "a|b", "!not", "(x", '"quoted"', "covid-19", "100%",
     "naïve", "火箭", "🚀", "AND", "w" * 3_000, "%s", "{schema}"],
)  # fmt: skip
def test_any_word_is_found_by_itself(index: TextIndex, word: str) -> None:
    index.add([Entry(0, ["rocket", word], 7), Entry(1, ["rocket"], 7)])
    index.commit()
    assert index.search([word], 10).numbers.tolist() == [0]
    index.delete([0])
    index.commit()
    assert index.search([word, "rocket"], 10).numbers.tolist() == [1]


def test_of_one_author_only(index: TextIndex) -> None:
    index.add([Entry(n, ["launch"], n % 3 - 1) for n in range(9)])
    index.commit()
    assert sorted(found(index, "launch", author=1)) == [2, 5, 8]
    assert found(index, "launch", 2, author=1) == [2, 5]
    assert found(index, "launch", author=5) == []
    assert len(found(index, "launch")) == 9


@given(st.integers(0, 3_000_000), st.integers(0, 3_000_000))
def test_spans_hold_all_numbers_from_one_on_and_none_before(first: int, last: int) -> None:
    spans = spans_from(first, last)
    assert len(spans) <= 5 * 31
    edges = []
    for span in spans:
        level = span >> LEVEL_SHIFT
        place = span - (level << LEVEL_SHIFT)
        edges.append((place << SPAN_BITS * level, (place + 1) << SPAN_BITS * level))
    # One after the other, without a hole or anything twice.
    ends = [end for _, end in edges]
    assert [start for start, _ in edges] == [first, *ends[:-1]][: len(edges)]
    assert (ends[-1] > last) if first <= last else not spans


def test_a_search_since_a_number_equals_a_filter(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path / "index")
    index.add([Entry(number, ["launch"], 7) for number in range(0, 5_000, 3)])
    index.commit()
    for since in (1, 31, 32, 1_000, 1_023, 1_024, 3_111, 4_998, 4_999):
        expected = [number for number in range(0, 5_000, 3) if number >= since]
        assert sorted(index.search(["launch"], 5_000, since=since).numbers) == expected
    index.delete([4_998])
    index.commit()
    assert sorted(index.search(["launch"], 9, since=4_990).numbers) == [4_992, 4_995]
    index.close()


def test_of_young_posts_only(index: TextIndex) -> None:
    index.add(entries("launch", "launch", "tax", "launch a day", "launch day"))
    index.commit()
    assert index.search(["launch", "day"], 10, since=2).numbers.tolist() == [4, 3]
    assert index.search(["launch", "day"], 1, since=3).numbers.tolist() == [4]
    assert index.search(["launch"], 10, since=5).numbers.tolist() == []
    assert index.search(["launch"], 10, author=7, since=4).numbers.tolist() == [4]
    assert index.search(["launch"], 10, author=8, since=1).numbers.tolist() == []


def test_deleted_posts_are_found_until_the_commit(index: TextIndex) -> None:
    index.add(entries("launch a", "launch b", "launch c"))
    index.commit()
    index.delete([0, 2, 99])
    assert found(index, "launch") == [0, 1, 2]
    index.commit()
    assert found(index, "launch") == [1]
    index.delete([0])
    index.delete([])
    index.commit()
    assert found(index, "launch") == [1]


def test_posts_deleted_before_the_commit_are_never_found(index: TextIndex) -> None:
    index.add(entries("launch a", "launch b"))
    index.delete([0])
    index.commit()
    assert found(index, "launch a") == [1]


def test_reopening_finds_exactly_the_committed_posts(opening: Opening) -> None:
    index = opening()
    index.add(entries("launch a", "launch b", "launch c"))
    index.commit()
    index.delete([2])
    index.commit()
    index.add([Entry(3, ["launch"], 7)])
    index.delete([0])
    index.close()
    again = opening()
    assert found(again, "launch") == [0, 1]
    assert again.last_number() == 1
    again.add([Entry(3, ["launch", "again"], 7)])
    again.commit()
    assert found(again, "again launch")[0] == 3


def test_the_same_question_gives_the_same_order(opening: Opening) -> None:
    chance = np.random.default_rng(1)
    words = np.array([f"word{n}" for n in range(40)])
    texts = [" ".join(chance.choice(words, 8, replace=False)) for _ in range(300)]
    index = opening()
    index.add(entries(*texts))
    index.commit()
    first = [found(index, text, 50) for text in texts[:20]]
    assert [found(index, text, 50) for text in texts[:20]] == first
    assert all(numbers[0] == place for place, numbers in enumerate(first))
    index.close()
    again = opening()
    assert [found(again, text, 50) for text in texts[:20]] == first


@pytest.mark.parametrize("k", [1, 7, 60, 400])
def test_ties_are_in_order_of_number_however_posts_were_committed(k: int) -> None:
    chance = np.random.default_rng(1)
    texts = [f"w{a} w{b}" for a, b in chance.integers(0, 6, (400, 2))]
    found_by = []
    for step in (400, 7, 31):
        index = TantivyIndex()
        for start in range(0, 400, step):
            stop = min(start + step, 400)
            index.add([Entry(n, texts[n].split(), n % 3) for n in range(start, stop)])
            index.commit()
        asked = [(words.split(), author) for words in set(texts) for author in (None, 1)]
        found_by.append([index.search(words, k, author) for words, author in asked])
    for one, *others in zip(*found_by, strict=True):
        assert (np.lexsort((one.numbers, -one.scores)) == np.arange(len(one.numbers))).all()
        for other in others:
            np.testing.assert_array_equal(one.numbers, other.numbers)
            np.testing.assert_array_equal(one.scores, other.scores)


def test_an_index_catches_up_with_the_store(opening: Opening, tmp_path: Path) -> None:
    posts = [Post(f"id{n}", 18_000.0, "nasa", f"rocket launch day{n}", ()) for n in range(6)]
    with PostStore(tmp_path / "posts.sqlite") as store:
        store.add(posts[:4])
        index = opening()
        assert catch_up(store, index) == CaughtUp(added=4, deleted=0)
        store.delete(["id1"])
        store.add(posts[4:])
        store.delete(["id5"])
        index.close()
        index = opening()
        assert catch_up(store, index) == CaughtUp(added=1, deleted=2)
        assert catch_up(store, index) == CaughtUp(added=0, deleted=0)
        assert sorted(found(index, "rocket")) == [0, 2, 3, 4]
        assert sorted(found(index, "launch", author=0)) == [0, 2, 3, 4]
    with (
        PostStore(tmp_path / "other.sqlite") as other,
        pytest.raises(InputError, match="they do not belong together"),
    ):
        catch_up(other, index)


def test_a_damaged_file_of_an_index_is_refused(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    index.add([Entry(number, ["rocket", f"day{number}"], 0) for number in range(50)])
    index.commit()
    index.close()
    files = [file for file in tmp_path.iterdir() if file.suffix in COMMITTED]
    assert len(files) > 3
    for file in files:
        whole = file.read_bytes()
        flipped = bytes([whole[len(whole) // 3] ^ 1])
        for damaged in (
            whole[: len(whole) // 3] + flipped + whole[len(whole) // 3 + 1 :],
            whole[:-9],
            b"",
        ):
            file.write_bytes(damaged)
            with pytest.raises(InputError, match="is damaged"):
                TantivyIndex(tmp_path)
        file.write_bytes(whole)
    assert TantivyIndex(tmp_path).last_number() == 49


def test_rebuilding_an_index_keeps_intermediate_commits(
    opening: Opening, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagfinder.live.search.catch_up.BLOCK", 2)
    monkeypatch.setattr("tagfinder.live.search.catch_up.BETWEEN_COMMITS", 4)
    posts = [Post(f"id{n}", 18_000.0, "nasa", f"rocket day{n}", ()) for n in range(11)]

    def terms(text: str) -> list[str]:
        if text == "rocket day8":
            raise OSError("killed")
        return text.split()

    with PostStore(tmp_path / "posts.sqlite") as store:
        store.add(posts)
        index = opening()
        with pytest.raises(OSError, match="killed"):
            catch_up(store, index, terms=terms)
        index.close()
        index = opening()
        assert sorted(found(index, "rocket", 20)) == list(range(8))
        assert catch_up(store, index) == CaughtUp(added=3, deleted=0)
        assert sorted(found(index, "rocket", 20)) == list(range(11))
