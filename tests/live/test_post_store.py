"""Taught posts are there, in order, until they are deleted; files of others stay untouched."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagfinder.errors import InputError, WorkError
from tagfinder.live.post import NO_AUTHOR, Post
from tagfinder.live.post_store import FORMAT, KNOWN, PostStore


def post(name: int | str, day: float = 18_000.0, author: str | None = "nasa") -> Post:
    return Post(f"id{name}", day, author, f"launch number {name}", ("Artemis", f"Launch{name}"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "posts.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[PostStore]:
    with PostStore(path) as opened:
        yield opened


def numbers_in(store: PostStore) -> list[int]:
    return [int(number) for block in store.blocks() for number in block.numbers]


def test_added_posts_are_read_in_order_after_reopening(path: Path) -> None:
    posts = [post(1, author="nasa"), post(2, author=None), post(3, author="esa"), post(4)]
    with PostStore(path) as store:
        assert store.last_number() == -1
        assert store.add(posts[:3]).tolist() == [0, 1, 2]
        assert store.add(posts[3:]).tolist() == [3]
    with PostStore(path) as store:
        blocks = list(store.blocks(size=3))
        assert [block.numbers.tolist() for block in blocks] == [[0, 1, 2], [3]]
        assert [block.authors.tolist() for block in blocks] == [[0, NO_AUTHOR, 1], [0]]
        assert [found for block in blocks for found in block.posts] == posts
        assert (len(store), store.last_number()) == (4, 3)
        assert store.posts_at(np.array([2, 99])) == {2: posts[2]}
        assert [block.numbers.tolist() for block in store.blocks(after=1)] == [[2, 3]]


def test_late_posts_can_be_read_without_the_others(path: Path) -> None:
    posts = [replace(post(n), day=18_000.0 + day) for n, day in enumerate((5, 3, 9, 4))]
    with PostStore(path) as store:
        assert store.newest_day() == 0
        store.add(posts)
        late = store.blocks(size=1, from_day=18_004.0)
        assert [block.numbers.tolist() for block in late] == [[0], [2], [3]]
        assert store.newest_day() == 18_009


texts = st.text(st.characters(exclude_categories=["Cs"]))


@settings(max_examples=30)
@given(
    st.builds(
        Post,
        texts,
        st.floats(allow_nan=False, allow_infinity=False),
        st.none() | texts,
        texts,
        st.lists(texts).map(tuple),
    )
)
def test_any_text_is_stored_unchanged(tmp_path_factory: pytest.TempPathFactory, kept: Post) -> None:
    with PostStore(tmp_path_factory.mktemp("store") / "posts.sqlite") as store:
        assert store.add([kept, kept]).tolist() == [0, KNOWN]
        assert store.posts_at([0]) == {0: kept}
        assert list(store.delete([kept.id])) == [0]


def test_a_known_id_is_skipped_and_reported(store: PostStore) -> None:
    store.add([post(1)])
    changed = replace(post(1), text="something else")
    assert store.add([post(2), changed, post(3), post(2)]).tolist() == [1, KNOWN, 2, KNOWN]
    assert store.posts_at([0]) == {0: post(1)}


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (post("bad", day=float("nan")), r"'idbad': its day is nan"),
        (replace(post("bad"), text="\ud83d"), "'idbad' holds half a character"),
    ],
)
def test_one_bad_post_keeps_its_whole_batch_out(store: PostStore, bad: Post, says: str) -> None:
    with pytest.raises(InputError, match=says):
        store.add([post(1), bad, post(2)])
    assert (len(store), store.last_number()) == (0, -1)


def test_a_failed_transaction_changes_nothing(store: PostStore) -> None:
    with pytest.raises(sqlite3.ProgrammingError):
        store.add([post(1), replace(post(2), id=b"bytes", text=object())])  # type: ignore[arg-type]
    assert len(store) == 0
    assert store.add([post(3)]).tolist() == [0]


def test_deletion_is_remembered_and_numbers_are_not_given_again(path: Path) -> None:
    with PostStore(path) as store:
        store.add([post(name) for name in range(5)])
        assert list(store.delete(["id4", "id1", "unknown"])) == [1, 4]
        assert list(store.delete(["id1"])) == []
        missed, serial = store.deleted_since()
        assert missed.tolist() == [1, 4]
        assert store.deleted_since(serial)[0].tolist() == []
        assert list(store.delete(["id0"])) == [0]
        assert store.deleted_since(serial)[0].tolist() == [0]
    with PostStore(path) as store:
        assert numbers_in(store) == [2, 3]
        assert store.last_number() == 4
        assert store.add([post(1)]).tolist() == [5]


def test_all_deleted_and_still_no_number_again(path: Path) -> None:
    with PostStore(path) as store:
        store.add([post(1), post(2)])
        assert list(store.keep_newest(0)) == [0, 1]
        assert list(store.blocks()) == []
    with PostStore(path) as store:
        assert store.add([post(3)]).tolist() == [2]


def test_retention_by_age_and_by_size(store: PostStore) -> None:
    store.add([post(0, 10.0), post(1, 30.0), post(2, 20.0), post(3, 40.0), post(4, 20.0)])
    assert list(store.expire(20.0)) == [0]
    assert list(store.keep_newest(10)) == []
    # Of two of one day the one that was taught later is the newer.
    assert list(store.keep_newest(3)) == [2]
    assert numbers_in(store) == [1, 3, 4]


def test_deleted_text_is_not_left_in_the_file(path: Path) -> None:
    with PostStore(path) as store:
        store.add([replace(post(1), text="a secret that was withdrawn"), post(2)])
        store.delete(["id1"])
        # No process has it in its counts.
        assert store.erase(store.newest_deletion(), now=False)
        files = [file for file in path.parent.iterdir() if file.stat().st_size]
        assert path in files
        assert not [file for file in files if b"withdrawn" in file.read_bytes()]


def test_readers_remember_how_far_they_came(path: Path) -> None:
    with PostStore(path) as store:
        assert store.seen("words") == 0
        store.set_seen("words", 7)
    with PostStore(path) as store:
        assert (store.seen("words"), store.seen("vectors")) == (7, 0)


SECOND = """
import sys
from pathlib import Path
from test_post_store import post
from tagfinder.live.post_store import PostStore
with PostStore(Path(sys.argv[1])) as store:
    print(*store.add([post(1), post(2)]).tolist())
"""


def test_a_second_process_writes_behind_the_first(store: PostStore, path: Path) -> None:
    store.add([post(1)])
    said = subprocess.run(
        [sys.executable, "-c", SECOND, str(path)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parent,
    ).stdout.split()  # fmt: skip
    assert said == [str(KNOWN), "1"]
    assert store.add([post(2), post(3)]).tolist() == [KNOWN, 2]


def test_reading_only_does_not_write(path: Path) -> None:
    with pytest.raises(InputError, match="nothing was taught yet"):
        PostStore(path, writable=False)
    with PostStore(path) as store:
        store.add([post(1)])
    with PostStore(path, writable=False) as store, pytest.raises(WorkError, match="read-only"):
        store.add([post(2)])


def test_changes_have_a_deleted_post_among_the_deletions_alone(store: PostStore) -> None:
    store.add([post(name) for name in range(10)])
    store.delete(["id3", "id8"])
    # Deletions come first if there are more entries than requested, and posts as they were then.
    first = store.changes(after=-1, serial=0, size=2)
    assert [(one.serial, one.number, one.text) for one in first.deletions] == [
        (1, 3, post(3).text),
        (2, 8, post(8).text),
    ]
    assert (first.posts.posts, first.complete) == ([], False)
    rest = store.changes(after=-1, serial=first.serial, size=100)
    assert rest.posts.numbers.tolist() == [0, 1, 2, 4, 5, 6, 7, 9]
    assert (rest.deletions, rest.complete) == ([], True)
    assert not store.changes(after=9, serial=first.serial, size=100)


def test_texts_of_deleted_posts_stay_until_every_process_has_seen_it(store: PostStore) -> None:
    store.add([post(1), post(2)])
    store.enter("fast", 0)
    store.enter("slow", 0)
    store.delete(["id1"])
    store.enter("fast", 1)
    assert not store.erase(1, now=False)
    assert store.changes(-1, 0, 10).deletions[0].text == post(1).text
    store.enter("slow", 1)
    assert store.erase(1, now=False)
    assert store.changes(-1, 0, 10).deletions[0].text is None
    # One that ended or hangs is waited for no longer.
    store.delete(["id2"])
    store.leave("fast")
    assert not store.erase(2, now=False)
    assert store.erase(2, now=True)


def test_a_copy_on_a_read_only_disk_is_read_unless_it_lacks_posts(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PostStore(path) as store:
        store.add([post(1)])
    monkeypatch.setattr("tagfinder.live.post_store.os.access", lambda *_: False)
    with PostStore(path, writable=False) as store:
        assert store.posts_at([0]) == {0: post(1)}
    path.with_name(f"{path.name}-wal").write_bytes(b"x" * 100)
    with pytest.raises(InputError, match="read-only"):
        PostStore(path, writable=False)


def test_a_file_of_an_earlier_version_is_read_as_it_is_and_completed_by_who_writes(
    path: Path,
) -> None:
    with PostStore(path) as store:
        store.add([post(1), post(2)])
        store.delete(["id1"])
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE leaving")
        database.execute("DROP TABLE followed")
    database.close()
    for writable in (False, True):
        with PostStore(path, writable) as store:
            changes = store.changes(after=-1, serial=0, size=10)
            assert changes.posts.posts == [post(2)]
            assert [(one.number, one.text) for one in changes.deletions] == [(0, None)]
            assert store.followed() is None


def test_a_newer_file_is_refused(path: Path) -> None:
    PostStore(path).close()
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version={FORMAT + 1}")
    with pytest.raises(InputError, match=f"store of format {FORMAT + 1}"):
        PostStore(path)


def test_a_foreign_file_is_refused_and_unchanged(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE theirs(x)")
    before = path.read_bytes()
    with pytest.raises(InputError, match="another program's SQLite file"):
        PostStore(path)
    assert path.read_bytes() == before
    path.write_text("no database at all, " * 100)
    with pytest.raises(InputError, match="cannot be read as a store of posts"):
        PostStore(path)
    assert path.read_text().startswith("no database")


def flip(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b"launch number 7", b"laumch number 7", "post 'id7' is not as it was stored; delete it"),
        (b'"Launch7"', b'"Launch6"', "post 'id7' is not as it was stored"),
        (b"launch number 7", b"la\xf5nch number 7", "is damaged .*; restore it from a copy"),
    ],
)
def test_a_post_that_changed_on_the_disk_is_refused(
    path: Path, old: bytes, new: bytes, says: str
) -> None:
    with PostStore(path) as store:
        store.add([post(n) for n in range(10)])
    flip(path, old, new)
    with PostStore(path) as store:
        for read in (lambda: list(store.blocks()), lambda: store.posts_at([7])):
            with pytest.raises(InputError, match=f"posts.sqlite.*{says}"):
                read()
        assert store.posts_at([6]) == {6: post(6)}


def test_a_damaged_post_can_be_deleted(path: Path) -> None:
    with PostStore(path) as store:
        store.add([post(n) for n in range(10)])
    flip(path, b"launch number 7", b"laumch number 7")
    with PostStore(path) as store:
        assert store.delete(["id7", "id8"]) == [7, 8]
        texts = {one.number: one.text for one in store.changes(9, 0, 10).deletions}
        assert texts == {7: None, 8: "launch number 8"}
        assert [number for number in range(10) if number not in (7, 8)] == numbers_in(store)


def test_posts_of_an_earlier_version_get_checksums(path: Path) -> None:
    with PostStore(path) as store:
        store.add([post(n, author=f"a{n % 3}" if n % 4 else None) for n in range(10)])
        expected = next(iter(store.blocks())).posts
    database = sqlite3.connect(path)
    database.execute("ALTER TABLE posts DROP COLUMN checksum")
    database.commit()
    database.close()
    with PostStore(path, writable=False) as store:
        assert next(iter(store.blocks())).posts == expected
    PostStore(path).close()
    flip(path, b"launch number 7", b"laumch number 7")
    with PostStore(path, writable=False) as store, pytest.raises(InputError, match="'id7'"):
        list(store.blocks())
