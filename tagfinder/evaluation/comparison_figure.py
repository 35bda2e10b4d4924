"""The means of compared runs with both kinds of intervals, as a figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from tagfinder.evaluation.comparison import Comparison
from tagfinder.figures import COLOURS, figure

KINDS = {"samples": "systematic samples, Student's t", "bootstrap": "bootstrap over posts"}


def draw_intervals(comparison: Comparison, metric: str, title: str, folder: Path) -> str:
    """Draw each run's mean with its 95 % intervals, the best on top; return the figure's name."""
    runs = comparison.scores.filter(pl.col("metric") == metric).sort("mean")
    places = np.arange(runs.height)
    size = (8, 1.8 + 0.45 * runs.height)
    with figure(
        folder, "intervals", f"{title}\n{metric}, 95 % intervals", x=metric, size=size
    ) as axes:
        for number, (kind, label) in enumerate(KINDS.items()):
            mean, low, high = (
                runs[f"{kind}_{part}"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
                for part in ("mean", "low", "high")
            )
            beside = places + 0.16 * (0.5 - number)
            axes.hlines(beside, low, high, color=COLOURS[number], linewidth=2)
            for end in (low, high):
                axes.plot(end, beside, "|", color=COLOURS[number], markersize=9)
            axes.plot(mean, beside, "o", color=COLOURS[number], label=label)
        axes.set_yticks(places, runs["run"].to_list())
        axes.set_ylim(-0.6, runs.height - 0.4)
        axes.legend(fontsize=8)
    return "intervals"
