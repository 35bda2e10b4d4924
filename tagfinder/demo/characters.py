"""How many characters of a post are left, counted as X counts them."""

from __future__ import annotations

import re

LIMIT = 280
# X shortens every address to that many characters.
ADDRESS = re.compile(r"https?://\S+")
ADDRESS_LENGTH = 23
# Code points that count once; all others (CJK, emoji ...) count twice.
SINGLE = (range(0x1100), range(0x2000, 0x200E), range(0x2010, 0x2020), range(0x2032, 0x2038))


def characters_left(text: str) -> int:
    """Return how many characters may still be added; negative where a post is too long."""
    rest, addresses = ADDRESS.subn("", text)
    weighted = sum(1 if any(ord(c) in r for r in SINGLE) else 2 for c in rest)
    return LIMIT - weighted - addresses * ADDRESS_LENGTH
