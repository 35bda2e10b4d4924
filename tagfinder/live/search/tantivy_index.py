"""The embedded text index: Tantivy, BM25 over memory-mapped files."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import numpy as np

from tagfinder.configuration.limits import check_ordinary_files, check_size, limits
from tagfinder.errors import InputError
from tagfinder.live.search.text_index import Entry, Neighbours

# Memory for uncommitted posts, in bytes. More posts start another segment, and each segment is
# searched separately.
WRITER_BYTES = 512_000_000
# A post is also indexed by the spans of 32, 1,024, … numbers that contain it. A range of numbers is
# then a few terms instead of a look at each post, as numeric ranges in Lucene once were
# (Schindler and Diepenbroek, 2008).
SPAN_BITS, SPAN_LEVELS, LEVEL_SHIFT = 5, 5, 58
# Posts that are read from the store at once where segments are written again, and how often that is
# tried: merges in the background may have copied deleted posts meanwhile.
AGAIN_AT_ONCE, PURGES = 20_000, 5
# The number that ends each file of the engine.
MAGIC = 1337
# Further hits that a search first asks for, to see where the ties of the last one end.
TIES = 50


class TantivyIndex:
    """Posts by their words in a folder.

    Args:
        folder: of the index, created if missing; None keeps it in memory.

    Raises:
        InputError: the package is missing, or the folder has no readable index, or a damaged one.
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
        self._links: _Links | None = None
        if folder is None:
            self._index = tantivy.Index(self._schema)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            check_files(folder)
            if not os.access(folder, os.W_OK):
                self._links = _Links(folder)
            opened = self._links.folder if self._links else folder
            try:
                self._index = tantivy.Index(self._schema, path=str(opened))
            except ValueError as error:
                raise InputError(
                    f"{folder} is not a text index of this version: {error}"
                ) from error
        # The default starts a thread that reads the folder whenever any process commits, even
        # after `close`.
        self._index.config_reader(reload_policy="Manual")
        self._folder = folder
        self._writer: Any = None
        self._commit_read = self._last_commit()
        self._searcher = self._newest = self._index.searcher()
        # Stays the highest number even if its post is deleted later.
        self._highest = self.last_number()
        # Queries of one day ask for the same recent posts.
        self._recent = lru_cache(maxsize=8)(self._posts_between)

    def add(self, entries: Sequence[Entry]) -> None:
        """Add posts; searches find them after the next `commit`."""
        for entry in entries:
            document = self._tantivy.Document()
            document.add_unsigned("number", entry.number)
            for level in range(SPAN_LEVELS):
                document.add_unsigned("spans", _span(entry.number >> SPAN_BITS * level, level))
            document.add_text("words", " ".join(entry.words))
            if entry.author >= 0:
                document.add_text("author", str(entry.author))
            self._open_writer().add_document(document)
            self._highest = max(self._highest, entry.number)

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete posts; unknown numbers are ignored. Takes effect at the next `commit`."""
        if len(numbers):
            # `delete_documents_by_term` takes ints as signed and finds nothing here.
            spans = [_span(number, 0) for number in numbers]
            asked = self._tantivy.Query.term_set_query(self._schema, "spans", spans)
            self._open_writer().delete_documents_by_query(asked)

    def commit(self) -> None:
        """Make all additions and deletions durable and visible, or none."""
        if self._writer is not None:
            self._writer.commit()
            self._show_newest()

    def search(
        self, words: Sequence[str], k: int, author: int | None = None, since: int = 0
    ) -> Neighbours:
        """Return the `k` posts that match some words best, see `TextIndex.search`."""
        query, occur = self._tantivy.Query, self._tantivy.Occur
        clauses = [(occur.Should, query.term_query(self._schema, "words", word)) for word in words]
        if not clauses or k <= 0:
            return Neighbours(np.empty(0, np.int64), np.empty(0, np.float32))
        if author is not None:
            # Only the few posts of the author are scored; posts without a common word get 0.
            own = query.term_query(self._schema, "author", str(author))
            clauses.append((occur.Must, query.const_score_query(own, 0.0)))
        if since > 0:
            clauses.append((occur.Must, self._recent(since, self._highest)))
        # `purge` replaces it meanwhile.
        searcher = self._searcher
        hits = _best(searcher, query.boolean_query(clauses), k)
        addresses = [address for score, address in hits if score > 0]
        scores = np.array([score for score, _ in hits[: len(addresses)]], dtype=np.float32)
        found = searcher.fast_field_values("number", addresses)
        numbers = np.array(found, dtype=np.int64)
        # Ties in order of number; the engine's own order depends on how it merged its segments.
        order = np.lexsort((numbers, -scores))[:k]
        return Neighbours(numbers[order], scores[order])

    def _posts_between(self, first: int, last: int) -> Any:
        """Return a query for the posts of a range of numbers, with score 0."""
        query, occur = self._tantivy.Query, self._tantivy.Occur
        spans = [
            (occur.Should, query.term_query(self._schema, "spans", span))
            for span in spans_from(first, last)
        ]
        return query.const_score_query(query.boolean_query(spans), 0.0)

    def last_number(self) -> int:
        """Return the highest committed number, -1 if there is none."""
        newest = self._searcher.search(
            self._tantivy.Query.all_query(), 1, count=False, order_by_field="number"
        ).hits
        return int(newest[0][0]) if newest else -1

    def newest(self) -> Any:
        """Return what any process has committed until now, see `TextIndex.newest`."""
        written = self._last_commit()
        if written != self._commit_read:
            self._commit_read = written
            if self._links is not None:
                self._links.renew()
            self._index.reload()
            self._newest = self._index.searcher()
        return self._newest

    def show(self, view: Any) -> None:
        """Let searches find what `newest` returned."""
        if view is not self._searcher:
            self._searcher = view
            self._highest = max(self._highest, self.last_number())

    def purge(self, entries_of: Callable[[Sequence[int]], Iterable[Entry]]) -> list[str]:
        """Write the segments again that have deleted posts, see `TextIndex.purge`.

        The engine's Python interface cannot ask for a merge, which would do the same.
        """
        for _ in range(PURGES):
            # Nothing is merged from here on.
            self.close()
            self._show_newest()
            numbers = self._beside_deleted()
            if numbers is None:
                break
            if 2 * len(numbers) > self._searcher.num_docs:
                # A query for so many posts would take longer.
                numbers = self._numbers(None)
                self._open_writer().delete_all_documents()
            else:
                self.delete(numbers)
            for start in range(0, len(numbers), AGAIN_AT_ONCE):
                self.add(list(entries_of(numbers[start : start + AGAIN_AT_ONCE])))
            self._open_writer()
            self.commit()
        # Files are kept for open searchers, and there are none any more.
        self._open_writer().garbage_collect_files()
        return [word for word, _ in self._searcher.terms_with_prefix("words", "")]

    def _beside_deleted(self) -> list[int] | None:
        """Return the posts of all segments that have deleted ones, None if there are none."""
        if self._folder is None:
            return None
        segments = json.loads((self._folder / "meta.json").read_text())["segments"]
        dirty = [n for n, segment in enumerate(segments) if segment["deletes"]]
        return self._numbers(dirty) if dirty else None

    def _numbers(self, segments: Collection[int] | None) -> list[int]:
        """Return the numbers of the posts of some segments, of all for None, ascending."""
        query = self._tantivy.Query.all_query()
        hits = self._searcher.search(query, max(self._searcher.num_docs, 1), count=False).hits
        addresses = [
            address for _, address in hits if segments is None or address.segment_ord in segments
        ]
        numbers = np.array(self._searcher.fast_field_values("number", addresses), dtype=np.int64)
        ascending: list[int] = np.sort(numbers).tolist()
        return ascending

    def _show_newest(self) -> None:
        self._commit_read = self._last_commit()
        self._index.reload()
        self._searcher = self._newest = self._index.searcher()

    def _last_commit(self) -> int:
        if self._folder is None:
            return 0
        # The file that names what belongs to the index, and is replaced by each commit.
        return (self._folder / "meta.json").stat().st_mtime_ns

    def close(self) -> None:
        """Release the writer's threads and lock."""
        if self._writer is not None:
            self._writer.wait_merging_threads()
            self._writer = None

    def _open_writer(self) -> Any:
        if self._writer is None:
            self._writer = self._index.writer(WRITER_BYTES, 1)
        return self._writer


class _Links:
    """A folder of links to the files of an index that cannot be written.

    The engine locks a file beside those that it reads.

    Args:
        source: the folder of the index.
    """

    def __init__(self, source: Path) -> None:
        self._source = source
        self._temporary = TemporaryDirectory(prefix="tagfinder-words-")
        self.folder = Path(self._temporary.name)
        self.renew()

    def renew(self) -> None:
        """Link the files that are new."""
        for file in self._source.absolute().iterdir():
            with suppress(FileExistsError):
                if not file.name.endswith(".lock"):
                    (self.folder / file.name).symlink_to(file)


def check_files(folder: Path) -> None:
    """Compare the files of the last commit with their checksums, which the engine does not.

    Other files may be half written. A file ends with a text that has the CRC-32 of what is before
    it, the text's length and `MAGIC`.

    Raises:
        InputError: one is damaged, or no ordinary file.
    """
    check_ordinary_files(folder)
    # The engine reads its lists in one piece.
    for file in folder.glob("*.json"):
        with suppress(FileNotFoundError):
            check_size(file, limits().max_config_bytes, "max_config_bytes")
    for file in _committed(folder):
        # A process that writes the index may remove it.
        with suppress(FileNotFoundError):
            if not _is_whole(file):
                raise InputError(f"{file} is damaged")


def _is_whole(file: Path) -> bool:
    try:
        with (
            file.open("rb") as stream,
            mmap(stream.fileno(), 0, access=ACCESS_READ) as mapped,
            memoryview(mapped) as content,
        ):
            length, magic = struct.unpack("<II", content[-8:])
            end = len(content) - 8 - length
            expected = json.loads(bytes(content[end:-8]))["crc"]
            return magic == MAGIC and expected == crc32(content[:end])
    except (ValueError, KeyError, TypeError, struct.error):
        return False


def _committed(folder: Path) -> Iterator[Path]:
    """Yield the files of an index that belong to its last commit."""
    try:
        segments = [
            (str(one["segment_id"]).replace("-", ""), one["deletes"])
            for one in json.loads((folder / "meta.json").read_text())["segments"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return  # There is none, or the engine says what is wrong with it.
    for name, deletes in segments:
        for file in folder.glob(f"{name}.*"):
            of_now = deletes is not None and file.name == f"{name}.{deletes['opstamp']}.del"
            if of_now or file.suffix != ".del":
                yield file


def _best(searcher: Any, query: Any, k: int) -> list[tuple[float, Any]]:
    """Return at least the `k` best hits, with all ties of the last one."""
    limit = k + TIES
    while True:
        hits: list[tuple[float, Any]] = searcher.search(query, limit, count=False).hits
        if len(hits) < limit or hits[k - 1][0] > hits[-1][0]:
            return hits
        limit *= 4


def spans_from(first: int, last: int) -> list[int]:
    """Return the fewest spans that cover the numbers from `first` to `last`, and none before.

    The spans may extend past `last`.
    """
    spans = []
    place = first
    for level in range(SPAN_LEVELS):
        end = last >> SPAN_BITS * level
        is_top = level == SPAN_LEVELS - 1
        while place <= end and (is_top or place % (1 << SPAN_BITS)):
            spans.append(_span(place, level))
            place += 1
        if place > end:
            break
        place >>= SPAN_BITS
    return spans


def _span(place: int, level: int) -> int:
    return level << LEVEL_SHIFT | place


def _schema(tantivy: Any) -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("number", stored=False, indexed=False, fast=True)
    builder.add_unsigned_field("spans", stored=False, indexed=True, fast=False)
    builder.add_text_field("words", stored=False, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("author", stored=False, tokenizer_name="raw", index_option="basic")
    return builder.build()
