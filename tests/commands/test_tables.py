"""Tables that people read: scores over every post first, and no wider than a terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from tagfinder.commands.tables import score_grid
from tagfinder.runs.summary import score_table


def test_scores_by_rank_are_one_row_for_each_metric_within_80_columns() -> None:
    scores = {f"{name}@{k}": 0.5 for name in ("ndcg", "report_map") for k in (1, 3, 5, 10)}
    stream = StringIO()
    Console(file=stream, width=80).print(score_grid(scores | {"n": 12345, "note": "left out"}))
    lines = [line.rstrip() for line in stream.getvalue().splitlines() if line.strip()]
    assert lines[0].split() == ["score", "@1", "@3", "@5", "@10"]
    assert any(line.split() == ["ndcg", *["0.5000"] * 4] for line in lines)
    assert any(line.split() == ["n", "12,345"] for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_where_every_post_is_judged_that_comes_first() -> None:
    part = {"ndcg@5": 0.4, "n": 10, "open_ndcg@5": 0.1, "coverage": 0.25, "open_n": 40}
    facts = {"model": "m", "corpus": "c", "protocol": "honest", "rows": {"train": 5}}
    shown = score_table(
        {"val": part, "test": part, "train_seconds": 1.0, "posts_per_second": 2.0, **facts}
    )
    places = [shown.index(word) for word in ("every post", "open_ndcg@5", "coverage", " ndcg@5")]
    assert places == sorted(places)
    assert "40" in shown[: shown.index(" ndcg@5")]
