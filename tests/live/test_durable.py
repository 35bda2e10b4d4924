"""Knowledge on disk goes on where its text index failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagfinder.live.durable import DurableKnowledge
from tagfinder.live.memory import Post

pytest.importorskip("tantivy", reason="needs tantivy")


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
