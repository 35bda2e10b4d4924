"""Scores as a table that fits a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table


def score_grid(scores: Mapping[str, Any]) -> Table:
    """Return one row for each metric, one column for each rank; what has no rank comes below.

    Args:
        scores: `metric@k` or a plain name -> number; other values are left out.
    """
    plain = {name: value for name, value in scores.items() if isinstance(value, int | float)}
    ranked = {name: name.rpartition("@")[::2] for name in plain if "@" in name}
    ks = sorted({int(k) for _, k in ranked.values()})
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("score")
    for k in ks:
        table.add_column(f"@{k}", justify="right")
    for metric in dict.fromkeys(metric for metric, _ in ranked.values()):
        table.add_row(metric, *(_cell(plain.get(f"{metric}@{k}")) for k in ks))
    table.add_section()
    for name, value in plain.items():
        if name not in ranked:
            table.add_row(name, _cell(value))
    return table


def print_scores(scores: Mapping[str, Any]) -> None:
    """Print scores, and those of inner mappings under their names."""
    console = Console()
    console.print(score_grid(scores))
    for name, inner in scores.items():
        if isinstance(inner, Mapping):
            console.print(name)
            console.print(score_grid(inner))


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
