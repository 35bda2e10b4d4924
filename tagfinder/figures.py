"""Figures as SVG and PNG, with one look, distinct colours, and fonts of every script."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontEntry, findfont, fontManager, get_font
from matplotlib.text import Text

from tagfinder.escaping import in_one_line
from tagfinder.files import atomic_path
from tagfinder.progress import say

DEFAULT = "DejaVu Sans"
# Fonts of the family Noto look alike and have one for nearly every script. matplotlib's own last
# resort draws boxes.
PREFERRED = "Noto Sans"
LAST_RESORT = "Last Resort"
# Okabe and Ito (2008): eight colours that people with any kind of colour vision can distinguish.
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

    Letters that the usual font lacks are drawn in installed fonts that have them; where there are
    none, one sentence says so.

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
        # Names of runs and corpora are no formulas, and may be long.
        axes.set_title(in_one_line(title).replace("$", r"\$"), wrap=True)
        axes.set(xlabel=x, ylabel=y)
        yield axes
        _choose_fonts(drawing)
        with warnings.catch_warnings():
            # One sentence of our own says it.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            for ending, metadata in ((".svg", {"Date": None}), (".png", {"Software": None})):
                with atomic_path(folder / f"{name}{ending}") as temporary:
                    drawing.savefig(temporary, dpi=120, metadata=metadata)


def _choose_fonts(drawing: Figure) -> None:
    """Give all texts of a drawing the fonts that have their letters."""
    texts = [text for text in drawing.findobj(Text) if isinstance(text, Text)]
    labels = [label for axes in drawing.axes for label in _tick_labels(axes)]
    everything = "".join({text.get_text() for text in [*texts, *labels]})
    families, missing = families_for(everything)
    if len(families) > 1:
        for text in [*texts, *labels]:
            text.set_fontfamily(families)
    if missing and missing not in _told:
        _told.add(missing)
        say(no_font(missing))


def _tick_labels(axes: Axes) -> list[Text]:
    return [*axes.get_xticklabels(), *axes.get_yticklabels()]


_told: set[str] = set()


def families_for(text: str) -> tuple[list[str], str]:
    """Return the font families that have the characters of a text.

    Args:
        text: all characters of the figure.

    Returns:
        The default family and further ones that are needed, in the order in which matplotlib is
        to look; and the characters that no installed font has, sorted.
    """
    families = [DEFAULT]
    missing = {ord(each) for each in text if not each.isspace() and each.isprintable()}
    missing -= _characters(findfont(DEFAULT))
    for font in _installed() if missing else ():
        found = missing & _characters(font.fname)
        if found and font.name not in families:
            families.append(font.name)
            missing -= found
        if not missing:
            break
    return families, "".join(map(chr, sorted(missing)))


def file_for(words: Iterable[str]) -> str | None:
    """Return the font file that has all characters of most words; null for the default one."""
    needed = [{ord(each) for each in word} for word in words]

    def covered(file: str) -> int:
        return sum(characters <= _characters(file) for characters in needed)

    default = findfont(DEFAULT)
    if covered(default) == len(needed):
        return None
    # The first one wins among equals.
    return max([default, *(font.fname for font in _installed())], key=covered)


def no_font(missing: str) -> str:
    """Return the sentence about characters that no installed font has."""
    shown = " ".join(missing[:5])
    return (
        f"no installed font has {len(missing):,} of the characters in the figures ({shown}): they "
        "are drawn as boxes; install a font that has them, such as one of Noto Sans"
    )


@cache
def _installed() -> list[FontEntry]:
    """Return the upright fonts of normal weight, the preferred ones first."""
    plain = [
        font
        for font in fontManager.ttflist
        if font.style == "normal"
        and font.weight in (400, "normal", "regular", "book")
        and not font.name.startswith(LAST_RESORT)
    ]
    return sorted(plain, key=lambda font: (not font.name.startswith(PREFERRED), font.name))


@cache
def _characters(file: str) -> frozenset[int]:
    try:
        return frozenset(get_font(file).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
