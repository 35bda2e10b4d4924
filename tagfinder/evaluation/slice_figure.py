"""The scores of slices as one figure."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from tagfinder.evaluation.slices import Slices
from tagfinder.figures import COLOURS, figure

SHOWN = {"ndcg@5": "NDCG@5", "hit_rate@5": "hit rate@5"}
MARKS = ("o", "D")


def draw_slices(slices: Slices, title: str, folder: Path) -> str:
    """Draw two scores of each slice with 95 % intervals; return the figure's name.

    Slices of hashtags score each use of a hashtag, the others each post.
    """
    order = slices.scores.select("dimension", "slice", "unit", "n").unique(maintain_order=True)
    places = _places(order["dimension"].to_list())
    size = (8.5, 1.6 + 0.24 * (places.max() + 1))
    with figure(folder, "slices", title, x="score, with 95 % interval", size=size) as axes:
        for number, (metric, label) in enumerate(SHOWN.items()):
            shown = slices.scores.filter(metric=pl.lit(metric))
            beside = places + 0.14 * (2 * number - 1)
            low, high = shown["low"].to_numpy(), shown["high"].to_numpy()
            axes.hlines(beside, low, high, color=COLOURS[number], linewidth=2)
            mean = shown["mean"].to_numpy()
            axes.plot(mean, beside, MARKS[number], color=COLOURS[number], markersize=5, label=label)
        names = [
            f"{name}  ({n:,} {'uses' if unit == 'hashtags' else unit})"
            for name, unit, n in order.select("slice", "unit", "n").iter_rows()
        ]
        axes.set_yticks(places, names, fontsize=8)
        for dimension in order["dimension"].unique(maintain_order=True).to_list()[1:]:
            first = places[order["dimension"].to_list().index(dimension)]
            axes.text(0.0, first - 0.75, f" {dimension}", fontsize=8.5, weight="bold", va="center")
        axes.set_xlim(0, 1)
        axes.set_ylim(places.max() + 0.7, -1.8)
        axes.legend(fontsize=8, ncols=2, loc="upper right", bbox_to_anchor=(1, 1))
    return "slices"


def _places(dimensions: list[str]) -> np.ndarray:
    """Return heights with room for a heading above each dimension but the first."""
    begins = [0] + [int(here != before) for before, here in pairwise(dimensions)]
    return np.arange(len(dimensions)) + np.cumsum(begins) * 1.1
