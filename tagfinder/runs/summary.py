"""The tables that a finished run prints: its scores and some of its suggestions."""

from __future__ import annotations

from io import StringIO
from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.escaping import for_terminal
from tagfinder.evaluation.metrics import (
    REPORT_METRICS,
    headline_names,
    names_shown,
    standard_metrics,
)

# Posts that are shown, and the suggestions for each.
EXAMPLES, SUGGESTED = 5, 3


def shown_names() -> list[str]:
    """Return the names of the scores that the table shows, in its order."""
    standard = standard_metrics()
    return [
        *names_shown(standard),
        *("mrr", "micro_f1", "macro_f1"),
        *names_shown(REPORT_METRICS),
        *(f"open_{name}@5" for name in headline_names(standard)),
        "coverage",
    ]


def score_table(metrics: dict[str, Any]) -> str:
    """Return validation and test scores as a table, with their protocol in its title."""
    table = Table(
        title=_shown(
            f"{metrics['model']} on {metrics['corpus']}, protocol {metrics['protocol']}",
        ),
        box=box.SIMPLE_HEAD,
        min_width=60,
    )
    table.add_column("score")
    for part in ("val", "test"):
        table.add_column(part, justify="right")
    shown = [name for name in shown_names() if name in metrics["test"]]
    of_all = [name for name in shown if name.startswith("open_") or name == "coverage"]
    # Where every post is judged, that is what a recommender is worth: it comes first.
    if of_all:
        _add_section(table, metrics, of_all, "every post", "open_n")
    of_covered = [name for name in shown if name not in of_all]
    title = "posts with a hashtag of the label set" if of_all else ""
    _add_section(table, metrics, of_covered, title, "n")
    table.caption = (
        f"trained in {metrics['train_seconds']:.1f} s on {metrics['rows']['train']:,} posts, "
        f"{metrics['posts_per_second']:,.0f} posts scored per second"
    )
    return _rendered(table)


def _add_section(
    table: Table, metrics: dict[str, Any], names: list[str], title: str, count: str
) -> None:
    if title:
        table.add_row(Text(title, style="bold"))
    parts = [metrics[part] for part in ("val", "test")]
    for name in names:
        table.add_row(name, *(_number(part.get(name)) for part in parts))
    table.add_row("posts", *(f"{part[count]:,}" if count in part else "" for part in parts))
    table.add_section()


def examples_table(run: RunFolder, corpus: PreparedCorpus) -> str:
    """Return some test posts with the suggested hashtags beside the true ones."""
    hashtags = run.label_set.hashtags
    table = Table(title=f"{EXAMPLES} test posts", box=box.SIMPLE_HEAD, show_lines=True)
    table.add_column("post (cleaned)", ratio=3)
    table.add_column("suggested", ratio=1)
    table.add_column("true", ratio=1)
    for post in _examples(run, corpus).iter_rows(named=True):
        table.add_row(
            _shown(post["clean"]),
            _shown(" ".join(f"#{hashtags[label]}" for label in post["top_labels"][:SUGGESTED])),
            _shown(" ".join(f"#{hashtags[label]}" for label in post["labels"])),
        )
    return _rendered(table)


def _shown(text: str) -> Text:
    # No string, in which the library would look for styles of its own.
    return Text(for_terminal(text))


def _examples(run: RunFolder, corpus: PreparedCorpus) -> pl.DataFrame:
    predictions = pl.read_parquet(run.predictions_file)
    texts = corpus.part("test", ["clean"])
    posts = predictions.with_columns(texts["clean"]).filter(pl.col("labels").list.len() > 0)
    # Evenly spaced posts represent the whole part; every run shows the same ones.
    return posts.gather_every(max(posts.height // EXAMPLES, 1)).head(EXAMPLES)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _rendered(table: Table) -> str:
    stream = StringIO()
    Console(file=stream, width=110, force_jupyter=False).print(table)
    return stream.getvalue().rstrip("\n") + "\n"
