"""Train several recommenders on several corpora under both protocols and tabulate their scores.

    python experiments/score_models.py FOLDER --models random tfidf_lr fasttext --out TABLE.md

FOLDER holds one Parquet file per corpus. A run that is finished is not run again, so the command
can be stopped and repeated. Corpora without times: the honest protocol without its temporal part.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl

from tagfinder.files import write_text

COLUMNS = {
    "NDCG@5": ("test", "ndcg@5"),
    "MAP@5": ("test", "map@5"),
    "open NDCG@5": ("test", "open_ndcg@5"),
    "open MAP@5": ("test", "open_map@5"),
    "coverage": ("test", "coverage"),
    "micro F1": ("test", "micro_f1"),
    "macro F1": ("test", "macro_f1"),
    "report NDCG@5": ("test", "report_ndcg@5"),
}
HEADER = ("corpus", "protocol", "model", *COLUMNS, "s to train", "posts/s scored")


def main() -> None:
    """Do the missing runs, then write the table."""
    arguments = parsed_arguments()
    lines = [f"| {' | '.join(HEADER)} |", "|" + " --- |" * len(HEADER)]
    for corpus in arguments.corpora:
        file = arguments.folder / f"{corpus}.parquet"
        for protocol in ("report", "honest"):
            for model in arguments.models:
                run_dir = arguments.runs / f"{corpus}-{protocol}-{model}"
                overrides = [f"model={model}", *arguments.overrides]
                metrics = run(file, protocol, overrides, run_dir)
                lines.append(row(corpus, protocol, model, metrics))
    command = " ".join(["python experiments/score_models.py FOLDER", *sys.argv[2:]])
    write_text(arguments.out, "\n".join([f"<!-- {command} -->", "", *lines, ""]))


def parsed_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="+", default=["random", "tfidf_lr", "fasttext"])
    parser.add_argument(
        "--corpora", nargs="+", default=["us_congress_2022", "crisislex", "covidsenti"]
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/tables"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--overrides", nargs="*", default=[], help="for every run, key=value")
    return parser.parse_args()


def run(file: Path, protocol: str, overrides: list[str], run_dir: Path) -> dict[str, Any]:
    """Train and score once, or read the scores of the run that is there."""
    metrics_file = run_dir / "metrics.json"
    if not metrics_file.is_file():
        command = [
            *(sys.executable, "-m", "tagfinder", "train", "data=files", f"data.path={file}"),
            *(f"data.name={file.stem}", f"protocol={protocol}", f"run_dir={run_dir}"),
            *overrides,
        ]
        if protocol == "honest" and not has_times(file):
            command += ["split=random", "split.group=minhash"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    metrics: dict[str, Any] = json.loads(metrics_file.read_text())
    return metrics


def has_times(file: Path) -> bool:
    """Whether the posts of a corpus say when they were written."""
    return bool(
        pl.scan_parquet(file).select(pl.col("created_at").is_not_null().any()).collect().item()
    )


def row(corpus: str, protocol: str, model: str, metrics: dict[str, Any]) -> str:
    """Return one line of the table."""
    scores = [metrics[part].get(name) for part, name in COLUMNS.values()]
    cells = ["" if score is None else f"{score:.3f}" for score in scores]
    speeds = [f"{metrics['train_seconds']:.1f}", f"{metrics['posts_per_second']:,.0f}"]
    return f"| {' | '.join([corpus, protocol, model, *cells, *speeds])} |"


if __name__ == "__main__":
    main()
