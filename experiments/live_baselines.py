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
HOUR = DAY // 24


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


class Trending:
    """The most used hashtags of the week before the delay."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.week: deque[tuple[int, list[int]]] = deque()
        self.best: list[int] = []

    def learn(self, time: int, _: str | None, labels: list[int]) -> None:
        """Count a post."""
        self.week.append((time, labels))
        self.counts.update(labels)

    def begin_hour(self, hour: int) -> None:
        """Forget what is older than a week."""
        while self.week and self.week[0][0] < hour - DELAY - WEEK:
            self.counts.subtract(self.week.popleft()[1])
        self.best = most_common(self.counts)

    def ranked(self, _: str | None) -> list[int]:
        """Return the same for every post of the hour."""
        return self.best


class Usual:
    """An author's most used hashtags, then everybody's of all time."""

    def __init__(self) -> None:
        self.everybody: Counter[int] = Counter()
        self.own: defaultdict[str | None, Counter[int]] = defaultdict(Counter)
        self.best: list[int] = []

    def learn(self, _: int, author: str | None, labels: list[int]) -> None:
        """Count a post."""
        self.everybody.update(labels)
        self.own[author].update(labels)

    def begin_hour(self, _: int) -> None:
        """Bring everybody's up to date."""
        self.best = most_common(self.everybody)

    def ranked(self, author: str | None) -> list[int]:
        """Return ten hashtags."""
        own = most_common(self.own[author]) if author is not None else []
        return [*own, *(label for label in self.best if label not in own)][:10]


Rule = Trending | Usual
RULES: dict[str, type[Rule]] = {
    "trending in the last week": Trending,
    "the author's usual": Usual,
}


def most_common(counts: Counter[int]) -> list[int]:
    """Return the ten most frequent labels, equal ones by their number."""
    best = heapq.nsmallest(10, ((-n, label) for label, n in counts.items() if n > 0))
    return [label for _, label in best]


def replayed(posts: pl.DataFrame, rule: Rule) -> list[list[int]]:
    """Rank for each test post, in the corpus's order, by what was known a delay before its hour."""
    columns = (
        posts.with_row_index("row")
        .sort("created_at", "row")
        .with_columns(time=pl.col("created_at").dt.epoch("us"))
    )
    rows = columns.select("row", "time", "entity_name", "labels", "split").rows()
    taught, hour = 0, -1
    rankings: dict[int, list[int]] = {}
    for row, time, author, _, part in rows:
        if part != "test":
            continue
        if time // HOUR != hour:
            hour = time // HOUR
            while rows[taught][1] < hour * HOUR - DELAY:
                rule.learn(*rows[taught][1:4])
                taught += 1
            rule.begin_hour(hour * HOUR)
        rankings[row] = rule.ranked(author)
    return [rankings[row] for row in sorted(rankings)]


def rule_row(corpus: PreparedCorpus, name: str, rule: type[Rule]) -> list[str]:
    """Return one line of the table for a simple rule."""
    posts = pl.read_parquet(corpus.folder / "posts.parquet", columns=[*COLUMNS, "n_hashtags"])
    test = posts.filter(split=pl.lit("test"))
    top_labels = pl.Series("top_labels", replayed(posts, rule()), dtype=pl.List(pl.Int32))
    slices = slices_of(posts, test.select("labels", "n_hashtags", top_labels), delay_days=1.0)
    scores = slices.scores.filter(dimension=pl.lit("all"))
    nothing: list[Any] = ["", "", ""]
    return [corpus.name, name, "every post", *score_cells(scores), *nothing]


if __name__ == "__main__":
    main()
