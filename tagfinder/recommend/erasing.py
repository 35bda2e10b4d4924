"""Erases deleted posts from the other files of a live run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from tagfinder.artifacts.checkpoints import load_checkpoint
from tagfinder.artifacts.manifest import changing
from tagfinder.artifacts.ownership import owned
from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.corpus.hashtags import fold
from tagfinder.files import atomic_path, read_json, write_json
from tagfinder.live.counts.statistics import PostStatistics
from tagfinder.live.post_store import PostStore
from tagfinder.models.base import EXTRA_STATE
from tagfinder.recommend.state_files import save_state

# Files that quote posts or name hashtags, which `evaluate` and sweeps write.
QUOTING = ("worst_posts.md", "errors.json", "thresholds.json", "per_label.csv", "output.txt")
# Figures without names.
NAMELESS = ("slices.", "learning")


def erase_from_run(folder: Path, store: PostStore, statistics: PostStatistics) -> None:
    """Erase deleted posts from the files beside a run's knowledge.

    Hashtags that no post has any more keep their number in `labels.json`, without their name. The
    rankings lose the rows of deleted posts. Checkpoints are deleted, because their classifiers
    learned from all posts; the rankers stay, in `model/`. So does what quotes posts.

    Args:
        folder: of the run.
        store: the posts that are left.
        statistics: their counts.
    """
    run = RunFolder.open(folder)
    with owned(folder):
        if run.checkpoints.is_dir():
            with changing(folder, "model/*", "checkpoints/*"):
                if not run.state.is_dir():
                    _keep_rankers(run)
                shutil.rmtree(run.checkpoints)
        for labels in [run.labels_file, *folder.glob(f"*/{run.labels_file.name}")]:
            _erase_from_results(RunFolder(labels.parent), store, statistics)


def _erase_from_results(run: RunFolder, store: PostStore, statistics: PostStatistics) -> None:
    labels, predictions = run.labels_file, run.predictions_file
    quoting = list(_quoting(run))
    names, rankings = _without_names(labels, statistics), _without_rows(predictions, store)
    if not (quoting or names or rankings is not None):
        return
    with changing(run.path, labels.name, predictions.name, *QUOTING, "figures/*"):
        for file in quoting:
            file.unlink()
        if names:
            write_json(labels, names)
        if rankings is not None:
            with atomic_path(predictions) as path:
                rankings.write_parquet(path)


def _keep_rankers(run: RunFolder) -> None:
    state = dict(load_checkpoint(run.checked(run.weights))["state_dict"])
    kept = {name: state[EXTRA_STATE][name] for name in ("rankers", "format")}
    with atomic_path(run.state) as path:
        save_state(state | {EXTRA_STATE: kept}, path)


def _quoting(run: RunFolder) -> Iterator[Path]:
    yield from (run.path / name for name in QUOTING if (run.path / name).is_file())
    for file in run.figures.glob("*"):
        if not file.name.startswith(NAMELESS):
            yield file


def _without_names(labels: Path, statistics: PostStatistics) -> dict[str, Any] | None:
    """Return the content of `labels.json` without the names that are gone, None if it has none."""
    content: dict[str, Any] = read_json(labels)
    known, hashtags = statistics.hashtags.number_of, content["hashtags"]
    gone = [n for n, name in enumerate(hashtags) if name and fold(name) not in known]
    for number in gone:
        hashtags[number] = content["spellings"][number] = ""
    return content if gone else None


def _without_rows(file: Path, store: PostStore) -> pl.DataFrame | None:
    """Return the rankings without those of deleted posts, None if there are none of these."""
    if not file.is_file():
        return None
    rankings = pl.read_parquet(file)
    there = store.stored(rankings["id"].drop_nulls().unique().to_list())
    left = rankings.filter(pl.col("id").is_in(list(there)) | pl.col("id").is_null())
    return left if len(left) < len(rankings) else None
