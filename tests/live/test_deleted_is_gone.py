"""What was deleted is in no byte of the folder, and nothing remembers it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from every_byte import places_of
from following import a_post, counts, following, recounted

from tagfinder.live import durable as module
from tagfinder.live.classify.classifier import Classifier, ClassifierSettings
from tagfinder.live.durable import DurableKnowledge
from tagfinder.live.post import Post
from tagfinder.live.tokens import word_rows

pytest.importorskip("tantivy", reason="needs tantivy")

CLASSIFIER = ClassifierSettings(30, 365, 1, 8, 2, 1, 0.05)
DAY = 20_000.0
# A post's text, id, author and hashtag, that no other has.
MARKERS = ("zyxtextmarker", "zyxidmarker", "zyxauthormarker", "zyxTagMarker")
Delete = Callable[[DurableKnowledge], int]


def encode(texts: Sequence[str]) -> np.ndarray:
    return np.array([[1.0, len(text)] for text in texts], np.float32)


def opened(folder: Path) -> DurableKnowledge:
    settings = {"classifier": asdict(CLASSIFIER)}
    return DurableKnowledge(
        folder / "knowledge", writable=True, encode=encode, dimension=2, settings=settings
    )


def marked(day: float = DAY) -> Post:
    text, identity, author, hashtag = MARKERS
    return Post(identity, day, author, f"launch {text}", (hashtag,))


def others(n: int = 40) -> list[Post]:
    return [a_post(f"other{number}", DAY + 1) for number in range(n)]


def teach(folder: Path) -> None:
    """Teach the marked post first, so that it is in the largest segment, and a late post."""
    with opened(folder) as durable:
        durable.teach([marked(), *others(), a_post("late", DAY + 31)])
        assert durable.train_classifiers()


def learned_words(durable: DurableKnowledge) -> list[bool]:
    """Return for both classifiers whether they have learned the marked word."""
    learned = durable.knowledge.classifiers
    assert learned is not None
    fresh = Classifier.learn(learned.period, [], CLASSIFIER).words
    [row] = word_rows([MARKERS[0]])
    both = learned.hashtags, learned.writers
    return [bool((one.words[row] != fresh[row]).any()) for one in both]


DELETIONS: dict[str, Delete] = {
    "by id": lambda durable: durable.forget([MARKERS[1]]),
    "of an author": lambda durable: durable.forget_author(MARKERS[2]),
    "by age": lambda durable: durable.expire(DAY + 1),
    "by size": lambda durable: durable.keep_newest(41),
}


@pytest.mark.parametrize("how", DELETIONS)
def test_no_byte_of_the_folder_has_a_deleted_post(tmp_path: Path, how: str) -> None:
    teach(tmp_path)
    there = places_of(tmp_path, MARKERS)
    assert {marker for marker, _ in there} == set(MARKERS)
    assert {file.split("/")[1] for _, file in there} >= {"posts.sqlite", "memory.npz"}
    with opened(tmp_path) as durable:
        assert learned_words(durable) == [True, True]
        assert DELETIONS[how](durable) == 1
        assert places_of(tmp_path, MARKERS) == []
        assert learned_words(durable) == [False, False]
        vocabulary = durable.knowledge.text_index.purge(lambda numbers: [])
        assert MARKERS[0] not in vocabulary
        assert "launch" in vocabulary
    assert places_of(tmp_path, MARKERS) == []
    with opened(tmp_path) as again:
        assert learned_words(again) == [False, False]
        expected = counts(again)
    assert places_of(tmp_path, MARKERS) == []
    assert recounted(tmp_path / "knowledge", encode=encode, dimension=2) == expected


def test_searches_score_as_if_the_post_had_never_been(tmp_path: Path) -> None:
    for name in ("deleted", "never"):
        with DurableKnowledge(tmp_path / name, writable=True) as durable:
            posts = [marked(), *others()] if name == "deleted" else others()
            durable.teach(posts)
            durable.teach([a_post("x", DAY + 2)])
            durable.forget([MARKERS[1]])
    with (
        DurableKnowledge(tmp_path / "deleted") as one,
        DurableKnowledge(tmp_path / "never") as two,
    ):
        found, expected = (
            kept.knowledge.text_index.search(["launch", "word3"], 9) for kept in (one, two)
        )
        assert (found.numbers - 1).tolist() == expected.numbers.tolist()
        assert found.scores.tolist() == expected.scores.tolist()


def test_who_was_killed_while_it_deleted_erases_at_the_next_opening(tmp_path: Path) -> None:
    teach(tmp_path)
    with opened(tmp_path) as durable:
        # The log has the deletion, and nothing else was done.
        durable.store.delete([MARKERS[1]])
        durable._closed = True
    assert places_of(tmp_path, MARKERS)
    with opened(tmp_path) as again:
        assert places_of(tmp_path, MARKERS) == []
        assert learned_words(again) == [False, False]


@pytest.mark.parametrize("deleter", [0, 1])
def test_in_a_shared_folder_all_let_go(tmp_path: Path, deleter: int) -> None:
    teach(tmp_path)
    with ExitStack() as stack:
        several = [stack.enter_context(opened(tmp_path)) for _ in range(2)]
        for one in several:
            one.teach([a_post("before")])
        with following(*several):
            assert several[deleter].forget([MARKERS[1]]) == 1
            assert places_of(tmp_path, MARKERS) == []
        for one in several:
            one.follow()
            names = one.knowledge.statistics
            assert MARKERS[2] not in names.authors.names
            assert MARKERS[3].lower() not in names.hashtags.names
            assert MARKERS[3] not in names.spellings
            assert learned_words(one) == [False, False]
    assert places_of(tmp_path, MARKERS) == []


def test_a_keeper_that_does_nothing_is_waited_for_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "SEEN_SECONDS", 0.1)
    teach(tmp_path)
    with opened(tmp_path) as keeper, opened(tmp_path) as other:
        assert other.forget([MARKERS[1]]) == 1
        assert "has not written them again yet" in caplog.text
        keeper.follow()
        assert places_of(tmp_path, MARKERS) == []


def test_a_spelling_goes_with_the_posts_that_had_it(tmp_path: Path) -> None:
    with opened(tmp_path) as durable:
        durable.teach([Post("1", DAY, "ann", "a comet", ("CometNight",))])
        durable.teach([Post("2", DAY, "bob", "a comet", ("cometnight",))])
        durable.forget(["1"])
        assert durable.knowledge.statistics.spellings == ["cometnight"]
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert not [file for file in files if b"CometNight" in file.read_bytes()]


def test_an_author_who_comes_back_is_counted_under_one_number(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as two:
        one.teach([Post("1", DAY, "ann", "a comet", ("sky",)), a_post("b"), a_post("c")])
        two.follow()
        one.store.delete(["1"])
        one.teach([Post("2", DAY, "ann", "a comet", ("sky",)), a_post("d")])
        two.follow()
        one.follow()
        assert counts(one) == counts(two)
        assert counts(one)["authors"]["ann"] == 1
        assert two.forget_author("ann") == 1
        one.follow()
        assert "ann" not in counts(one)["authors"]
    assert recounted(tmp_path / "knowledge", encode=encode, dimension=2)["posts"] == 3


def test_many_deletions_at_random_leave_no_byte(tmp_path: Path) -> None:
    chance = random.Random(1)
    folder = tmp_path / "knowledge"

    def name(number: int, kind: str) -> str:
        return f"zyx{kind}{number:05d}q"

    with DurableKnowledge(folder, writable=True) as durable:
        for start in range(0, 400, 80):
            posts = [
                Post(
                    *(name(n, "id"), DAY + chance.random() * 40, name(n, "author")),
                    f"launch {name(n, 'text')} {'word ' * chance.randint(0, 60)}",
                    (name(n, "tag"),),
                )
                for n in range(start, start + 80)
            ]
            durable.teach(posts)
            gone = chance.sample(range(start + 80), 40)
            durable.forget([name(n, "id") for n in gone])
        left = {post.id for block in durable.store.blocks() for post in block.posts}
        found = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
        numbers = set(re.findall(rb"zyx(?:id|author|text|tag)(\d{5})q", found))
        assert {name(int(number), "id") for number in numbers} == left
        assert 200 < len(left) < 300
