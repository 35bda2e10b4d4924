"""What the closed recommenders, and two simple rules, reach under `protocol=live`.

    python experiments/live_baselines.py FOLDER --out FILE

FOLDER holds one Parquet file per corpus. Each recommender is trained once (the 50 most frequent
hashtags; settings as they come, but for fewer epochs of the recurrent and the convolutional network
and MiniLM in place of BERT), then fitted anew at each rhythm. What is finished is not run again, so
the command can be stopped and repeated.
"""

from __future__ import annotations

import argparse
import heapq
import json
import subprocess
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.evaluation.slices import COLUMNS, DAY, METRICS, slices_of
from tagfinder.files import read_json, write_text

HEADER = (
    *("corpus", "recommender", "refit", "NDCG@5", "MAP@5", "hit rate@5", "recall@10"),
    *("fits", "s to fit in all", "s to score"),
)
# What is not as it comes, so that fitting every month stays affordable.
SETTINGS = {
    "lstm": ["trainer.max_epochs=10"],
    "text_resnet": ["trainer.max_epochs=5"],
    "bert": ["encoder=minilm"],
}
DELAY = DAY
WEEK = 7 * DAY


def main() -> None:
    """Run what is missing, then write the table."""
    arguments = parsed_arguments()
    lines = [f"| {' | '.join(HEADER)} |", "|" + " --- |" * 3 + " --: |" * (len(HEADER) - 3)]
    bounds = []
    for corpus in arguments.corpora:
        refits = [refit(arguments, corpus, *job.split(":")) for job in arguments.jobs if ":" in job]
        if not refits:
            continue
        prepared = PreparedCorpus(Path(read_json(refits[0] / "run.json")["corpus"]["folder"]))
        for name, rule in RULES.items():
            lines.append(f"| {' | '.join(rule_row(prepared, name, rule))} |")
        lines += [f"| {' | '.join(refit_row(folder))} |" for folder in refits]
        bounds.append(bound(refits[0]))
    command = " ".join(["python experiments/live_baselines.py FOLDER", *sys.argv[2:]])
    write_text(arguments.out, "\n".join([f"<!-- {command} -->", "", *lines, "", *bounds, ""]))


def parsed_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--jobs",
        nargs="+",
        default=[
            f"{model}:{rhythm}"
            for model in ("random", "tfidf_lr", "fasttext", "lstm", "text_resnet", "bert")
            for rhythm in ("never", "monthly")
        ],
        help="recommender:rhythm",
    )
    parser.add_argument("--corpora", nargs="+", default=["us_congress_2022", "crisislex"])
    parser.add_argument("--runs", type=Path, default=Path("runs/live"))
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def refit(arguments: argparse.Namespace, corpus: str, model: str, rhythm: str) -> Path:
    """Return the folder of a recommender that was fitted anew, after doing so where it was not."""
    run = arguments.runs / f"{corpus}-{model}"
    if not (run / "metrics.json").is_file():
        file = arguments.folder / f"{corpus}.parquet"
        tagfinder(
            *("train", "data=files", f"data.path={file}", f"data.name={corpus}", "protocol=live"),
            *("selection.top_n=50", f"model={model}", *SETTINGS.get(model, ())),
            *(f"run_dir={run}", "resume=auto"),
        )
    folder: Path = run / f"live-{rhythm}"
    if not (folder / "slices.json").is_file():
        tagfinder("evaluate", str(run), "--protocol", "live", "--refit", rhythm)
    return folder


def tagfinder(*arguments: str) -> None:
    """Run a command of TagFinder."""
    subprocess.run(
        [sys.executable, "-m", "tagfinder", *arguments], check=True, stdout=subprocess.DEVNULL
    )


def refit_row(folder: Path) -> list[str]:
    """Return one line of the table."""
    metrics = read_json(folder / "metrics.json")
    scores = pl.read_csv(folder / "slices.csv").filter(dimension=pl.lit("all"))
    return [
        *(metrics["corpus"], metrics["model"].split()[0], metrics["refit"]),
        *score_cells(scores),
        *(str(len(metrics["periods"])), f"{metrics['train_seconds']:,.0f}"),
        f"{metrics['test_seconds']:,.0f}",
    ]


def score_cells(scores: pl.DataFrame) -> list[str]:
    """Return means with their intervals."""
    by_metric = {row["metric"]: row for row in scores.iter_rows(named=True)}
    rows = [by_metric[metric] for metric in METRICS]
    return [f"{row['mean']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" for row in rows]


def bound(folder: Path) -> str:
    """Return in words what nothing known the day before could have reached."""
    reachable = json.loads((folder / "slices.json").read_text())["reachable"]
    best = reachable["best_possible"]
    return (
        f"{read_json(folder / 'metrics.json')['corpus']}: {reachable['posts']:,} test posts; "
        f"{reachable['posts_with_a_known_hashtag']:.1%} have a hashtag that somebody had used a "
        f"day before, {reachable['known_hashtags']:.1%} of their {reachable['hashtags']:,} "
        f"hashtags were so known. Who ranks all of these first has NDCG@5 {best['ndcg@5']:.3f}, "
        f"MAP@5 {best['map@5']:.3f}, hit rate@5 {best['hit_rate@5']:.3f}, recall@10 "
        f"{best['recall@10']:.3f}.\n"
    )


def trending(posts: pl.DataFrame) -> list[list[int]]:
    """Return for each test post the most used hashtags of the week before the delay."""
    counts: Counter[int] = Counter()
    week: deque[tuple[int, list[int]]] = deque()

    def learn(time: int, _: str | None, labels: list[int]) -> None:
        week.append((time, labels))
        counts.update(labels)

    def best(time: int, _: str | None) -> list[int]:
        while week and week[0][0] < time - DELAY - WEEK:
            counts.subtract(week.popleft()[1])
        return most_common(counts)

    return replayed(posts, learn, best)


def usual(posts: pl.DataFrame) -> list[list[int]]:
    """Return for each test post its author's most used hashtags, then everybody's of all time."""
    everybody: Counter[int] = Counter()
    own: defaultdict[str | None, Counter[int]] = defaultdict(Counter)

    def learn(_: int, author: str | None, labels: list[int]) -> None:
        everybody.update(labels)
        own[author].update(labels)

    def best(_: int, author: str | None) -> list[int]:
        found = most_common(own[author]) if author is not None else []
        if len(found) < 10:
            found += [label for label in most_common(everybody) if label not in found]
        return found[:10]

    return replayed(posts, learn, best)


RULES = {"trending in the last week": trending, "the author's usual": usual}


def most_common(counts: Counter[int]) -> list[int]:
    """Return the ten most frequent labels, equal ones by their number."""
    best = heapq.nsmallest(10, ((-n, label) for label, n in counts.items() if n > 0))
    return [label for _, label in best]


def replayed(
    posts: pl.DataFrame,
    learn: Callable[[int, str | None, list[int]], None],
    best: Callable[[int, str | None], list[int]],
) -> list[list[int]]:
    """Go through the posts in order of time, each asked about by what is older than the delay."""
    columns = (
        posts.with_row_index("row")
        .sort("created_at", "row")
        .with_columns(time=pl.col("created_at").dt.epoch("us"))
    )
    rows = columns.select("row", "time", "entity_name", "labels", "split").rows()
    taught = 0
    rankings: dict[int, list[int]] = {}
    for row, time, author, _, part in rows:
        if part != "test":
            continue
        while rows[taught][1] < time - DELAY:
            learn(*rows[taught][1:4])
            taught += 1
        rankings[row] = best(time, author)
    return [rankings[row] for row in sorted(rankings)]


def rule_row(
    corpus: PreparedCorpus, name: str, rule: Callable[[pl.DataFrame], list[list[int]]]
) -> list[str]:
    """Return one line of the table for a simple rule."""
    posts = pl.read_parquet(corpus.folder / "tweets.parquet", columns=[*COLUMNS, "n_hashtags"])
    test = posts.filter(split=pl.lit("test"))
    top_labels = pl.Series("top_labels", rule(posts), dtype=pl.List(pl.Int32))
    slices = slices_of(posts, test.select("labels", "n_hashtags", top_labels), delay_days=1.0)
    scores = slices.scores.filter(dimension=pl.lit("all"))
    nothing: list[Any] = ["", "", ""]
    return [corpus.name, name, "every post", *score_cells(scores), *nothing]


if __name__ == "__main__":
    main()
