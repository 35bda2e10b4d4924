"""The embedded text index: Tantivy, BM25 over memory-mapped files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tagfinder.errors import InputError
from tagfinder.live.text_index import LAST_NUMBER, Entry, Neighbours

WRITER_BYTES = 64_000_000


class TantivyIndex:
    """Posts by their words in a folder.

    Args:
        folder: where the index lies or is to be made; None keeps it in memory.

    Raises:
        InputError: the package is missing, or the folder holds no index that can be read.
    """

    def __init__(self, folder: Path | None = None) -> None:
        try:
            import tantivy
        except ImportError as error:
            raise InputError(
                "the live recommender needs a text index: pip install 'tagfinder[live]'"
            ) from error
        self._tantivy = tantivy
        self._schema = _schema(tantivy)
        if folder is None:
            self._index = tantivy.Index(self._schema)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                self._index = tantivy.Index(self._schema, path=str(folder))
            except ValueError as error:
                raise InputError(f"{folder} is no text index of this version: {error}") from error
        self._writer: Any = None
        self._searcher = self._index.searcher()

    def add(self, entries: Sequence[Entry]) -> None:
        """Add posts; they are found after the next `commit`."""
        for entry in entries:
            document = self._tantivy.Document()
            document.add_unsigned("number", entry.number)
            document.add_text("words", " ".join(entry.words))
            if entry.author >= 0:
                document.add_text("author", str(entry.author))
            self._open_writer().add_document(document)

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete posts; unknown numbers are ignored. Takes effect at the next `commit`."""
        if len(numbers):
            # `delete_documents_by_term` takes an int for a signed one and so finds nothing here.
            asked = self._tantivy.Query.term_set_query(self._schema, "number", list(numbers))
            self._open_writer().delete_documents_by_query(asked)

    def commit(self) -> None:
        """Make what was added and deleted durable and visible, all of it or nothing."""
        if self._writer is not None:
            self._writer.commit()
            self._index.reload()
            self._searcher = self._index.searcher()

    def search(
        self, words: Sequence[str], k: int, author: int | None = None, since: int = 0
    ) -> Neighbours:
        """Return the `k` posts most like some words, see `TextIndex.search`."""
        query, occur = self._tantivy.Query, self._tantivy.Occur
        clauses = [(occur.Should, query.term_query(self._schema, "words", word)) for word in words]
        if not clauses or k <= 0:
            return Neighbours(np.empty(0, np.int64), np.empty(0, np.float32))
        if author is not None:
            # The few posts of the author lead, and only theirs are scored; without a word in
            # common they score nothing.
            own = query.term_query(self._schema, "author", str(author))
            clauses.append((occur.Must, query.const_score_query(own, 0.0)))
        if since > 0:
            young = query.range_query(
                self._schema, "number", self._tantivy.FieldType.Unsigned, since, LAST_NUMBER
            )
            clauses.append((occur.Must, query.const_score_query(young, 0.0)))
        searcher = self._searcher
        hits = searcher.search(query.boolean_query(clauses), k, count=False).hits
        found = [hit for hit in hits if hit[0] > 0]
        numbers = searcher.fast_field_values("number", [address for _, address in found])
        return Neighbours(
            np.array(numbers, dtype=np.int64),
            np.array([score for score, _ in found], dtype=np.float32),
        )

    def last_number(self) -> int:
        """Return the highest number that was committed, -1 where there is none."""
        newest = self._searcher.search(
            self._tantivy.Query.all_query(), 1, count=False, order_by_field="number"
        ).hits
        return int(newest[0][0]) if newest else -1

    def close(self) -> None:
        """Let go of the writer's threads and lock."""
        if self._writer is not None:
            self._writer.wait_merging_threads()
            self._writer = None

    def _open_writer(self) -> Any:
        if self._writer is None:
            self._writer = self._index.writer(WRITER_BYTES, 1)
        return self._writer


def _schema(tantivy: Any) -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("number", stored=False, indexed=True, fast=True)
    builder.add_text_field("words", stored=False, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("author", stored=False, tokenizer_name="raw", index_option="basic")
    return builder.build()
