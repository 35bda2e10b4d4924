"""Finished runs side by side: their names, their posts, and whether these are the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.corpus.duplicates import group_near_duplicates, sketch
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.data.ragged import Ragged
from tagfinder.errors import InputError, TagFinderError
from tagfinder.files import DIGESTS, digest_of, is_whole

# Keys of a configuration that runs of one recommender need not share.
OWN_KEYS = ("seed", "run_dir", "rejects", "resume", "sweep", "tags", "note")
UNUSUAL = re.compile(r"[^\w .,:+@/()-]")


@dataclass(frozen=True)
class FinishedRun:
    """A run that has been scored.

    Attributes:
        name: of the run in tables.
        folder: its folder.
    """

    name: str
    folder: RunFolder

    @property
    def predictions_file(self) -> Path:
        """The rankings of the test part."""
        return self.folder.checked(self.folder.predictions_file)

    @cached_property
    def predictions(self) -> pl.DataFrame:
        """The rankings of the test part, in corpus order."""
        return pl.read_parquet(self.predictions_file)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """All scores of the run."""
        return self.folder.metrics

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Command, versions, corpus and seed of the run."""
        return self.folder.facts

    @cached_property
    def corpus(self) -> PreparedCorpus | None:
        """The prepared corpus of the run, None if it is gone or another took its place."""
        try:
            corpus = PreparedCorpus(Path(self.facts["corpus"]["folder"]))
        except TagFinderError:
            return None
        damaged = (corpus.folder / DIGESTS).is_file() and not is_whole(corpus.folder)
        same = not damaged and corpus.digest == self.facts["corpus"]["digest"]
        return corpus if same else None

    @property
    def labels(self) -> Ragged:
        """The true label indices of each test post, ascending."""
        return Ragged.from_series(self.predictions["labels"])


def open_runs(folders: Sequence[Path]) -> list[FinishedRun]:
    """Open runs and give each a distinct name: model, else with seed, else the folder's.

    Raises:
        InputError: a folder is not a finished run's, or is named twice.
    """
    runs = [RunFolder.open(folder) for folder in folders]
    twice = [path for path, n in Counter(run.path.resolve() for run in runs).items() if n > 1]
    if twice:
        raise InputError(f"{twice[0]} is named more than once; a run is not compared with itself")
    for run in runs:
        if not run.predictions_file.is_file():
            raise InputError(f"{run.path} has no predictions.parquet; the run did not finish")
    return [FinishedRun(name, run) for name, run in zip(_names(runs), runs, strict=True)]


@dataclass(frozen=True)
class Entrant:
    """Runs of one configuration that differ only in their seed.

    Attributes:
        name: in tables.
        runs: by seed.
    """

    name: str
    runs: Sequence[FinishedRun]

    @property
    def first(self) -> FinishedRun:
        """The run of the first seed, by the name of all of them."""
        return replace(self.runs[0], name=self.name)

    @property
    def seeds(self) -> str:
        """The seeds, as text."""
        return ", ".join(str(run.metrics["seed"]) for run in self.runs)

    def mean(self, value: Callable[[FinishedRun], float | None]) -> float | None:
        """Return the mean of a number over the runs; None if one of them lacks it."""
        values = [value(run) for run in self.runs]
        known = [number for number in values if number is not None]
        return sum(known) / len(known) if known and len(known) == len(values) else None


def entrants_of(runs: Sequence[FinishedRun]) -> list[Entrant]:
    """Put runs that differ only in their seed together, in the order of the first of each."""
    alike: dict[str, list[FinishedRun]] = {}
    for run in runs:
        facts = [run.metrics[key] for key in ("model", "protocol", "corpus")]
        digest = digest_of([facts, run.facts["corpus"], _without_seeds(run.folder.plain_config)])
        alike.setdefault(digest, []).append(run)
    groups: list[list[FinishedRun]] = []
    for group in alike.values():
        distinct = len({run.metrics["seed"] for run in group}) == len(group)
        groups += [group] if distinct else [[run] for run in group]
    if len(groups) == len(runs):
        return [Entrant(run.name, [run]) for run in runs]
    names = _names([group[0].folder for group in groups])
    return [
        Entrant(name, sorted(group, key=lambda run: int(run.metrics["seed"])))
        for name, group in zip(names, groups, strict=True)
    ]


def _without_seeds(value: Any) -> Any:
    """Return a configuration without what may differ between runs of one recommender."""
    if isinstance(value, dict):
        return {key: _without_seeds(one) for key, one in value.items() if key not in OWN_KEYS}
    return [_without_seeds(one) for one in value] if isinstance(value, list) else value


def check_same_posts(runs: Sequence[FinishedRun]) -> None:
    """Refuse runs that cannot be compared post by post.

    Raises:
        InputError: they were scored on other posts, or on another truth; says which and why.
    """
    first = runs[0]
    for other in runs[1:]:
        _check_same_rows(first, other)
        _check_same_truth(first, other)


def clusters_of(run: FinishedRun) -> tuple[np.ndarray, str]:
    """Return (N,) cluster numbers of the test posts, and a description of a cluster.

    Near-duplicates are the ones that the corpus was split by; a corpus that was split post by post
    has none, so they are looked for among the test posts.
    """
    ids = run.predictions["id"]
    if run.corpus is not None:
        posts = run.corpus.part("test", ["id", "group", "text"])
        if posts["id"].equals(ids, check_names=False):
            if run.folder.config.split.group == "none":
                return group_near_duplicates(sketch(posts["text"])), "near-duplicates by MinHash"
            return posts["group"].to_numpy(), "near-duplicates as the corpus was split by"
    numbers = ids.rank("dense").to_numpy().astype(np.int64)
    return (
        numbers,
        "posts of one id (the corpus of the run is gone, so near-duplicates are unknown)",
    )


def _names(runs: Sequence[RunFolder]) -> list[str]:
    metrics = [run.metrics for run in runs]
    candidates = (
        [str(of_run["model"]) for of_run in metrics],
        [f"{of_run['model']} {of_run['protocol']}" for of_run in metrics],
        [f"{of_run['model']} {of_run['corpus']}" for of_run in metrics],
        [f"{of_run['model']} seed {of_run['seed']}" for of_run in metrics],
        [run.path.resolve().name for run in runs],
        [str(run.path) for run in runs],
    )
    names = next(names for names in candidates if len(set(names)) == len(names))
    # They are shown in headings and sentences, and may be a stranger's.
    return [UNUSUAL.sub("?", name) for name in names]


def _check_same_rows(first: FinishedRun, other: FinishedRun) -> None:
    ids, others = first.predictions["id"], other.predictions["id"]
    if ids.equals(others):
        return
    only_first = len(set(ids) - set(others))
    only_other = len(set(others) - set(ids))
    difference = (
        f"{only_first} of {len(ids)} posts of the first and {only_other} of {len(others)} of the "
        "second are not in the other"
        if only_first or only_other
        else "the posts are in another order"
    )
    raise InputError(
        f"{first.folder.path} and {other.folder.path} were scored on different posts: {difference}"
        f" ({_setting(first)}; {_setting(other)}); compare runs with the same corpus, protocol, "
        "selection and split"
    )


def _check_same_truth(first: FinishedRun, other: FinishedRun) -> None:
    truth, others = first.labels, _renumbered(other, first)
    is_other = truth.lengths != others.lengths
    if not is_other.any():
        rows = np.repeat(np.arange(len(truth)), truth.lengths)
        is_other[rows[truth.values != others.values]] = True
    differs = first.predictions["id"].filter(pl.Series(is_other))
    if len(differs):
        raise InputError(
            f"{first.folder.path} and {other.folder.path} were scored against different true "
            f"hashtags: {len(differs)} posts differ, such as {differs[0]} ({_setting(first)}, "
            f"{len(first.folder.label_set)} hashtags; {_setting(other)}, "
            f"{len(other.folder.label_set)} hashtags); compare runs with the same label set"
        )


def _renumbered(run: FinishedRun, like: FinishedRun) -> Ragged:
    """Return a run's true labels by another run's numbers, ascending; -1 for missing ones."""
    own, other = run.folder.label_set.hashtags, like.folder.label_set.hashtags
    if own == other:
        return run.labels
    number_of = {hashtag: number for number, hashtag in enumerate(other)}
    numbers = np.array([number_of.get(hashtag, -1) for hashtag in own], dtype=np.int64)
    labels = run.labels
    rows = np.repeat(np.arange(len(labels)), labels.lengths)
    values = numbers[labels.values]
    return Ragged(values[np.lexsort((values, rows))], labels.offsets)


def _setting(run: FinishedRun) -> str:
    return f"{run.name}: {run.metrics['corpus']}, protocol {run.metrics['protocol']}"
