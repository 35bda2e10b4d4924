"""Votes of neighbours: posts similar to the query vote for their hashtags."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tagfinder.live.compiled import compiled
from tagfinder.live.counts.arrays import decay
from tagfinder.live.counts.statistics import PostColumns
from tagfinder.live.features.author_context import AuthorContext, QueryContext, neighbour_weights
from tagfinder.live.features.limits import NO_NEIGHBOUR
from tagfinder.live.index_map import IndexMap, lookup
from tagfinder.live.post import NO_AUTHOR
from tagfinder.live.search.text_index import Neighbours

(SUM, CUBES, MOST, POSTS, FIRST, SHARE, LATELY, THIS_MONTH, SAME_AUTHOR, LIKE_AUTHORS) = range(10)
N_VOTES = LIKE_AUTHORS + 1


def neighbour_votes(
    of_query: QueryContext, neighbours: Sequence[Neighbours], candidates: IndexMap
) -> np.ndarray:
    """Add up what each list of neighbours says of candidates.

    Args:
        of_query: the query.
        neighbours: L lists, each with its best neighbour first.
        candidates: maps the C hashtags to positions.

    Returns:
        (L, C, 10) float64, columns as in `neighbours.COLUMNS`; zeros for an empty list.
    """
    posts, author = of_query.statistics.post_columns(), of_query.author
    tables = np.zeros((len(neighbours), len(candidates[1]), N_VOTES))
    for table, found in zip(tables, neighbours, strict=True):
        if len(found.numbers):
            _vote(table, candidates, (found.numbers, found.scores), posts, author)
    return tables


@compiled
def _vote(
    table: np.ndarray,
    candidates: IndexMap,
    neighbours: tuple[np.ndarray, np.ndarray],
    posts: PostColumns,
    author_context: AuthorContext,
) -> None:
    numbers, scores = neighbours
    days, authors, starts, hashtags = posts
    query_author, now, similarity, _ = author_context
    table[:, FIRST] = NO_NEIGHBOUR
    weights = neighbour_weights(scores)
    for rank in range(len(numbers)):
        number, score, weight = numbers[rank], np.float64(scores[rank]), weights[rank]
        lately = weight * decay(days[number], now, 2.0)
        this_month = weight * decay(days[number], now, 30.0)
        author = authors[number]
        same_author = weight if author == query_author and author != NO_AUTHOR else 0.0
        like_authors = weight * similarity[author] if author != NO_AUTHOR else 0.0
        for start in range(starts[number], starts[number + 1]):
            position = lookup(hashtags[start], candidates)
            if position < 0:
                continue
            row = table[position]
            if row[POSTS] == 0:
                # Neighbours are sorted: the first one with a hashtag is the most similar.
                row[MOST], row[FIRST] = score, rank
            row[SUM] += score
            row[CUBES] += weight
            row[POSTS] += 1
            row[LATELY] += lately
            row[THIS_MONTH] += this_month
            row[SAME_AUTHOR] += same_author
            row[LIKE_AUTHORS] += like_authors
    table[:, SHARE] = table[:, CUBES] / weights.sum()
