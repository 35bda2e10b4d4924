"""Teaching a live run from files, and making it forget."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tagfinder.corpus.accounting import say_rows
from tagfinder.corpus.rejects import Rejects
from tagfinder.progress import track
from tagfinder.recommend.live import LiveSuggester
from tagfinder.recommend.loading import SCHEMA, SQLITE, load
from tagfinder.recommend.post_files import file_source


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
    seconds = 0.0
    try:
        with Rejects(None) as rejects:
            for batch in track(source.batches(rejects), "teaching"):
                done = suggester.teach(batch)
                read += batch.height
                taught, known = taught + done.taught, known + done.known
                seconds += done.seconds
            refused = rejects.total
        say_rows(source.name, read, rejects)
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
    suggester = open_to_teach(run, **store)
    try:
        n = suggester.forget(ids) if ids else 0
        if before is not None:
            day = before.replace(tzinfo=UTC).timestamp() / 86_400
            n += suggester.durable.expire(day)
        if newest is not None:
            n += suggester.durable.keep_newest(newest)
        suggester.train_classifiers(forgetting=True)
        return f"{n:,} posts forgotten, {suggester.n_posts:,} known"
    finally:
        suggester.close()
