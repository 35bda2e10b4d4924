"""The label set: which hashtags a closed recommender chooses from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from tagfinder.errors import InputError


@dataclass(frozen=True)
class Selection:
    """Which hashtags and which posts a corpus holds.

    Args:
        top_n: number of hashtags; the most frequent by number of posts.
        min_count: fewest posts that a hashtag needs.
        count_on: `all` counts on all posts (the report's way), `train` on the training part only.
        min_tokens_per_hashtag: posts with fewer tokens per hashtag are dropped; 0 keeps all.
        keep_uncovered: keep validation and test posts whose hashtags are all outside the label
            set, so that a score over every tagged post can be given.

    Raises:
        InputError: a value outside its range.
    """

    top_n: int = 50
    min_count: int = 1
    count_on: Literal["all", "train"] = "all"
    min_tokens_per_hashtag: float = 3
    keep_uncovered: bool = True

    def __post_init__(self) -> None:
        if self.top_n < 1:
            raise InputError(f"selection.top_n is {self.top_n}; a label set needs at least 1")
        if self.count_on not in ("all", "train"):
            raise InputError(f"selection.count_on is '{self.count_on}'; choose all or train")

    def choose(self, counts: Counter[str]) -> list[str]:
        """Return the chosen hashtags, the most frequent first, equal ones in alphabetic order."""
        frequent = [item for item in counts.items() if item[1] >= self.min_count]
        frequent.sort(key=lambda item: (-item[1], item[0]))
        return [hashtag for hashtag, _ in frequent[: self.top_n]]
