"""How much of a score is the protocol: one model, one corpus, four ways to count.

    python experiments/protocols.py us_congress_2022.parquet --out docs/images

Writes `protocols.svg`, `protocols.png` and `protocols.md`. A run that is finished is not run again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from tagfinder.figures import COLOURS, figure
from tagfinder.files import write_text

STEPS = {
    "as the report:\nhashtags stay in the text": (["protocol=report"], "ndcg@5"),
    "hashtags out\nof the text": (["protocol=report", "cleaning.inline_hashtags=drop"], "ndcg@5"),
    "tomorrow's posts that\nthe 50 labels cover": (["protocol=honest"], "ndcg@5"),
    "all of tomorrow's\ntagged posts": (["protocol=honest"], "open_ndcg@5"),
}


def main() -> None:
    """Train the missing runs, draw and tabulate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--model", default="tfidf_svm")
    parser.add_argument("--runs", type=Path, default=Path("runs/protocols"))
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    scores = {}
    for step, (overrides, name) in STEPS.items():
        run_dir = arguments.runs / "-".join([arguments.model, *overrides]).replace("=", "_")
        metrics = test_scores(arguments.file, [f"model={arguments.model}", *overrides], run_dir)
        scores[step] = metrics[name]
    title = f"NDCG@5 of {arguments.model} on {arguments.file.stem}"
    with figure(arguments.out, "protocols", title, y="NDCG@5", size=(8, 3.6)) as axes:
        bars = axes.bar(list(scores), list(scores.values()), color=COLOURS[: len(scores)])
        axes.bar_label(bars, fmt="{:.3f}")
        axes.set_ylim(0, 1)
    lines = [f"| {' '.join(step.split())} | {score:.3f} |" for step, score in scores.items()]
    table = "\n".join(["| what is scored | NDCG@5 |", "| --- | --- |", *lines, ""])
    write_text(arguments.out / "protocols.md", table)


def test_scores(file: Path, overrides: list[str], run_dir: Path) -> dict[str, float]:
    """Train once, or read the scores of the run that is there."""
    if not (run_dir / "metrics.json").is_file():
        command = [sys.executable, "-m", "tagfinder", "train", "data=files", f"data.path={file}"]
        command += [f"data.name={file.stem}", f"run_dir={run_dir}", *overrides]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    scores: dict[str, float] = json.loads((run_dir / "metrics.json").read_text())["test"]
    return scores


if __name__ == "__main__":
    main()
