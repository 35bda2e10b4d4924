from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from collected import numbers_of, posts_of
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tagfinder.collect import collection as module
from tagfinder.collect.collection import Collection
from tagfinder.collect.parts import write_part
from tagfinder.collect.post import Batch, Post
from tagfinder.errors import InputError

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def post(number: int, text: str = "", **more: object) -> Post:
    values = {
        "network": "bluesky",
        "id": f"at://did:plc:ann/app.bsky.feed.post/{number}",
        "created_at": NOON + timedelta(hours=number),
        "text": text or f"post {number} #Hi",
        "hashtags": ["Hi"],
        "author": "did:plc:ann",
        "lang": "en",
    }
    return Post(**(values | more))  # type: ignore[arg-type]


def posts(*numbers: int) -> Batch:
    return Batch(posts=[post(number) for number in numbers])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "collected"


def test_posts_are_kept_by_day_in_the_raw_schema(folder: Path) -> None:
    with Collection(folder, "plain") as collection:
        collection.commit(posts(0, 1, 20, 50))
    days = sorted(path.name[:10] for path in (folder / "parts").iterdir())
    assert days == ["2026-11-20", "2026-11-21", "2026-11-22"]
    table = posts_of(folder)
    assert table.schema["created_at"] == pl.Datetime("us", "UTC")
    assert table.schema["hashtags"] == pl.List(pl.String)
    assert table.row(0, named=True) == {
        "id": "at://did:plc:ann/app.bsky.feed.post/0",
        "created_at": NOON,
        "text": "post 0 #Hi",
        "hashtags": ["Hi"],
        "entity_name": None,
        "lang": "en",
        "author": "did:plc:ann",
        "network": "bluesky",
    }


def test_a_post_is_stored_once_within_a_batch_and_across_openings(folder: Path) -> None:
    with Collection(folder) as collection:
        outcome = collection.commit(posts(1, 2, 2))
        assert (outcome.new, outcome.known) == (2, 1)
    with Collection(folder) as collection:
        outcome = collection.commit(posts(2, 3))
        assert (outcome.new, outcome.known) == (1, 1)
        assert collection.posts == 3
    assert numbers_of(folder) == [1, 2, 3]


def test_a_day_has_few_files_however_often_it_is_committed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS_OF_A_PART", 5)
    with Collection(folder) as collection:
        for number in range(11):
            collection.commit(Batch(posts=[post(number, created_at=NOON)]))
    assert len(list((folder / "parts").iterdir())) == 3
    assert numbers_of(folder) == list(range(11))


def test_cursors_are_stored_with_the_posts_and_not_when_a_limit_cuts_them_off(folder: Path) -> None:
    with Collection(folder) as collection:
        batch = posts(1, 2, 3)
        batch.cursors = {"query": {"token": "a"}}
        assert collection.commit(batch, limit=2).new == 2
        assert collection.cursor("query") is None
        assert collection.commit(batch, limit=2).new == 1
        assert collection.cursor("query") == {"token": "a"}


def test_deleted_posts_leave_their_part_and_do_not_come_back(folder: Path) -> None:
    with Collection(folder) as collection:
        collection.commit(posts(1, 2, 3))
        deletion = Batch(removed=[post(2).id, "at://never/seen/1"])
        assert collection.commit(deletion).removed == 1
        assert collection.commit(posts(2)).new == 0
    assert numbers_of(folder) == [1, 3]


def test_a_post_that_is_deleted_in_the_batch_that_brings_it_is_never_stored(folder: Path) -> None:
    batch = posts(1, 2)
    batch.removed = [post(1).id]
    with Collection(folder) as collection:
        assert collection.commit(batch).new == 1
    assert numbers_of(folder) == [2]


def test_a_deletion_finds_the_post_by_the_alias_of_any_server_that_showed_it(folder: Path) -> None:
    with Collection(folder) as collection:
        collection.commit(Batch(posts=[post(1, alias="a.example/11")]))
        collection.commit(Batch(posts=[post(1, alias="b.example/99")]))
        assert collection.commit(Batch(removed=["b.example/99"])).removed == 1
        assert collection.posts == 0
    assert not list((folder / "parts").iterdir())


def test_all_posts_of_an_account_that_is_gone_are_removed(folder: Path) -> None:
    with Collection(folder) as collection:
        collection.commit(Batch(posts=[post(1), post(2, author="did:plc:bob"), post(30)]))
        assert collection.commit(Batch(removed_authors=["did:plc:ann"])).removed == 2
    assert numbers_of(folder) == [2]


def test_an_edited_post_takes_the_place_of_the_old_one(folder: Path) -> None:
    with Collection(folder) as collection:
        collection.commit(posts(1, 2, 40))
        edited = [post(1, "post 1 again #Hi"), post(40, "post 40 moved #Hi", created_at=NOON)]
        assert collection.commit(Batch(edited=edited)).new == 0
        assert collection.posts == 3
    texts = posts_of(folder)["text"].to_list()
    assert sorted(texts) == ["post 1 again #Hi", "post 2 #Hi", "post 40 moved #Hi"]


def test_purging_takes_ids_of_the_network_and_of_the_collection_and_authors(folder: Path) -> None:
    with Collection(folder) as collection:
        collection.commit(Batch(posts=[post(n) for n in range(4)] + [post(9, author="bob")]))
    stored = posts_of(folder)["id"].to_list()
    with Collection(folder) as collection:
        assert collection.purge([post(0).id, stored[1], "unknown"], ["bob"]) == 3
        assert collection.commit(posts(0, 1)).new == 0
    assert numbers_of(folder) == [2, 3]


def test_a_collection_that_hashes_authors_has_no_author_names(folder: Path) -> None:
    with Collection(folder) as collection:
        collection.commit(posts(1, 2))
    for path in folder.rglob("*"):
        assert path.is_dir() or b"did:plc:ann" not in path.read_bytes(), path
    authors = posts_of(folder)["author"].unique().to_list()
    assert len(authors) == 1 and len(authors[0]) == 16


def test_two_collections_hash_the_same_author_differently(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with Collection(tmp_path / name) as collection:
            collection.commit(posts(1))
    authors = [posts_of(tmp_path / name)["author"][0] for name in ("a", "b")]
    assert authors[0] != authors[1]


def test_only_the_owner_can_read_the_salt(folder: Path) -> None:
    with Collection(folder):
        pass
    mode = stat.S_IMODE((folder / ".collection" / "salt").stat().st_mode)
    assert mode == 0o600
    assert stat.S_IMODE((folder / ".collection").stat().st_mode) == 0o700


def test_the_way_to_store_authors_cannot_change_later(folder: Path) -> None:
    with Collection(folder, "none") as collection:
        collection.commit(posts(1))
    assert posts_of(folder)["author"][0] is None
    with pytest.raises(InputError, match=r"--authors plain.*'none'"):
        Collection(folder, "plain")


def test_two_processes_cannot_work_on_one_collection(folder: Path) -> None:
    with Collection(folder), pytest.raises(InputError, match="another process"):
        Collection(folder)


def test_parts_without_their_index_are_not_continued(folder: Path) -> None:
    (folder / "parts").mkdir(parents=True)
    with pytest.raises(InputError, match=r"no \.collection"):
        Collection(folder)


def test_a_part_that_somebody_deleted_by_hand_costs_only_its_own_posts(folder: Path) -> None:
    with Collection(folder) as collection:
        collection.commit(posts(1, 50))
    next((folder / "parts").glob("2026-11-20*")).unlink()
    with Collection(folder) as collection:
        assert collection.posts == 1
        assert collection.commit(posts(1)).new == 1
    assert numbers_of(folder) == [1, 50]


class Crash(BaseException):
    """The process is killed here."""


@pytest.fixture(params=range(6))
def crash_at(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kill the process before or after the first, second or third write of a part."""
    writes = iter(range(100))

    def write(path: Path, rows: object) -> None:
        number = next(writes)
        if request.param == 2 * number:
            raise Crash
        write_part(path, rows)  # type: ignore[arg-type]
        if request.param == 2 * number + 1:
            raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_part", write)
        yield


def test_a_commit_that_is_killed_at_any_write_is_made_good(folder: Path, crash_at: None) -> None:
    del crash_at
    with pytest.MonkeyPatch.context() as calm:
        calm.setattr(module, "write_part", write_part)
        with Collection(folder) as collection:
            collection.commit(posts(0, 1, 20))
    # A part that grows, a new part, a deletion from a third and an edit in the first.
    batch = posts(2, 60)
    batch.removed = [post(20).id]
    batch.edited = [post(0, "post 0 edited")]
    batch.cursors = {"query": 1}
    collection = Collection(folder)
    try:
        collection.commit(batch)
    except Crash:
        pass
    finally:
        collection.close()
    with pytest.MonkeyPatch.context() as calm:
        calm.setattr(module, "write_part", write_part)
        with Collection(folder) as collection:
            assert numbers_of(folder) in ([0, 1, 20], [0, 1, 2, 60])
            assert collection.posts == len(numbers_of(folder))
            collection.commit(batch)
            assert collection.cursor("query") == 1
    assert numbers_of(folder) == [0, 1, 2, 60]
    assert "post 0 edited" in posts_of(folder)["text"]


class CollectionMachine(RuleBasedStateMachine):
    """A collection has the right posts after any commits in any order."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.base = tempfile.TemporaryDirectory()
        self.folder = Path(self.base.name) / "collected"
        self.collection = Collection(self.folder)
        self.expected: dict[int, str] = {}
        self.removed: set[int] = set()

    @rule(numbers=st.lists(st.integers(0, 15), max_size=6))
    def commit(self, numbers: list[int]) -> None:
        self.collection.commit(posts(*numbers))
        for number in set(numbers) - self.removed - self.expected.keys():
            self.expected[number] = f"post {number} #Hi"

    @rule(number=st.integers(0, 15), word=st.sampled_from(["a", "b"]))
    def edit(self, number: int, word: str) -> None:
        text = f"post {number} {word}"
        self.collection.commit(Batch(edited=[post(number, text)]))
        if number not in self.removed:
            self.expected[number] = text

    @rule(numbers=st.lists(st.integers(0, 15), max_size=3))
    def delete(self, numbers: list[int]) -> None:
        self.collection.commit(Batch(removed=[post(number).id for number in numbers]))
        self.removed |= self.expected.keys() & set(numbers)
        for number in numbers:
            self.expected.pop(number, None)

    @rule()
    def open_again(self) -> None:
        self.collection.close()
        self.collection = Collection(self.folder)

    @invariant()
    def holds_what_it_should(self) -> None:
        assert self.collection.posts == len(self.expected)
        if self.expected:
            assert sorted(posts_of(self.folder)["text"]) == sorted(self.expected.values())

    def teardown(self) -> None:
        self.collection.close()
        self.base.cleanup()


TestCollectionMachine = CollectionMachine.TestCase
TestCollectionMachine.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
