"""Features of the neighbours of a post: which lists there are, and what their votes mean."""

from __future__ import annotations

import numpy as np

from tagfinder.live.features.columns import Column, ColumnGroup
from tagfinder.live.features.context import CandidateContext
from tagfinder.live.features.limits import NO_NEIGHBOUR
from tagfinder.live.features.neighbour_votes import LATELY, N_VOTES

# Cosines may be negative, and so may what is computed from them.
SIGNED = (-np.inf, np.inf)
COLUMNS = (
    Column("sum", "sum of the scores of the neighbours with the hashtag", "score", *SIGNED),
    Column("cubes", "sum of their weights, (score / highest score) cubed", "weight", *SIGNED),
    Column("most", "the highest score", "score", *SIGNED),
    Column("posts", "number of these neighbours", "posts"),
    Column("first", f"rank of the first of them; {NO_NEIGHBOUR} for none", "rank", 0, NO_NEIGHBOUR),
    Column("share", "their share of all weights", "share", *SIGNED),
    Column("lately", "weights, decayed with a half-life of 2 days", "weight", *SIGNED),
    Column("this_month", "weights, decayed with a half-life of 30 days", "weight", *SIGNED),
    Column("same_author", "weights of the posts of the same author", "weight", *SIGNED),
    Column(
        "like_authors",
        "weights, each times the similarity of its author to the author",
        "weight",
        *SIGNED,
    ),
)
# Enough for neighbours that are all of one author, or all recent.
FEW_COLUMNS = COLUMNS[:LATELY]
assert len(COLUMNS) == N_VOTES

# Attributes of `Query` that hold neighbours; votes are in this order.
LISTS = ("by_words", "by_author", "by_meaning", "recent_by_words", "recent_by_meaning")


def group(name: str, title: str, prefix: str, source: str) -> ColumnGroup:
    """Return the group of columns of one list of neighbours.

    Args:
        name: of `LISTS`.
        title: heading in the documentation.
        prefix: of the columns' names.
        source: the source that the list is left out with.
    """
    number = LISTS.index(name)
    columns = COLUMNS if name in ("by_words", "by_meaning") else FEW_COLUMNS

    def compute(context: CandidateContext) -> np.ndarray:
        votes: np.ndarray = context.votes[number, :, : len(columns)]
        return votes

    return ColumnGroup(title, columns, source, compute, prefix)
