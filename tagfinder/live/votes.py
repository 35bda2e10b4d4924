"""What the neighbours of a post say of hashtags."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tagfinder.live.asking import Asker, Asking, cubes_of
from tagfinder.live.columns import fading
from tagfinder.live.compiled import compiled
from tagfinder.live.memory import NOBODY, PostColumns
from tagfinder.live.places import Places, place_of
from tagfinder.live.text_index import Neighbours

VOTE_NAMES = (
    *("sum", "cubes", "most", "posts", "first", "share"),
    *("lately", "this_month", "same_author", "like_authors"),
)
SUM, CUBES, MOST, POSTS, FIRST, SHARE, LATELY, THIS_MONTH, SAME_AUTHOR, LIKE_AUTHORS = range(
    len(VOTE_NAMES)
)
# What is asked of neighbours that are of one author, or of one time, anyway.
FEW_VOTES = VOTE_NAMES[:LATELY]
# Place of the first neighbour where no neighbour has a hashtag.
NO_NEIGHBOUR = 999


def votes(asking: Asking, found: Sequence[Neighbours], candidates: Places) -> np.ndarray:
    """Let groups of neighbours vote for hashtags, each group by itself.

    Args:
        asking: the post.
        found: G groups, each with its best neighbour first; scores are taken relative to its.
        candidates: where each of the C hashtags stands.

    Returns:
        (G, C, 10) float64, in the order of `VOTE_NAMES`: sums of similarities (plain and cubed),
        the largest, the number of neighbours, the place of the first, the share of all cubes; then
        sums of cubes fading in 2 and in 30 days, of the same author, and weighted by the authors'
        likeness. Zeros in a group without neighbours.
    """
    posts, asker = asking.memory.post_columns(), asking.asker
    tables = np.zeros((len(found), len(candidates[1]), len(VOTE_NAMES)))
    for table, group in zip(tables, found, strict=True):
        if len(group.numbers):
            _vote(table, candidates, (group.numbers, group.scores), posts, asker)
    return tables


@compiled
def _vote(
    table: np.ndarray,
    candidates: Places,
    group: tuple[np.ndarray, np.ndarray],
    posts: PostColumns,
    asker: Asker,
) -> None:
    numbers, scores = group
    days, authors, starts, hashtags = posts
    asking_author, now, likeness, _ = asker
    table[:, FIRST] = NO_NEIGHBOUR
    cubes = cubes_of(scores)
    for place in range(len(numbers)):
        number, score, cube = numbers[place], np.float64(scores[place]), cubes[place]
        lately = cube * fading(days[number], now, 2.0)
        this_month = cube * fading(days[number], now, 30.0)
        author = authors[number]
        same_author = cube if author == asking_author and author != NOBODY else 0.0
        like_authors = cube * likeness[author] if author != NOBODY else 0.0
        for start in range(starts[number], starts[number + 1]):
            candidate = place_of(hashtags[start], candidates)
            if candidate < 0:
                continue
            row = table[candidate]
            if row[POSTS] == 0:
                # Neighbours are sorted, so that a hashtag's first one is its most similar.
                row[MOST], row[FIRST] = score, place
            row[SUM] += score
            row[CUBES] += cube
            row[POSTS] += 1
            row[LATELY] += lately
            row[THIS_MONTH] += this_month
            row[SAME_AUTHOR] += same_author
            row[LIKE_AUTHORS] += like_authors
    table[:, SHARE] = table[:, CUBES] / cubes.sum()
