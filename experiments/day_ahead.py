"""The day-ahead table: every post of the newest fifth, ranked from posts at least a day older.

    python experiments/day_ahead.py FOLDER --corpora world_leaders crisislex --out FILE

FOLDER holds one Parquet file per corpus. Rows: two rules, closed recommenders trained once or
retrained each month, and `model=live` with the author known and unknown. `share` is the part of the
ceiling, which a ranker reaches that puts every hashtag known a day before first. Finished runs are
not repeated, so the command can be stopped and started again.
"""

from __future__ import annotations

import argparse
import heapq
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
    *("corpus", "recommender", "retrained", "NDCG@5", "share", "MAP@5", "hit rate@5", "recall@10"),
    *("with variants", "s to learn", "ms a post", "commit"),
)
# Settings that differ from the defaults, so that monthly retraining stays affordable.
SETTINGS = {
    "lstm": ["trainer.max_epochs=10"],
    "text_resnet": ["trainer.max_epochs=5"],
    "bert": ["encoder=minilm"],
}
# Hashtags of a closed recommender: as many as it can hold, or the report's 50.
TOP_N = {"omikuji": 100_000, "tfidf_svm": 1000}
CLOSED = ("random", "tfidf_lr", "fasttext", "tfidf_svm", "omikuji")
DELAY = DAY
WEEK = 7 * DAY
HOUR = DAY // 24


def main() -> None:
    """Do the missing runs, then write the table."""
    arguments = parsed_arguments()
    lines = [f"| {' | '.join(HEADER)} |", "|" + " --- |" * 3 + " --: |" * (len(HEADER) - 3)]
    bounds = []
    for corpus in arguments.corpora:
        live, *others = [live_run(arguments, corpus, seed) for seed in arguments.seeds]
        refits = [refit(arguments, corpus, *job.split(":")) for job in arguments.jobs if job]
        ceiling = read_json(live / "slices.json")["reachable"]["best_possible"]
        prepared = PreparedCorpus(Path(read_json(live / "run.json")["corpus"]["folder"]))
        rows = [rule_row(prepared, name, rule, ceiling) for name, rule in RULES.items()]
        rows += [run_row(folder, ceiling) for folder in refits]
        rows += [run_row(live, ceiling), run_row(live / "without_author", ceiling, learned=live)]
        lines += [f"| {' | '.join(row)} |" for row in rows]
        bounds.append(bound(live))
        if others:
            bounds.append(spread(corpus, arguments.seeds, [live, *others]))
    command = " ".join(["python experiments/day_ahead.py FOLDER", *sys.argv[2:]])
    write_text(arguments.out, "\n".join([f"<!-- {command} -->", "", *lines, "", *bounds, ""]))


def parsed_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--jobs",
        nargs="*",
        default=[f"{model}:{rhythm}" for model in CLOSED for rhythm in ("never", "monthly")],
        help="closed recommenders, as recommender:rhythm",
    )
    parser.add_argument("--corpora", nargs="+", default=["us_congress_2022", "crisislex"])
    parser.add_argument("--runs", type=Path, default=Path("runs/live"))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1], help="of model=live")
    parser.add_argument("--live", nargs="*", default=[], help="overrides of the live recommender")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def live_run(arguments: argparse.Namespace, corpus: str, seed: int) -> Path:
    """Return the folder of the live recommender of a corpus, trained if it is missing."""
    run: Path = arguments.runs / (f"{corpus}-live" if seed == 1 else f"{corpus}-live-{seed}")
    if not (run / "slices.json").is_file():
        train(arguments, corpus, run, "model=live", f"seed={seed}", *arguments.live)
    return run


def spread(corpus: str, seeds: list[int], runs: list[Path]) -> str:
    """Return NDCG@5 of the live recommender for each seed, in words."""
    cells = []
    for folder, author in (("", "author known"), ("without_author", "author unknown")):
        tables = [pl.read_csv(run / folder / "slices.csv") for run in runs]
        scores = [
            table.filter(dimension=pl.lit("all"), metric=pl.lit("ndcg@5"))["mean"][0]
            for table in tables
        ]
        each = ", ".join(f"{score:.3f}" for score in scores)
        cells.append(f"{author} {each}")
    return f"{corpus}, live, NDCG@5 with seeds {', '.join(map(str, seeds))}: {'; '.join(cells)}.\n"


def refit(arguments: argparse.Namespace, corpus: str, model: str, rhythm: str) -> Path:
    """Return the folder of a retrained closed recommender, retrained if it is missing."""
    run = arguments.runs / f"{corpus}-{model}"
    if not (run / "metrics.json").is_file():
        top_n = f"selection.top_n={TOP_N.get(model, 50)}"
        train(arguments, corpus, run, top_n, f"model={model}", *SETTINGS.get(model, ()))
    folder: Path = run / f"live-{rhythm}"
    if not (folder / "slices.json").is_file():
        tagfinder("evaluate", str(run), "--protocol", "live", "--refit", rhythm)
    return folder


def train(arguments: argparse.Namespace, corpus: str, run: Path, *overrides: str) -> None:
    """Train a recommender of a corpus under the live protocol, and note the commit."""
    file = arguments.folder / f"{corpus}.parquet"
    tagfinder(
        *("train", "data=files", f"data.path={file}", f"data.name={corpus}", "protocol=live"),
        *(*overrides, f"run_dir={run}", "resume=auto"),
    )
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    )
    write_text(run / "commit.txt", head.stdout)


def tagfinder(*arguments: str) -> None:
    """Run a command of TagFinder."""
    subprocess.run(
        [sys.executable, "-m", "tagfinder", *arguments], check=True, stdout=subprocess.DEVNULL
    )


def run_row(folder: Path, ceiling: dict[str, float], learned: Path | None = None) -> list[str]:
    """Return one line of the table for a run; `learned` is the run that knows the costs."""
    metrics = read_json(folder / "metrics.json")
    costs = read_json((learned or folder) / "metrics.json")
    scores = pl.read_csv(folder / "slices.csv").filter(dimension=pl.lit("all"))
    posts = costs["rows"]["test"]
    run = next(f for f in (folder, *folder.parents) if (f / "commit.txt").is_file())
    return [
        *(metrics["corpus"], metrics["model"], metrics.get("refit", "")),
        *score_cells(scores, ceiling),
        f"{read_json(folder / 'slices.json')['variant_ndcg@5']:.3f}",
        f"{costs['train_seconds']:,.0f}",
        f"{1000 * costs['test_seconds'] / posts:.1f}",
        (run / "commit.txt").read_text().strip(),
    ]


def score_cells(scores: pl.DataFrame, ceiling: dict[str, float]) -> list[str]:
    """Return means with their intervals, and the share of the ceiling behind the first."""
    by_metric = {row["metric"]: row for row in scores.iter_rows(named=True)}
    rows = [by_metric[metric] for metric in METRICS]
    cells = [f"{row['mean']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" for row in rows]
    share = by_metric["ndcg@5"]["mean"] / ceiling["ndcg@5"]
    return [cells[0], f"{share:.2f}", *cells[1:]]


def bound(folder: Path) -> str:
    """Return in words what the ceiling is."""
    reachable = read_json(folder / "slices.json")["reachable"]
    best = reachable["best_possible"]
    return (
        f"{read_json(folder / 'metrics.json')['corpus']}: {reachable['posts']:,} test posts with "
        f"{reachable['hashtags']:,} hashtags; {1 - reachable['known_hashtags']:.1%} of these had "
        f"never been used a day before. Ceiling: NDCG@5 {best['ndcg@5']:.3f}, MAP@5 "
        f"{best['map@5']:.3f}, hit rate@5 {best['hit_rate@5']:.3f}, recall@10 "
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
    """An author's most used hashtags, then those of all authors."""

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
    """Rank for each test post, in the corpus's order, from posts older by the delay."""
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


def rule_row(
    corpus: PreparedCorpus, name: str, rule: type[Rule], ceiling: dict[str, float]
) -> list[str]:
    """Return one line of the table for a simple rule."""
    posts = corpus.posts.select(*COLUMNS, "n_hashtags").collect()
    test = posts.filter(split=pl.lit("test"))
    top_labels = pl.Series("top_labels", replayed(posts, rule()), dtype=pl.List(pl.Int32))
    slices = slices_of(posts, test.select("labels", "n_hashtags", top_labels), delay_days=1.0)
    scores = slices.scores.filter(dimension=pl.lit("all"))
    nothing: list[Any] = ["", "", "", ""]
    return [corpus.name, name, "every post", *score_cells(scores, ceiling), *nothing]


if __name__ == "__main__":
    main()
