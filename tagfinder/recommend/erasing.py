"""What the other files of a live run hold of posts that were deleted from its knowledge."""

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
from tagfinder.recommend.state_files import save_state

PREDICTIONS = "predictions.parquet"
# Files that quote posts or name hashtags, which `evaluate` and sweeps write.
QUOTING = ("worst_posts.md", "errors.json", "thresholds.json", "per_label.csv", "output.txt")
# Figures without names.
NAMELESS = ("slices.", "learning")


def erase_from_run(folder: Path, store: PostStore, statistics: PostStatistics) -> None:
    """Erase from the files beside a run's knowledge what they have of deleted posts.

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
        for labels in [folder / "labels.json", *folder.glob("*/labels.json")]:
            quoting = list(_quoting(labels.parent))
            names, rankings = _without_names(labels, statistics), _without_rows(labels, store)
            if not (quoting or names or rankings is not None):
                continue
            changed = ("labels.json", PREDICTIONS, *QUOTING, "figures/*")
            with changing(labels.parent, *changed):
                for file in quoting:
                    file.unlink()
                if names:
                    write_json(labels, names)
                if rankings is not None:
                    with atomic_path(labels.with_name(PREDICTIONS)) as path:
                        rankings.write_parquet(path)


def _keep_rankers(run: RunFolder) -> None:
    state = dict(load_checkpoint(run.checked(run.weights))["state_dict"])
    kept = {name: state["_extra_state"][name] for name in ("rankers", "format")}
    with atomic_path(run.state) as path:
        save_state(state | {"_extra_state": kept}, path)


def _quoting(folder: Path) -> Iterator[Path]:
    yield from (folder / name for name in QUOTING if (folder / name).is_file())
    for file in (folder / "figures").glob("*"):
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


def _without_rows(labels: Path, store: PostStore) -> pl.DataFrame | None:
    """Return the rankings without those of deleted posts, None if there are none of these."""
    file = labels.with_name(PREDICTIONS)
    if not file.is_file():
        return None
    rankings = pl.read_parquet(file)
    there = store.stored(rankings["id"].drop_nulls().unique().to_list())
    left = rankings.filter(pl.col("id").is_in(list(there)) | pl.col("id").is_null())
    return left if len(left) < len(rankings) else None
