"""Teaching a live run from files, and making it forget."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.corpus.accounting import say_rows
from tagfinder.corpus.rejects import Rejects
from tagfinder.live.durable import DurableKnowledge
from tagfinder.progress import track
from tagfinder.recommend.live import LiveSuggester
from tagfinder.recommend.loading import SCHEMA, SQLITE, load
from tagfinder.recommend.post_files import file_source

WITHOUT_CHECKPOINTS = (
    "the run's checkpoints, which had learned from them, were deleted, so that it cannot be scored "
    "again"
)


def open_to_teach(run: Path, store: str = SQLITE, schema: str = SCHEMA) -> LiveSuggester:
    """Open a run that can be taught.

    Args:
        run: its folder.
        store: where its posts are kept, see `load`.
        schema: of the posts on a server.

    Raises:
        InputError: its recommender does not learn from single posts.
    """
    suggester = load(run, teach=True, posts=store, schema=schema)
    assert isinstance(suggester, LiveSuggester)
    return suggester


def teach_files(run: Path, paths: Sequence[str], settings: Sequence[str] = (), **store: str) -> str:
    """Teach a run the posts of files; return what became of them, in words.

    Args:
        run: folder of a live run.
        paths: files, folders or globs.
        settings: see `file_source`.
        **store: see `open_to_teach`.
    """
    source = file_source(paths, settings)
    suggester = open_to_teach(run, **store)
    taught = known = read = 0
    began = time.perf_counter()
    try:
        with Rejects(None) as rejects:
            for batch in track(source.batches(rejects), "teaching"):
                done = suggester.teach(batch)
                read += batch.height
                taught, known = taught + done.taught, known + done.known
            refused = rejects.total
        say_rows(source.name, read, rejects)
        suggester.durable.encode_waiting()
        seconds = time.perf_counter() - began
        learned = suggester.train_classifiers()
    finally:
        suggester.close()
    left_out = read - taught - known + refused
    return (
        f"{taught:,} posts taught in {seconds:.1f} s, {known:,} known already, "
        f"{left_out:,} without a hashtag or a time, or not usable"
        f"{'; the classifiers were trained again' if learned else ''}"
    )


def forget_in(
    run: Path, ids: Sequence[str], before: datetime | None, newest: int | None, **store: str
) -> str:
    """Make a run forget posts; return how many, in words."""

    def forget(durable: DurableKnowledge) -> int:
        n = durable.forget(ids) if ids else 0
        if before is not None:
            n += durable.expire(before.replace(tzinfo=UTC).timestamp() / 86_400)
        return n if newest is None else n + durable.keep_newest(newest)

    return _forgotten(run, forget, store)


def forget_author_in(run: Path, name: str, **store: str) -> str:
    """Make a run forget all posts of an author, and the name; return how many, in words."""
    return _forgotten(run, lambda durable: durable.forget_author(name), store)


def _forgotten(run: Path, forget: Callable[[DurableKnowledge], int], store: dict[str, str]) -> str:
    suggester = open_to_teach(run, **store)
    had_checkpoints = RunFolder(run).checkpoints.is_dir()
    try:
        n = forget(suggester.durable)
        suggester.train_classifiers(forgetting=True)
        dropped = had_checkpoints and not RunFolder(run).checkpoints.is_dir()
        return (
            f"{n:,} posts forgotten, {suggester.n_posts:,} known"
            f"{'; ' + WITHOUT_CHECKPOINTS if dropped else ''}"
        )
    finally:
        suggester.close()
