"""Time, memory and disk of preparing and of suggesting, over the size of the corpus.

    python experiments/benchmarks/scale.py us_congress_2022.parquet --copies 1 4 16 64 --work FOLDER
    python experiments/benchmarks/scale.py us_congress_2022.parquet --copies 4 --jobs 1 2

Corpora are those of `enlarged.py`. Prepared is as `protocol=honest` has it: both cleanings,
near-duplicates, split by time, label set. Suggested is for the posts of the largest corpus in turn,
with a recommender that was trained on one copy. Each command is a process, as a user starts it;
memory is the sum over it and all that it started (shared pages counted once), at its highest. From
memory and seconds of cores, those of the same command on a thousand posts are taken away. The
baseline of each ratio is the smallest corpus.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import polars as pl
import psutil
from enlarged import enlarge

FEW = 1000
TAGFINDER = [sys.executable, "-m", "tagfinder"]


@dataclass
class Cost:
    """What a command took.

    Attributes:
        what: name of the command.
        posts: that it was given.
        jobs: processes that did it.
        seconds: on the clock.
        core_seconds: of all cores.
        peak_mb: highest memory of all its processes together.
        disk_mb: what it left.
    """

    what: str
    posts: int
    jobs: int
    seconds: float
    core_seconds: float
    peak_mb: float
    disk_mb: float


@dataclass(frozen=True)
class Work:
    """What a command is given.

    Attributes:
        posts: how many.
        data: folder of their files.
        jobs: processes.
        partition_rows: posts of a partition.
        folder: where everything is written.
    """

    posts: int
    data: Path
    jobs: int
    partition_rows: int
    folder: Path

    @property
    def few(self) -> Work:
        """The same for a thousand posts: what a command takes on them, it takes on none."""
        folder = self.folder / "few"
        folder.mkdir(parents=True, exist_ok=True)
        posts = pl.read_parquet(min(self.data.glob("*.parquet")))
        posts.gather_every(max(posts.height // FEW, 1)).write_parquet(folder / "few.parquet")
        return replace(self, posts=FEW, data=folder)


def measured(what: str, work: Work, command: list[str], left: Path, cache: Path) -> Cost:
    """Run a command and watch it."""
    environment = {**os.environ, "TAGFINDER_CACHE": str(cache)}
    begun = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        peak, cores = 0, {}
        while process.poll() is None:
            peak = max(peak, _usage(watched, cores))
            time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    seconds = time.perf_counter() - begun
    disk = sum(file.stat().st_size for file in left.rglob("*") if file.is_file())
    core_seconds = sum(cores.values())
    return Cost(what, work.posts, work.jobs, seconds, core_seconds, peak / 2**20, disk / 2**20)


def _usage(process: psutil.Process, cores: dict[int, float]) -> int:
    """Return bytes of memory of a process and its children; keep their seconds of cores."""
    memory = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            memory += one.memory_full_info().pss
            times = one.cpu_times()
            cores[one.pid] = times.user + times.system
        except psutil.Error:
            continue  # it ended just now
    return memory


def prepare(work: Work) -> Cost:
    """Prepare a corpus in a fresh cache."""
    cache = work.folder / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    settings = ["data=files", f"data.path={work.data}", "protocol=honest"]
    settings += [f"executor.jobs={work.jobs}", f"partition_rows={work.partition_rows}"]
    command = [*TAGFINDER, "prepare", *settings]
    return measured("prepare", work, command, cache / "corpora", cache)


def suggest(run: Path, work: Work) -> Cost:
    """Suggest for all files of a folder."""
    target = work.folder / "suggested"
    shutil.rmtree(target, ignore_errors=True)
    files = ["--input", str(work.data), "--output", str(target), "--jobs", str(work.jobs)]
    command = [*TAGFINDER, "recommend", str(run), *files]
    return measured(f"recommend {run.name}", work, command, target, work.folder / "train-cache")


def train(model: str, data: Path, run: Path, cache: Path) -> Path:
    """Train a recommender of one copy, if it is not there."""
    if not (run / "metrics.json").is_file():
        shutil.rmtree(run, ignore_errors=True)
        settings = [f"model={model}", "data=files", f"data.path={data}", f"run_dir={run}"]
        environment = {**os.environ, "TAGFINDER_CACHE": str(cache)}
        command = [*TAGFINDER, "train", *settings, "protocol=honest"]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return run


def by_post(cost: Cost, nothing: Cost) -> float:
    """Return the seconds of cores for a post, without what a command takes on a thousand."""
    return (cost.core_seconds - nothing.core_seconds) / (cost.posts - nothing.posts)


def row_of(cost: Cost, nothing: Cost, smallest: float) -> str:
    """Return a line of the table.

    Args:
        cost: what it took.
        nothing: what a thousand posts took.
        smallest: seconds of cores for a post of the smallest corpus.
    """
    return (
        f"| {cost.what} | {cost.posts:,} | {cost.jobs} | {cost.seconds:,.0f} | "
        f"{cost.posts / cost.seconds:,.0f} | {by_post(cost, nothing) * 1e6:.0f} | "
        f"{by_post(cost, nothing) / smallest:.2f} | {cost.peak_mb - nothing.peak_mb:,.0f} | "
        f"{cost.disk_mb:,.0f} |"
    )


HEADER = (
    "| command | posts | processes | seconds | posts/s | core µs a post | against the smallest | "
    "peak MB above a thousand posts | MB on disk |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|"
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--jobs", type=int, nargs="+", default=[2])
    parser.add_argument("--partition-rows", type=int, default=100_000)
    parser.add_argument("--models", nargs="*", default=["tfidf_svm", "fasttext"])
    parser.add_argument("--work", type=Path, required=True, help="folder for all files")
    given = parser.parse_args()
    posts_of_copy = pl.scan_parquet(given.source).select(pl.len()).collect().item()
    one = given.work / "posts-1"
    enlarge(given.source, one, 1)
    cache = given.work / "train-cache"
    runs = [train(model, one, given.work / "runs" / model, cache) for model in given.models]
    print(HEADER, flush=True)
    smallest: dict[tuple[str, int], float] = {}
    for copies in sorted(given.copies):
        data = given.work / f"posts-{copies}"
        enlarge(given.source, data, copies)
        for jobs in given.jobs:
            work = Work(copies * posts_of_copy, data, jobs, given.partition_rows, given.work)
            for call in (prepare, *(partial(suggest, run) for run in runs)):
                nothing, cost = call(work.few), call(work)
                first = smallest.setdefault((cost.what, jobs), by_post(cost, nothing))
                print(row_of(cost, nothing, first), flush=True)
                with (given.work / "costs.jsonl").open("a") as log:
                    log.write(json.dumps(asdict(cost)) + "\n")


if __name__ == "__main__":
    main()
