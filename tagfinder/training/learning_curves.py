"""The figure of loss and NDCG@5 by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tagfinder.figures import COLOURS, figure

LOSSES = {"train/loss": "training loss", "val/loss": "validation loss"}
SCORE = "val/ndcg@5"


def draw_learning_curves(epochs: Sequence[dict[str, Any]], folder: Path) -> None:
    """Write `learning_curves.svg` and `.png` into a folder.

    Args:
        epochs: of `History`; without losses nothing is drawn.
        folder: the run's folder of figures.
    """
    if not any(name in epoch for epoch in epochs for name in LOSSES):
        return
    with figure(folder, "learning_curves", "Learning curves", x="epoch", y="loss") as axes:
        score_axes = axes.twinx()
        score_axes.grid(visible=False)
        score_axes.set_ylabel("validation NDCG@5")
        for colour, (name, label) in zip(COLOURS, LOSSES.items(), strict=False):
            _draw(axes, epochs, name, label, color=colour)
        _draw(score_axes, epochs, SCORE, "validation NDCG@5", color=COLOURS[2], linestyle="--")
        handles = [line for part in (axes, score_axes) for line in part.get_lines()]
        axes.legend(handles=handles, loc="center right")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw(
    axes: Axes, epochs: Sequence[dict[str, Any]], name: str, label: str, **style: Any
) -> None:
    known = [(epoch["epoch"], epoch[name]) for epoch in epochs if name in epoch]
    if known:
        numbers, values = zip(*known, strict=True)
        axes.plot(numbers, values, marker=".", label=label, **style)
