"""The report of errors: figures, numbers as JSON, and the worst posts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tagfinder.escaping import for_markdown
from tagfinder.evaluation.curves import precision_recall_curves, reliability_of_all, roc_curves
from tagfinder.evaluation.error_counts import (
    NDCG_EDGES,
    ScoredPredictions,
    confusions,
    ndcg_histogram,
    worst_posts,
)
from tagfinder.evaluation.error_figures import (
    draw_errors,
    first_reliability,
    score_by_length,
    score_by_month,
)
from tagfinder.evaluation.tables import Table
from tagfinder.files import write_json, write_text

MOST_CONFUSED = 20
SUGGESTED = 5


def write_errors(judged: ScoredPredictions, folder: Path, figures: Path) -> dict[str, Any]:
    """Write the figures, `errors.json` and `worst_posts.md`.

    Args:
        judged: the posts.
        folder: where the JSON and the page of posts go. The page quotes posts: it belongs beside
            the data that it comes from.
        figures: where the figures go.

    Returns:
        What `errors.json` holds.
    """
    names = draw_errors(judged, figures)
    numbers = {"figures": names, **error_numbers(judged)}
    write_json(folder / "errors.json", numbers)
    page = worst_table(judged).markdown()
    write_text(
        folder / "worst_posts.md", f"# {for_markdown(judged.name)}: the worst posts\n\n{page}\n"
    )
    return numbers


def error_numbers(judged: ScoredPredictions) -> dict[str, Any]:
    """Return the numbers behind the figures as plain data, without any post."""
    numbers: dict[str, Any] = {
        "posts": judged.posts.height,
        "given": judged.given,
        "report_ndcg@10_edges": list(NDCG_EDGES),
        "report_ndcg@10_posts": ndcg_histogram(judged.report_ndcg(10)).tolist(),
        "most_confused": [
            {
                "missed": judged.hashtags[row["missed"]],
                "given": judged.hashtags[row["given"]],
                "posts": row["count"],
            }
            for row in confusions(judged.posts).head(MOST_CONFUSED).iter_rows(named=True)
        ],
    }
    columns = judged.posts.columns
    if judged.histograms is not None:
        roc, precision = roc_curves(judged.histograms), precision_recall_curves(judged.histograms)
        numbers["auc"] = {"micro": roc.micro_area, "macro": roc.macro_area}
        numbers["average_precision"] = {
            "micro": precision.micro_area,
            "macro": precision.macro_area,
        }
        numbers["calibration_error"] = reliability_of_all(judged.histograms).expected_error
    if "top_scores" in columns:
        numbers["calibration_error_first"] = first_reliability(judged).expected_error
    if "clean" in columns:
        numbers["ndcg@5_by_text_length"] = score_by_length(judged).to_dicts()
    if "created_at" in columns:
        by_month = score_by_month(judged)
        numbers["ndcg@5_by_month"] = [
            {**row, "group": row["group"].isoformat()} for row in by_month.to_dicts()
        ]
    return _without_nan(numbers)


def worst_table(judged: ScoredPredictions) -> Table:
    """Return the posts with the lowest NDCG@10 beside their suggestions."""
    worst = worst_posts(judged)
    text = next((name for name in ("text", "clean") if name in worst.columns), None)
    header = ["post", "NDCG@10", "true", "suggested", *(["text"] if text else [])]
    rows = [
        [
            for_markdown(str(post["id"])),
            f"{post['score']:.3f}",
            _tags(judged, post["labels"]),
            _tags(judged, post["top_labels"][:SUGGESTED]),
            *([for_markdown(" ".join(post[text].split()))] if text else []),
        ]
        for post in worst.iter_rows(named=True)
    ]
    return Table(f"The {len(rows)} worst posts, the surest mistakes first", header, rows)


def _tags(judged: ScoredPredictions, labels: Iterable[int]) -> str:
    return " ".join(f"#{for_markdown(judged.hashtags[label])}" for label in labels)


def _without_nan(value: Any) -> Any:
    """Return nested plain data with None in place of NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and np.isnan(value) else value
