"""Make the student report again: six recommenders, three seeds, two protocols, one page.

    make report                        # data=crisislex, downloaded
    make report DATA=posts.parquet     # or any corpus that `data=files` reads
    python experiments/report/make.py --data posts.parquet --out FOLDER

Trains missing runs, resumes stopped ones, analyses the errors of each run, compares
and writes it all up. The command can be stopped and repeated; what is finished is not done again.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

HERE = Path(__file__).parent
MODELS = {
    "random": [],
    "tfidf_lr": [],
    "fasttext": [],
    "lstm": [],
    "text_resnet": [],
    "bert": ["encoder=minilm"],
}
PROTOCOLS = ("report", "honest")
# What the honest protocol is where posts have no times; public sources without any.
WITHOUT_TIMES = ["split=random", "split.group=minhash"]
TIMELESS = {"tweeteval"}


def main() -> None:
    """Do the missing work, then write the page; ends with 1 if a run failed."""
    arguments = parsed_arguments()
    corpus = Path(arguments.data).stem if is_file(arguments.data) else arguments.data
    folder = arguments.runs / corpus
    # All recommenders of one seed before the next, so that a report that was stopped can be read.
    commands = {
        folder / run_name(protocol, model, seed): [
            *("train", *data_overrides(arguments.data, protocol), f"protocol={protocol}"),
            *(f"model={model}", *MODELS[model], f"seed={seed}", *arguments.overrides),
        ]
        for seed in arguments.seeds
        for protocol in arguments.protocols
        for model in arguments.models
    }
    with ThreadPoolExecutor(arguments.jobs) as pool:
        threads = max((os.cpu_count() or 1) // arguments.jobs, 1)
        done = list(pool.map(lambda item: finish(*item, threads=threads), commands.items()))
    finished = [run for run, is_done in zip(commands, done, strict=True) if is_done]
    if not finished:
        sys.exit("no run came to its end")
    out = arguments.out or HERE / corpus
    tagfinder("report", *map(str, finished), "--out", str(out), check=True)
    if len(finished) < len(commands):
        sys.exit(f"{len(commands) - len(finished)} runs failed; repeat the command to try again")


def parsed_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="crisislex", help="option of conf/data, or a file")
    parser.add_argument("--runs", type=Path, default=Path("runs/report"))
    parser.add_argument("--out", type=Path, help="by default a folder beside this script")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--protocols", nargs="+", default=list(PROTOCOLS), choices=PROTOCOLS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 2))
    parser.add_argument("--overrides", nargs="*", default=[], help="for every run, key=value")
    return parser.parse_args()


def run_name(protocol: str, model: str, seed: int) -> str:
    """Return the name of a run's folder; the first seed's are those of earlier versions."""
    return f"{protocol}-{model}" + (f"-seed{seed}" if seed > 1 else "")


def is_file(data: str) -> bool:
    """Whether the data are a file rather than one of conf/data."""
    return Path(data).suffix != ""


def data_overrides(data: str, protocol: str) -> list[str]:
    """Return what chooses the corpus; without times the honest protocol has no temporal part."""
    if not is_file(data):
        timeless = data in TIMELESS
        return [f"data={data}", *(WITHOUT_TIMES if timeless and protocol == "honest" else [])]
    chosen = ["data=files", f"data.path={data}", f"data.name={Path(data).stem}"]
    timed = Path(data).suffix != ".parquet" or has_times(Path(data))
    return [*chosen, *(WITHOUT_TIMES if protocol == "honest" and not timed else [])]


def has_times(file: Path) -> bool:
    """Whether the posts of a corpus say when they were written."""
    posts = pl.scan_parquet(file)
    if "created_at" not in posts.collect_schema():
        return False
    return bool(posts.select(pl.col("created_at").is_not_null().any()).collect().item())


def finish(run: Path, command: list[str], threads: int) -> bool:
    """Train a run and look at its errors, as far as that is not done; tell whether it is now."""
    if not (run / "metrics.json").is_file():
        print(shlex.join(["tagfinder", *command, f"run_dir={run}"]), file=sys.stderr)
        if not tagfinder(*command, f"run_dir={run}", "resume=auto", threads=threads):
            return False
    # Errors are looked at for the first seed only.
    if "-seed" not in run.name and not (run / "errors.json").is_file():
        return tagfinder("evaluate", str(run), threads=threads)
    return True


def tagfinder(*arguments: str, threads: int | None = None, check: bool = False) -> bool:
    """Run a command of tagfinder; tell whether it succeeded."""
    environment = dict(os.environ)
    if threads:
        environment |= {"OMP_NUM_THREADS": str(threads), "POLARS_MAX_THREADS": str(threads)}
    command = [sys.executable, "-m", "tagfinder", *arguments]
    done = subprocess.run(command, check=check, env=environment, stdout=subprocess.DEVNULL)
    return done.returncode == 0


if __name__ == "__main__":
    main()
