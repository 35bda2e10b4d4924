"""Taught posts are found by their words at once, by meaning when they are encoded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from following import a_post

from tagfinder.live.durable import DurableKnowledge

pytest.importorskip("tantivy", reason="needs tantivy")
pytest.importorskip("faiss", reason="needs faiss")


class SlowEncoder:
    """Encodes when it is allowed to."""

    def __init__(self) -> None:
        self.asked, self.allowed = threading.Event(), threading.Event()
        self.texts: list[str] = []
        self.failures = 0

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        self.asked.set()
        assert self.allowed.wait(60)
        if self.failures:
            self.failures -= 1
            raise ValueError("no memory")
        self.texts += texts
        return np.array([[1.0, len(text)] for text in texts], np.float32)


@pytest.fixture
def encoder() -> SlowEncoder:
    return SlowEncoder()


@pytest.fixture
def opened(tmp_path: Path, encoder: SlowEncoder) -> Callable[[], DurableKnowledge]:
    return lambda: DurableKnowledge(tmp_path, encode=encoder, dimension=2, writable=True)


def by_meaning(durable: DurableKnowledge) -> set[int]:
    index = durable.knowledge.vector_index
    assert index is not None
    return set(index.search(np.ones(2, np.float32), 100).numbers.tolist())


def by_words(durable: DurableKnowledge, word: str) -> set[int]:
    query = durable.knowledge.query(word, durable.newest_day, None, {"words"})
    return set(query.by_words.numbers.tolist())


def test_teaching_does_not_wait_for_the_encoder(
    opened: Callable[[], DurableKnowledge], encoder: SlowEncoder
) -> None:
    with opened() as durable:
        durable.teach([a_post("first", 1.0), a_post("second", 2.0)])
        assert by_words(durable, a_post("first", 1.0).text) == {0, 1}
        assert by_meaning(durable) == set()
        assert durable.without_vectors() == 2
        encoder.allowed.set()
        durable.encode_waiting()
        assert by_meaning(durable) == {0, 1}
        assert durable.without_vectors() == 0
        assert len(encoder.texts) == 2


def test_a_post_that_is_deleted_while_it_is_encoded_gets_no_vector(
    opened: Callable[[], DurableKnowledge], encoder: SlowEncoder
) -> None:
    with opened() as durable:
        durable.teach([a_post("kept", 1.0), a_post("deleted", 2.0)])
        assert encoder.asked.wait(60)
        assert durable.forget(["deleted"]) == 1
        encoder.allowed.set()
        durable.encode_waiting()
        assert by_meaning(durable) == {0}


def test_what_is_not_encoded_at_closing_is_encoded_at_opening(
    opened: Callable[[], DurableKnowledge],
    encoder: SlowEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tagfinder.live.search.vector_queue.CLOSING_SECONDS", 0.1)
    with opened() as durable:
        durable.teach([a_post("one", 1.0)])
    encoder.allowed.set()
    with opened() as durable:
        assert by_meaning(durable) == {0}


def test_an_encoder_that_fails_is_tried_again_with_the_next_posts(
    opened: Callable[[], DurableKnowledge],
    encoder: SlowEncoder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    encoder.failures = 1
    with opened() as durable:
        durable.teach([a_post("one", 1.0)])
        encoder.allowed.set()
        while encoder.failures:
            pass
        durable.teach([a_post("two", 2.0)])
        durable.encode_waiting()
        assert by_meaning(durable) == {0, 1}
    assert "the vectors of 1 posts could not be computed" in caplog.text
