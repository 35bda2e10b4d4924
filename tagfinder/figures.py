"""Figures as SVG and PNG, with one look and colours that everybody can tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tagfinder.files import atomic_path

# Okabe and Ito (2008): eight colours that are told apart with any kind of colour vision.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
LOOK: dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "svg.hashsalt": "tagfinder",
    # Text stays text: files are a tenth as large, and can be searched.
    "svg.fonttype": "none",
    "figure.constrained_layout.use": True,
}


@contextmanager
def figure(
    folder: Path,
    name: str,
    title: str,
    *,
    x: str = "",
    y: str = "",
    size: tuple[float, float] = (8, 4.5),
) -> Iterator[Axes]:
    """Yield axes to draw on, then write `folder/name.svg` and `folder/name.png`.

    Args:
        folder: where to write.
        name: file name without its ending.
        title: what is seen.
        x: label of the horizontal axis, with its unit.
        y: label of the vertical axis, with its unit.
        size: width and height in inches.
    """
    with rc_context(LOOK):
        drawing = Figure(figsize=size)
        FigureCanvasAgg(drawing)
        axes = drawing.add_subplot()
        axes.set(title=title, xlabel=x, ylabel=y)
        yield axes
        for ending, metadata in ((".svg", {"Date": None}), (".png", {"Software": None})):
            with atomic_path(folder / f"{name}{ending}") as temporary:
                drawing.savefig(temporary, dpi=120, metadata=metadata)
