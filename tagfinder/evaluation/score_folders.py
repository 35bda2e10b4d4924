"""Scores of rankings in many files, file by file, by any number of workers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from tagfinder.configuration.executors import Executor
from tagfinder.configuration.executors.units import Facts, each_once, ready
from tagfinder.errors import InputError
from tagfinder.evaluation.score import judge


def score_folders(
    predictions: Path,
    truth: Path,
    executor: Executor,
    work: Path,
    *,
    ks: Sequence[int],
    labels: Path | None = None,
    with_open: bool = False,
) -> dict[str, Any]:
    """Score the files of one folder against those with the same names in another, all together.

    Only sums leave a worker, so that memory does not grow with the number of files.

    Args:
        predictions: folder of Parquet files with `top_labels`.
        truth: folder of files with `labels`; may be the same.
        executor: does the files.
        work: folder of what is done, seen by all workers.
        ks: ranks at which to score.
        labels: names of the labels in the order of their numbers.
        with_open: also score every tagged post.

    Returns:
        Counts and mean scores by name, as `score.score` gives them.

    Raises:
        InputError: a file has no partner, cannot be read, or no row has labels.
    """
    names = _shared_names(predictions, truth)
    make = ready(_Scoring(predictions, truth, tuple(ks), labels, with_open))
    counts: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    took_part: Counter[str] = Counter()
    for facts in each_once(executor, work, make, names, "scoring"):
        counts.update(facts["counts"])
        for name, (total, rows) in facts["scores"].items():
            sums[name] += total
            took_part[name] += rows
    if not counts["n"]:
        raise InputError("the truth has no row with labels: there is nothing to score")
    means = {name: sums[name] / rows if rows else None for name, rows in took_part.items()}
    return dict(counts) | means


def _shared_names(predictions: Path, truth: Path) -> list[str]:
    found = [{file.name for file in folder.glob("*.parquet")} for folder in (predictions, truth)]
    if not found[0]:
        raise InputError(f"--predictions {predictions} has no Parquet file")
    alone = sorted(found[0] ^ found[1])
    if alone:
        where = predictions if alone[0] in found[0] else truth
        raise InputError(
            f"{where / alone[0]} has no file of the same name in the other folder; rankings and "
            "truth are matched file by file"
        )
    return sorted(found[0])


@dataclass(frozen=True)
class _Scoring:
    """What a worker needs; called with a name, it adds up the scores of that file."""

    predictions: Path
    truth: Path
    ks: Sequence[int]
    labels: Path | None
    with_open: bool

    def __call__(self, name: str) -> Facts:
        depth = max(self.ks)
        judged = judge(self.predictions / name, self.truth / name, depth, self.labels)
        scores = judged.row_scores(self.ks)
        n = int((judged.n_labels > 0).sum())
        counts = {"n": n, "n_without_labels": len(judged.n_labels) - n}
        for k in self.ks:
            with_hits = int(scores[f"report_map@{k}"].isfinite().sum())
            counts[f"n_without_hits@{k}"] = n - with_hits
        if self.with_open:
            scores |= judged.open_row_scores(self.ks)
        return {"counts": counts, "scores": {key: _sum(of_key) for key, of_key in scores.items()}}


def _sum(values: Tensor) -> tuple[float, int]:
    finite = values[values.isfinite()].tolist()
    return math.fsum(finite), len(finite)
