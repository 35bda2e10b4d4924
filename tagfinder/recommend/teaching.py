"""Teaching a live run from files, and making it forget."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from omegaconf import OmegaConf

from tagfinder.configuration.build import build
from tagfinder.corpus.rejects import Rejects
from tagfinder.paths import conf_dir
from tagfinder.progress import track
from tagfinder.recommend.live import LiveSuggester
from tagfinder.recommend.loading import load


def open_to_teach(run: Path) -> LiveSuggester:
    """Open a run that can be taught.

    Raises:
        InputError: its recommender does not learn from single posts.
    """
    suggester = load(run, teach=True)
    assert isinstance(suggester, LiveSuggester)
    return suggester


def teach_files(run: Path, paths: Sequence[str]) -> str:
    """Teach a run the posts of files; return what became of them, in words."""
    source = build(OmegaConf.load(conf_dir() / "data" / "files.yaml"), path=list(paths))
    suggester = open_to_teach(run)
    taught = known = read = 0
    seconds = 0.0
    try:
        with Rejects(None) as rejects:
            for batch in track(source.batches(rejects), "teaching"):
                done = suggester.teach(batch)
                read += batch.height
                taught, known = taught + done.taught, known + done.known
                seconds += done.seconds
            refused = sum(rejects.counts.values())
        learned = suggester.learn_classes()
    finally:
        suggester.close()
    left_out = read - taught - known + refused
    return (
        f"{taught:,} posts taught in {seconds:.1f} s, {known:,} known already, "
        f"{left_out:,} without a hashtag or a time, or not usable"
        f"{'; the classifiers were learned anew' if learned else ''}"
    )


def forget_in(run: Path, ids: Sequence[str], before: datetime | None, newest: int | None) -> str:
    """Make a run forget posts; return how many, in words."""
    suggester = open_to_teach(run)
    try:
        n = suggester.forget(ids) if ids else 0
        if before is not None:
            day = before.replace(tzinfo=UTC).timestamp() / 86_400
            n += suggester.durable.expire(day)
        if newest is not None:
            n += suggester.durable.keep_newest(newest)
        suggester.learn_classes(forgetting=True)
        return f"{n:,} posts forgotten, {suggester.n_posts:,} known"
    finally:
        suggester.close()
