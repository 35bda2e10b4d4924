"""One post as the live recommender knows it."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Number of the author of a post whose author is unknown.
NO_AUTHOR = -1
HOURS_A_DAY = 24


@dataclass(frozen=True)
class Post:
    """One post as the live recommender knows it.

    Attributes:
        id: unique identifier in the place that the post comes from.
        day: when it was published, in days since 1970-01-01 UTC.
        author: who published it; None if unknown.
        text: cleaned, without hashtags and URLs.
        hashtags: as they were typed, without `#`, distinct regardless of case.
    """

    id: str
    day: float
    author: str | None
    text: str
    hashtags: tuple[str, ...]


def hour_of(day: float) -> int:
    """Return the number of the hour of a day since 1970."""
    return math.floor(day * HOURS_A_DAY)
