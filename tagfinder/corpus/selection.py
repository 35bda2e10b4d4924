"""The label set: which hashtags a closed recommender chooses from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from tagfinder.configuration.types import NonNegativeFloat, NonNegativeInt, PositiveInt
from tagfinder.corpus.hashtag_filter import HashtagFilter, hashtag_filter
from tagfinder.errors import InputError


@dataclass(frozen=True)
class Selection:
    """Which hashtags and which posts a corpus holds.

    Args:
        top_n: number of hashtags; the most frequent by number of posts. None takes every hashtag
            of the corpus: a numbering for recommenders with an open vocabulary.
        min_count: fewest posts that a hashtag needs.
        count_on: `all` counts on all posts (the report's way), `train` on the training part only.
        min_tokens_per_hashtag: posts with fewer tokens per hashtag are dropped; 0 keeps all.
        keep_uncovered: keep validation and test posts whose hashtags are all outside the label
            set, so that a score over every tagged post can be given.
        keep_empty: keep posts of which cleaning leaves nothing; their author may still be known.
        deny: file of hashtags that are never in the label set, one a line.
        allow: file of the only hashtags that can be in it, one a line.

    Raises:
        InputError: a value outside its range, or a file that cannot be read.
    """

    top_n: PositiveInt | None = 50
    min_count: NonNegativeInt = 1
    count_on: Literal["all", "train"] = "all"
    min_tokens_per_hashtag: NonNegativeFloat = 3
    keep_uncovered: bool = True
    keep_empty: bool = False
    deny: str | None = None
    allow: str | None = None

    def __post_init__(self) -> None:
        if self.top_n is not None and self.top_n < 1:
            raise InputError(f"selection.top_n is {self.top_n}; a label set needs at least 1")
        if self.count_on not in ("all", "train"):
            raise InputError(f"selection.count_on is '{self.count_on}'; choose all or train")

    @cached_property
    def permitted(self) -> HashtagFilter:
        """Which hashtags can be in the label set."""
        return hashtag_filter(self.deny, self.allow)

    def choose(self, counts: Counter[str], known: Iterable[str] = ()) -> list[str]:
        """Return the chosen hashtags, the most frequent first, equal ones in alphabetic order.

        Args:
            counts: hashtag -> number of posts, where `count_on` says.
            known: every hashtag of the corpus; without `top_n` the ones that were not counted
                follow the others.
        """
        frequent = [item for item in counts.items() if item[1] >= self.min_count]
        frequent.sort(key=lambda item: (-item[1], item[0]))
        chosen = self._permitted([hashtag for hashtag, _ in frequent])
        if self.top_n is not None:
            return chosen[: self.top_n]
        return chosen + self._permitted(sorted(set(known) - set(counts)))

    def _permitted(self, hashtags: list[str]) -> list[str]:
        if not self.permitted:
            return hashtags
        admitted = self.permitted.admit(hashtags)
        return [hashtag for hashtag, fits in zip(hashtags, admitted, strict=True) if fits]
