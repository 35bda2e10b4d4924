"""Folders on several machines that follow one log on a real PostgreSQL server."""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from multiprocessing.context import ForkServerContext
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tantivy", reason="needs tantivy")
pytest.importorskip("psycopg", reason="needs the extra postgres")

from every_byte import places_of
from following import a_post, counts, ids_in, recounted
from killing import kill_at_work
from postgres_server import Server, running_server
from proxy import Proxy, proxy_to

from tagfinder.errors import InputError, WorkError
from tagfinder.live.durable import DurableKnowledge
from tagfinder.live.post import Post
from tagfinder.live.postgres_log import PostgresLog

KILLS = 4
_numbers = count()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as started:
        yield started


@pytest.fixture
def schema() -> str:
    """A log of its own for each test."""
    return f"log{next(_numbers)}"


def opened(folder: Path, address: str, schema: str) -> DurableKnowledge:
    log = PostgresLog(address, schema, answer_seconds=1.0)
    return DurableKnowledge(folder / "knowledge", writable=True, log=log)


def began(folder: Path, *names: str) -> Path:
    """Make a folder that was taught before there was a log."""
    with DurableKnowledge(folder / "knowledge", writable=True) as alone:
        alone.teach([a_post(name) for name in names])
    return folder


@contextmanager
def following(durable: DurableKnowledge) -> Iterator[list[Exception]]:
    """Pull and follow in a thread, as a service does, until the block ends."""
    end, failures = threading.Event(), []

    def follow() -> None:
        while not end.is_set():
            try:
                durable.wait(0.2)
                durable.pull()
            except WorkError as error:
                failures.append(error)
                end.wait(0.05)
            durable.follow()

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield failures
    finally:
        end.set()
        thread.join()


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_copies_of_a_folder_share_what_any_is_taught_and_forgets(
    tmp_path: Path, server: Server, schema: str
) -> None:
    first = began(tmp_path / "one", "ant", "bee")
    second = Path(shutil.copytree(first, tmp_path / "two"))
    with (
        opened(first, server.address, schema) as one,
        opened(second, server.address, schema) as two,
    ):
        assert one.teach([a_post("cat"), a_post("ant")]).taught == 1
        with following(one), following(two):
            two.teach([a_post("dog")])
            until(lambda: counts(one)["posts"] == counts(two)["posts"] == 4)
            assert two.forget(["bee", "nobody"]) == 1
            assert one.expire(19_000) == 0
            assert one.keep_newest(2) == 1
            until(lambda: counts(one)["posts"] == counts(two)["posts"] == 2)
        assert ids_in(one) == ids_in(two) == ["cat", "dog"]
        # A post that was deleted may be taught again, and numbers are never given again.
        one.teach([a_post("bee")])
        two.pull()
        two.follow()
        assert counts(one) == counts(two)
        assert counts(two)["found"] == [2, 3, 6]
    assert recounted(first / "knowledge") == recounted(second / "knowledge")


def test_a_deleted_post_is_in_no_row_and_after_a_full_vacuum_in_no_file_of_the_table(
    tmp_path: Path, server: Server, schema: str
) -> None:
    """PostgreSQL's write-ahead log has it for longer, as the documentation says."""
    import psycopg

    markers = ("zyxpgtext", "zyxpgid", "zyxpgauthor", "zyxpgtag")
    text, identity, author, hashtag = markers
    with opened(tmp_path, server.address, schema) as durable:
        durable.teach([a_post("stays"), Post(identity, 20_000.0, author, text, (hashtag,))])
        assert durable.forget([identity]) == 1
        assert places_of(tmp_path, markers) == []
    with psycopg.connect(server.address, autocommit=True) as connection:
        rows = connection.execute(f'SELECT entries::text FROM "{schema}".entries').fetchall()
        assert "stays" in str(rows)
        assert not [marker for marker in markers if marker in str(rows)]
        connection.execute(f'VACUUM FULL "{schema}".entries')
        connection.execute("CHECKPOINT")
        assert places_of(server.folder / "data" / "base", markers) == []


def test_a_copy_that_was_made_later_catches_up(tmp_path: Path, server: Server, schema: str) -> None:
    first = began(tmp_path / "one", "ant")
    with opened(first, server.address, schema) as one:
        one.teach([a_post(f"p{number}") for number in range(2500)])
        one.forget(["ant", "p7"])
    late = Path(shutil.copytree(first, tmp_path / "late"))
    with opened(first, server.address, schema) as one:
        one.teach([a_post("q")])
        one.forget(["p8"])
        with opened(late, server.address, schema) as two:
            assert counts(two) == counts(one)


def test_a_folder_with_other_posts_or_without_its_log_is_refused(
    tmp_path: Path, server: Server, schema: str
) -> None:
    first = began(tmp_path / "one", "ant")
    opened(first, server.address, schema).close()
    other = began(tmp_path / "other", "bee")
    with pytest.raises(InputError, match="other posts than the log"):
        opened(other, server.address, schema)
    with (
        DurableKnowledge(first / "knowledge", writable=True) as alone,
        pytest.raises(InputError, match="--posts ADDRESS"),
    ):
        alone.teach([a_post("cat")])
    with pytest.raises(InputError, match="other posts than the log"):
        opened(first, server.address, f"{schema}_other").close()


def test_an_unreachable_or_invalid_address_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no address"):
        PostgresLog("postgresql://[", "log")
    with pytest.raises(WorkError, match="does not answer"):
        PostgresLog(f"host={tmp_path} user=nobody", "log")


def test_posts_that_are_no_text_keep_their_batch_out(
    tmp_path: Path, server: Server, schema: str
) -> None:
    with opened(began(tmp_path / "one"), server.address, schema) as one:
        for bad in ("half \ud83d", "nul \0"):
            with pytest.raises(InputError):
                one.teach([a_post("fine"), a_post(bad)])
        assert ids_in(one) == []


def test_writers_at_the_same_time_leave_no_gap_that_a_reader_passes_over(
    server: Server, schema: str
) -> None:
    logs = [PostgresLog(server.address, schema) for _ in range(4)]
    seen: list[int] = []
    done = threading.Event()

    def read() -> None:
        position = -1
        while not done.is_set() or logs[0].last() > position:
            if piece := logs[0].read(position, 7):
                position = piece.position
                seen.extend(piece.numbers)

    def write(log: PostgresLog, name: str) -> None:
        for number in range(30):
            log.add([a_post(f"{name}{number}{place}") for place in range(3)])

    reader = threading.Thread(target=read)
    writers = [
        threading.Thread(target=write, args=(log, f"w{n}-")) for n, log in enumerate(logs[1:])
    ]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert seen == list(range(270))
    for log in logs:
        log.close()


@pytest.mark.parametrize("how", [Proxy.cut, Proxy.silence])
def test_who_is_cut_off_says_so_and_catches_up_once_the_line_is_mended(
    tmp_path: Path, server: Server, schema: str, how: Callable[[Proxy], None]
) -> None:
    first = began(tmp_path / "one", "ant")
    second = Path(shutil.copytree(first, tmp_path / "two"))
    with (
        proxy_to(server.socket) as proxy,
        opened(first, server.address, schema) as one,
        opened(second, f"host=127.0.0.1 port={proxy.port} user=postgres", schema) as two,
        following(two) as failures,
    ):
        one.teach([a_post("bee")])
        until(lambda: counts(two)["posts"] == 2)
        how(proxy)
        with pytest.raises(WorkError, match="does not answer"):
            two.teach([a_post("lost")])
        one.teach([a_post("cat")])
        until(lambda: bool(failures))
        # It still answers from what it has.
        assert counts(two)["posts"] == 2
        proxy.mend()
        until(lambda: counts(two)["posts"] == len(two.store) == len(ids_in(one)) >= 3)
        # What was not acknowledged may be sent again, and is there once.
        two.teach([a_post("lost")])
        until(lambda: ids_in(two).count("lost") == 1)
        one.pull()
        one.follow()
        assert counts(one) == counts(two)


def teach_until_killed(folder: Path, address: str, schema: str, name: str) -> None:
    """Follow a log on a machine of its own; teach, and note each call that returned."""
    notes = os.open(folder / "notes", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    chance = np.random.default_rng(os.getpid())
    with opened(folder, address, schema) as durable:
        for number in count():
            ids = [f"{name}-{os.getpid()}-{number}-{place}" for place in range(3)]
            durable.teach([a_post(one) for one in ids])
            os.write(notes, f"added {' '.join(ids)}\n".encode())
            if chance.random() < 0.3:
                durable.forget(ids[:1])
                os.write(notes, f"deleted {ids[0]}\n".encode())


def noted(folders: list[Path], word: str) -> set[str]:
    files = [folder / "notes" for folder in folders if (folder / "notes").exists()]
    lines = [line for file in files for line in file.read_text().splitlines()]
    return {one for line in lines if line.startswith(word) for one in line.split()[1:]}


def test_killed_at_random_every_machine_has_each_acknowledged_post_once(
    processes: ForkServerContext, tmp_path: Path, server: Server, schema: str
) -> None:
    chance = random.Random(3)
    folders = [began(tmp_path / "0", "ant")]
    folders += [Path(shutil.copytree(folders[0], tmp_path / f"{n}")) for n in (1, 2)]
    opened(folders[0], server.address, schema).close()
    running = [
        processes.Process(target=teach_until_killed, args=(folder, server.address, schema, "w"))
        for folder in folders[1:]
    ]
    for process in running:
        process.start()
    for kill in range(KILLS):
        victim = processes.Process(
            target=teach_until_killed, args=(folders[0], server.address, schema, f"v{kill}")
        )
        kill_at_work(
            victim,
            lambda kill=kill: any(
                one.startswith(f"v{kill}-") for one in noted(folders[:1], "added")
            ),
            chance,
            kill,
        )
        if kill == KILLS // 2:
            # The server itself crashes, and comes back.
            server.stop()
            time.sleep(0.2)
            server.start()
    for process in running:
        process.kill()
        process.join()
    with suppress(FileNotFoundError):
        (folders[2] / "knowledge" / "memory.npz").unlink()
    several = [opened(folder, server.address, schema) for folder in folders]
    for one in several:
        ids = ids_in(one)
        assert len(ids) == len(set(ids))
        assert all(lost.endswith("-0") for lost in noted(folders, "added") - set(ids))
        assert not noted(folders, "deleted") & set(ids)
    assert counts(several[0]) == counts(several[1]) == counts(several[2])
    assert len(noted(folders, "added")) > 3 * KILLS
    for one in several:
        one.close()
