"""Several processes over one folder: each follows the log, and one keeps the files."""

from __future__ import annotations

import os
import random
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

pytest.importorskip("tantivy", reason="needs tantivy")

from following import a_post, counts, following, ids_in, recounted
from killing import kill_at_work

from tagfinder.errors import InputError
from tagfinder.live import durable as module
from tagfinder.live.durable import DurableKnowledge

WORKERS = 3
KILLS = 8


def opened(folder: Path) -> DurableKnowledge:
    return DurableKnowledge(folder / "knowledge", writable=True)


def found(durable: DurableKnowledge, word: str) -> list[int]:
    return sorted(durable.knowledge.text_index.search([word], 100).numbers.tolist())


def test_each_counts_and_finds_what_any_was_taught(tmp_path: Path) -> None:
    with opened(tmp_path) as keeper, opened(tmp_path) as other:
        assert (keeper.keeps, other.keeps) == (True, False)
        assert keeper.teach([a_post("ant"), a_post("bee")]).taught == 2
        assert (other.knowledge.statistics.n_alive, other.behind()) == (0, 2)
        assert other.follow()
        assert other.behind() == 0
        assert found(other, "ant") == [0]
        # What the other was taught it counts at once; words are found once the keeper has followed.
        done = other.teach([a_post("cat"), a_post("ant")])
        assert (done.taught, done.known) == (1, 1)
        assert other.knowledge.statistics.n_alive == 3
        keeper.follow()
        other.follow()
        assert counts(keeper) == counts(other)
        assert found(other, "cat") == [2]
        assert not other.follow()


def test_a_folder_opens_before_the_keeper_has_indexed_its_posts(tmp_path: Path) -> None:
    with opened(tmp_path) as keeper, opened(tmp_path) as other:
        other.teach([a_post("ant")])
        with opened(tmp_path) as third, DurableKnowledge(tmp_path / "knowledge") as reader:
            assert [third.behind(), reader.behind()] == [0, 0]
            keeper.follow()
            for one in (third, reader):
                one.follow()
                assert found(one, "ant") == [0]


def test_a_deletion_is_taken_out_of_the_counts_of_all_and_its_text_is_gone(tmp_path: Path) -> None:
    with opened(tmp_path) as keeper, opened(tmp_path) as other:
        keeper.teach([a_post(name) for name in "abcdefgh"])
        other.follow()
        with following(keeper):
            assert other.forget(["c", "nobody"]) == 1
            assert other.expire(19_000) == 0
            assert other.keep_newest(5) == 2
        other.follow()
        assert counts(keeper) == counts(other)
        assert counts(keeper)["posts"] == 5
    assert counts_after(tmp_path) == recounted(tmp_path / "knowledge")


def counts_after(folder: Path) -> dict[str, object]:
    with opened(folder) as again:
        return counts(again)


def test_who_was_too_slow_to_see_a_deletion_counts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEEN_SECONDS", 0.1)
    with opened(tmp_path) as keeper, opened(tmp_path) as slow:
        keeper.teach([a_post(name) for name in "abcd"])
        slow.follow()
        assert keeper.forget(["b"]) == 1
        keeper.teach([a_post("e")])
        slow.follow()
        assert counts(slow) == counts(keeper)
        # And it has a say again.
        assert keeper.store.erase(keeper.store.newest_deletion(), now=False)


def test_when_the_keeper_ends_another_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TAKE_OVER_SECONDS", 0.0)
    keeper, second, third = (opened(tmp_path) for _ in range(3))
    second.teach([a_post("a")])
    keeper.close()
    # The index has each of the posts taught meanwhile exactly once.
    third.teach([a_post("b")])
    second.teach([a_post("c")])
    for one in (second, third, second):
        one.follow()
    assert [second.keeps, third.keeps].count(True) == 1
    assert counts(second) == counts(third)
    assert counts(second)["found"] == [0, 1, 2]
    second.close()
    third.close()


def test_who_only_reads_follows_too(tmp_path: Path) -> None:
    with opened(tmp_path) as keeper:
        keeper.teach([a_post("a"), a_post("b")])
        with DurableKnowledge(tmp_path / "knowledge") as reader:
            keeper.teach([a_post("c")])
            keeper.forget(["a"])
            reader.follow()
            assert counts(reader) == counts(keeper)
            with pytest.raises(InputError, match="opened to read"):
                reader.teach([a_post("d")])


def test_saved_counts_that_are_damaged_are_made_again(tmp_path: Path) -> None:
    with opened(tmp_path) as keeper:
        keeper.teach([a_post("a"), a_post("b")])
        expected = counts(keeper)
    file = tmp_path / "knowledge" / "memory.npz"
    for damage in (b"", file.read_bytes()[:1000], b"x" * 5000):
        file.write_bytes(damage)
        assert counts_after(tmp_path) == expected


def test_a_full_disk_is_reported_and_the_next_post_is_taught(tmp_path: Path) -> None:
    with opened(tmp_path) as keeper:
        keeper.teach([a_post("a")])
        keeper.store._database.execute("PRAGMA max_page_count=20")
        with pytest.raises(Exception, match=r"posts\.sqlite: the disk is full"):
            keeper.teach([a_post("b" * 500_000)])
        keeper.store._database.execute("PRAGMA max_page_count=1000000")
        keeper.teach([a_post("c")])
        assert ids_in(keeper) == ["a", "c"]
        assert counts(keeper)["posts"] == 2


@pytest.mark.parametrize("seed", range(5))
def test_after_any_order_of_events_all_agree_with_a_recount(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEEN_SECONDS", 0.0)
    monkeypatch.setattr(module, "TAKE_OVER_SECONDS", 0.0)
    monkeypatch.setattr(module, "FOLLOWED_AT_ONCE", 3)
    chance = random.Random(seed)
    several = [opened(tmp_path) for _ in range(3)]
    names = [f"p{number}" for number in range(40)]
    for _ in range(60):
        place = chance.randrange(3)
        one = several[place]
        match chance.choice(["teach", "teach", "forget", "expire", "newest", "follow", "reopen"]):
            case "teach":
                days = 20_000 + chance.random() * 30
                one.teach([a_post(name, days) for name in chance.sample(names, 5)])
            case "forget":
                one.forget(chance.sample(names, 3))
            case "expire":
                one.expire(20_000 + chance.random() * 5)
            case "newest":
                one.keep_newest(chance.randint(10, 30))
            case "follow":
                one.follow()
            case "reopen":
                one.close()
                several[place] = opened(tmp_path)
    for one in (*several, *several):
        one.follow()
    expected = counts(several[0])
    assert [counts(one) for one in several] == [expected] * 3
    assert len(expected["found"]) == expected["posts"] == len(several[0].store)
    for one in several:
        one.close()
    assert recounted(tmp_path / "knowledge") == expected


def teach_until_killed(folder: Path, name: str, first: int) -> None:
    """Teach and forget beside others; note each call that returned."""
    notes = os.open(folder / "notes", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with opened(folder) as durable:
        number = first
        while True:
            ids = [f"{name}-{number}-{place}" for place in range(3)]
            durable.teach([a_post(one) for one in ids])
            os.write(notes, f"added {ids[0]} {ids[1]} {ids[2]}\n".encode())
            durable.forget(ids[:1])
            os.write(notes, f"deleted {ids[0]}\n".encode())
            number += 1


def noted(folder: Path, word: str) -> set[str]:
    lines = (folder / "notes").read_text().splitlines() if (folder / "notes").exists() else []
    return {one for line in lines if line.startswith(word) for one in line.split()[1:]}


def test_killed_at_random_beside_each_other_they_lose_nothing_that_was_acknowledged(
    processes: ForkServerContext, tmp_path: Path
) -> None:
    chance = random.Random(5)
    with opened(tmp_path) as watching:
        beside = [
            processes.Process(target=teach_until_killed, args=(tmp_path, f"w{n}", 0))
            for n in range(WORKERS - 1)
        ]
        for process in beside:
            process.start()
        with following(watching):
            for kill in range(KILLS):
                victim = processes.Process(
                    target=teach_until_killed, args=(tmp_path, f"v{kill}", 0)
                )
                name = f"v{kill}-{chance.randint(0, 2)}-0"
                kill_at_work(
                    victim, lambda name=name: name in noted(tmp_path, "added"), chance, kill
                )
            for process in beside:
                process.kill()
                process.join()
        watching.follow()
        ids = ids_in(watching)
        assert len(ids) == len(set(ids))
        lost = noted(tmp_path, "added") - set(ids)
        # A post may be deleted whose deletion was not acknowledged any more.
        assert all(one.endswith("-0") for one in lost)
        assert not noted(tmp_path, "deleted") & set(ids)
        watching.follow()
        deadline = time.monotonic() + 10
        while counts(watching)["posts"] != len(counts(watching)["found"]):
            assert time.monotonic() < deadline
            watching.follow()
        expected = counts(watching)
    assert recounted(tmp_path / "knowledge") == expected
