"""Knowledge on disk recovers after its text index failed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from tagfinder.errors import InputError
from tagfinder.live.classify.classifier import Classifier, ClassifierSettings
from tagfinder.live.counts.mapped import map_arrays, save_arrays
from tagfinder.live.durable import MEMORY, WORDS, DurableKnowledge
from tagfinder.live.post import Post
from tagfinder.live.tokens import word_rows

pytest.importorskip("tantivy", reason="needs tantivy")


def test_after_failed_indexing_posts_are_found_and_teaching_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise OSError("no space left on device")

    with DurableKnowledge(tmp_path, writable=True) as durable:
        with monkeypatch.context() as failing:
            failing.setattr(durable.knowledge.text_index, "commit", full)
            with pytest.raises(OSError, match="no space"):
                durable.teach([Post("1", 100.0, "ann", "a comet", ("sky",))])
        durable.teach([Post("2", 101.0, "bob", "the comet again", ("sky",))])
        found = durable.knowledge.text_index.search(["comet"], 5)
        assert sorted(found.numbers.tolist()) == [0, 1]
        assert durable.knowledge.statistics.n_alive == 2


def test_a_deleted_index_is_rebuilt_by_a_writer_and_refused_by_a_reader(
    tmp_path: Path,
) -> None:
    with DurableKnowledge(tmp_path, writable=True) as durable:
        durable.teach([Post("1", 100.0, "ann", "a comet", ("sky",))])
    shutil.rmtree(tmp_path / WORDS)
    with pytest.raises(InputError, match="has posts and no text index"):
        DurableKnowledge(tmp_path)
    with DurableKnowledge(tmp_path, writable=True) as durable:
        assert durable.knowledge.text_index.search(["comet"], 5).numbers.tolist() == [0]
        durable.forget(["1"])
    with DurableKnowledge(tmp_path) as tokens:
        assert tokens.knowledge.text_index.search(["comet"], 5).numbers.tolist() == []


def test_a_count_that_an_older_version_did_not_keep_is_made_from_the_posts(tmp_path: Path) -> None:
    with DurableKnowledge(tmp_path, writable=True) as durable:
        durable.teach([Post(f"{n}", 100.0 + n, "ann", "a comet", ("sky",)) for n in range(3)])
    older = dict(map_arrays(tmp_path / MEMORY))
    del older["users"]
    save_arrays(older, tmp_path / MEMORY)
    with DurableKnowledge(tmp_path, writable=True) as durable:
        assert durable.knowledge.statistics.users.values[0] == 1
        assert durable.knowledge.statistics.total.values[0] == 3


CLASSIFIER = ClassifierSettings(30, 365, 2, 8, 2, 1, 0.05)


def classes(durable: DurableKnowledge) -> set[str]:
    learned = durable.knowledge.classifiers
    names = durable.knowledge.statistics.hashtags.names
    return set() if learned is None else {names[number] for number in learned.hashtags.labels}


def test_the_classifier_reads_authors_and_vectors_of_a_folder(tmp_path: Path) -> None:
    def encode(texts: Sequence[str]) -> np.ndarray:
        return np.array([[1.0, len(text)] for text in texts], np.float32)

    posts = [
        Post(f"{n}", 100.0 + n, "ann" if n % 2 else None, "a " * n, ("sky",)) for n in range(8)
    ]
    settings = {"classifier": asdict(replace(CLASSIFIER, interval_days=5))}
    with DurableKnowledge(
        tmp_path, encode=encode, dimension=2, writable=True, settings=settings
    ) as durable:
        durable.teach(posts)
        assert durable.train_classifiers()
        assert durable.knowledge.classifiers is not None
        learned = durable.knowledge.classifiers.hashtags
        assert learned.projection.shape == (2, 8)
        names = durable.knowledge.statistics.authors.names
        assert [names[number] for number in learned.authors] == ["ann"]
    with DurableKnowledge(tmp_path, encode=encode, dimension=2, settings=settings) as reader:
        assert reader.knowledge.classifiers is not None
        again = reader.knowledge.classifiers.hashtags
        np.testing.assert_array_equal(again.projection, learned.projection)
        np.testing.assert_array_equal(again.author_vectors, learned.author_vectors)


def test_classifiers_are_kept_retrained_when_due_and_forget(tmp_path: Path) -> None:
    settings = {"classifier": asdict(CLASSIFIER)}

    def post(number: int, day: float, hashtag: str) -> Post:
        text = "a nova" if number < 2 else "a comet"
        return Post(f"{number}", day, f"by{number % 2}", text, (hashtag,))

    def has_learned(durable: DurableKnowledge, word: str) -> list[bool]:
        learned = durable.knowledge.classifiers
        assert learned is not None
        fresh = Classifier.learn(learned.period, [], CLASSIFIER).words
        [place] = word_rows([word])
        both = learned.hashtags, learned.writers
        return [bool((one.words[place] != fresh[place]).any()) for one in both]

    with DurableKnowledge(tmp_path, writable=True, settings=settings) as durable:
        durable.teach([post(n, 100.0 + n, "sky" if n < 3 else "star") for n in range(6)])
        assert durable.train_classifiers()
        assert classes(durable) == set()  # the period begins on day 90
        durable.teach([post(9, 121.0, "late")])
        assert durable.train_classifiers()
        assert classes(durable) == {"sky", "star"}
        assert not durable.train_classifiers()
    with DurableKnowledge(tmp_path, writable=True, settings=settings) as again:
        assert classes(again) == {"sky", "star"}
        assert not again.train_classifiers()
        assert has_learned(again, "nova") == [True, True]
        again.forget(["0", "1"])
        assert not again.train_classifiers()
        assert again.train_classifiers(forgetting=True)
        assert not again.train_classifiers(forgetting=True)
        assert classes(again) == {"star"}
        # Nothing that the deleted posts taught is left.
        assert has_learned(again, "nova") == [False, False]
        # Of the one hashtag that is left there is nothing to learn.
        assert has_learned(again, "comet") == [False, True]
    with DurableKnowledge(tmp_path, settings=settings) as reader:
        assert classes(reader) == {"star"}


def test_a_mistyped_date_costs_the_classifier_only_until_the_post_is_deleted(
    tmp_path: Path,
) -> None:
    posts = [Post(f"{n}", 100.0 + n / 10, "ann", "a comet", ("sky",)) for n in range(20)]
    settings = {"classifier": asdict(CLASSIFIER)}
    with DurableKnowledge(tmp_path, writable=True, settings=settings) as durable:
        durable.teach([*posts, Post("late", 125.0, "ann", "rain", ("bay",))])
        durable.teach([Post("typo", 30_000.0, "ann", "rain", ("bay",))])
        assert durable.train_classifiers()
        assert classes(durable) == set()
        durable.forget(["typo"])
        assert durable.newest_day == 125
        assert durable.train_classifiers()
        assert classes(durable) == {"sky"}


def test_a_reader_trains_no_classifiers(tmp_path: Path) -> None:
    settings = {"classifier": asdict(CLASSIFIER)}
    with DurableKnowledge(tmp_path, writable=True, settings=settings) as durable:
        durable.teach([Post("1", 100.0, "ann", "a comet", ("sky",))])
    with (
        DurableKnowledge(tmp_path, settings=settings) as reader,
        pytest.raises(InputError, match="opened to read"),
    ):
        reader.train_classifiers()


def test_recent_posts_exclude_older_ones_that_were_taught_later(tmp_path: Path) -> None:
    texts = [(1000.0, "new", "storm over the bay")]
    texts += [(100.0 + n, f"old{n}", "storm over the bay") for n in range(5)]
    with DurableKnowledge(tmp_path, writable=True) as durable:
        for day, hashtag, text in texts:
            durable.teach([Post(hashtag, day, "ann", text, (hashtag,))])
    with DurableKnowledge(tmp_path) as again:
        query = again.knowledge.query("storm", 1001.0, None, {"words"})
        assert query.recent_by_words.numbers.tolist() == [0]
        assert sorted(query.by_words.numbers.tolist()) == list(range(6))


def test_stored_but_uncounted_posts_wait_for_the_next_training(tmp_path: Path) -> None:
    settings = {"classifier": asdict(CLASSIFIER)}
    posts = [Post(f"{n}", 100.0 + n, "ann", "a comet", ("sky",)) for n in range(25)]
    with DurableKnowledge(tmp_path, writable=True, settings=settings) as durable:
        durable.teach(posts)
        # As while another thread teaches: in the store first, in the counts afterwards.
        durable.store.add([Post(f"x{n}", 101.0, "ann", "a comet", ("brandnew",)) for n in range(3)])
        assert durable.train_classifiers()
        assert classes(durable) == {"sky"}


def test_without_a_classifier_nothing_is_learned(tmp_path: Path) -> None:
    with DurableKnowledge(tmp_path, writable=True) as durable:
        durable.teach([Post("1", 100.0, "ann", "a comet", ("sky",))])
        assert not durable.train_classifiers()


def test_deleted_posts_leave_last_years_counts_at_once(tmp_path: Path) -> None:
    with DurableKnowledge(tmp_path, writable=True) as durable:
        durable.teach([Post("old", 100.0, "ann", "a comet", ("sky",))])
        durable.teach([Post("new", 465.0, "ann", "rain", ("storm",))])
        assert durable.knowledge.trends.uses_last_year(465.5)[0].tolist() == [0]
        durable.forget(["old"])
        assert not durable.knowledge.trends.uses_last_year(465.5)[1].any()


def test_a_damaged_table_of_posts_is_refused_and_never_counted_in_part(tmp_path: Path) -> None:
    folder = tmp_path / "knowledge"
    with DurableKnowledge(folder, writable=True) as durable:
        durable.teach(
            [Post(f"id{n}", 20_000.0, "ann", f"word{n} comet", ("a",)) for n in range(200)]
        )
    log, refused = folder / "posts.sqlite", 0
    whole = log.read_bytes()
    for page in range(4096, len(whole), 4096):
        log.write_bytes(whole[: page + 2048] + bytes(2048) + whole[page + 4096 :])
        # So that all posts are counted again.
        (folder / "state.json").unlink(missing_ok=True)
        try:
            with DurableKnowledge(folder) as durable:
                assert durable.knowledge.statistics.n_alive == 200
        except InputError as error:
            assert "posts.sqlite" in str(error)
            refused += 1
    assert refused > 2
