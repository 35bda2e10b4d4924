"""Knowledge on disk goes on where its text index failed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from postgres_server import Server, running_server

from tagfinder.live.durable import DurableKnowledge
from tagfinder.live.memory import Post
from tagfinder.live.postgres_index import index_for

pytest.importorskip("tantivy", reason="needs tantivy")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as started:
        yield started


def test_posts_can_be_found_on_a_server_and_two_folders_do_not_share_it(
    tmp_path: Path, server: Server
) -> None:
    open_index = partial(index_for, connection=server.address, schema=None, candidates=100)
    with DurableKnowledge(tmp_path / "one", writable=True, open_index=open_index) as one:
        one.teach(
            [Post("1", 100.0, "ann", "a comet", ("sky",)), Post("2", 101.0, None, "rain", ())]
        )
    with DurableKnowledge(tmp_path / "two", writable=True, open_index=open_index) as two:
        two.teach([Post("3", 100.0, "bob", "another comet", ("space",))])
        assert two.knowledge.text_index.search(["comet"], 5).numbers.tolist() == [0]
    with DurableKnowledge(tmp_path / "one", open_index=open_index) as again:
        assert again.knowledge.text_index.search(["rain"], 5).numbers.tolist() == [1]


def test_posts_whose_indexing_failed_are_found_and_teaching_goes_on(
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
        assert durable.knowledge.memory.n_alive == 2


def test_what_was_deleted_is_out_of_last_years_counts_at_once(tmp_path: Path) -> None:
    with DurableKnowledge(tmp_path, writable=True) as durable:
        durable.teach([Post("old", 100.0, "ann", "a comet", ("sky",))])
        durable.teach([Post("new", 465.0, "ann", "rain", ("storm",))])
        assert durable.knowledge.trends.uses_last_year(465.5) == {0: 1}
        durable.forget(["old"])
        assert not durable.knowledge.trends.uses_last_year(465.5).get(0)
