"""Fonts for the letters that a figure shows: hashtags are written in every script."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from matplotlib.font_manager import FontEntry, findfont, fontManager, get_font

DEFAULT = "DejaVu Sans"
# Fonts of the family Noto look alike and have one for nearly every script. matplotlib's own last
# resort draws boxes.
PREFERRED = "Noto Sans"
LAST_RESORT = "Last Resort"


def families_for(text: str) -> tuple[list[str], str]:
    """Return the font families that have the characters of a text.

    Args:
        text: all that is to be drawn.

    Returns:
        The default family and those that are needed beside it, in the order in which matplotlib is
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
