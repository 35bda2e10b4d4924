"""From a query to its candidates and the table of their features."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from tagfinder.live.compiled import compiled
from tagfinder.live.features import (
    association,
    author,
    classifier,
    hashtag,
    neighbours,
    spelling,
    typed,
    whole_query,
)
from tagfinder.live.features.author_context import QueryContext, author_context, author_history
from tagfinder.live.features.candidates import Trends, select_candidates
from tagfinder.live.features.columns import ColumnGroup
from tagfinder.live.features.context import CandidateContext, gather_context
from tagfinder.live.features.limits import LEAST_LOG
from tagfinder.live.features.neighbour_votes import CUBES, LIKE_AUTHORS
from tagfinder.live.features.query import Query

Source = Literal["words", "author", "meaning", "classifier", "trends", "spelling", "typed"]
SOURCES: tuple[Source, ...] = get_args(Source)
"""What can be left out: neighbours by words; the author and similar authors; neighbours by vectors;
the classifier of hashtags; what is used when; hashtags that the words spell; hashtags that occur
beside typed ones."""

GROUPS = (
    neighbours.group("by_words", "Neighbours by words", "words_", "words"),
    ColumnGroup("Words and hashtags", association.COLUMNS, "words", association.compute),
    neighbours.group("recent_by_words", "Recent neighbours by words", "lately_words_", "words"),
    neighbours.group("by_author", "Neighbours of the same author", "own_words_", "author"),
    neighbours.group("by_meaning", "Neighbours by vectors", "meaning_", "meaning"),
    neighbours.group(
        "recent_by_meaning", "Recent neighbours by vectors", "lately_meaning_", "meaning"
    ),
    ColumnGroup("Classifier", classifier.COLUMNS, "classifier", classifier.compute),
    ColumnGroup("Hashtag", hashtag.COLUMNS, "trends", hashtag.compute),
    ColumnGroup("Author", author.COLUMNS, "author", author.compute),
    ColumnGroup("Spelling", spelling.COLUMNS, "spelling", spelling.compute),
    ColumnGroup("Typed hashtags", typed.COLUMNS, "typed", typed.compute),
    ColumnGroup("Whole query", whole_query.COLUMNS, None, whole_query.compute),
)
# Added to ranks in the short list: smooths the difference between first and second candidates.
RANK_OFFSET = 3
# Uses in the last days, and uses by the author but for the shortest half-life.
USES_2_DAYS, OWN_LONGER = 1, slice(1, None)


@dataclass(frozen=True)
class Candidates:
    """The candidates of one post.

    Attributes:
        hashtags: (C,) int64 hashtag numbers, ascending.
        features: (C, F) float32, a column for each of `column_names`.
    """

    hashtags: np.ndarray
    features: np.ndarray


def groups_for(sources: Collection[str]) -> list[ColumnGroup]:
    """Return the groups of columns that some sources give, in order."""
    return [group for group in GROUPS if group.source is None or group.source in sources]


def column_names(sources: Collection[str]) -> list[str]:
    """Return the names of the feature table's columns, in order."""
    return [name for group in groups_for(sources) for name in group.names]


def candidate_features(
    trends: Trends, query: Query, sources: Collection[str], limit: int
) -> Candidates:
    """Select the candidates of a query and compute their features.

    Args:
        trends: what is used now.
        query: the post, with its neighbours.
        sources: which sources are used.
        limit: most candidates that are kept.
    """
    statistics = trends.statistics
    history = author_history(statistics, query.author)
    of_author = author_context(statistics, query, history, guess="author" in sources)
    last_year = trends.uses_last_year(query.day)
    of_query = QueryContext(statistics, query, of_author, history, last_year)
    found = [getattr(query, name) for name in neighbours.LISTS]
    voted, _ = statistics.hashtags_at(np.concatenate([each.numbers for each in found]))
    selected = select_candidates(trends, of_query, voted, sources)
    context = gather_context(of_query, selected, found)
    if len(context.hashtags) > limit:
        context = context.only(np.sort(_shortlist(_strengths(context))[:limit]))
    columns = [group.compute(context) for group in groups_for(sources)]
    return Candidates(context.hashtags, np.concatenate(columns, axis=1))


def _strengths(context: CandidateContext) -> np.ndarray:
    """Return (S, C) how strongly each source proposes candidates, 0 if it does not."""
    by_words = context.votes[neighbours.LISTS.index("by_words")]
    of_one_column = np.stack(
        [
            by_words[:, LIKE_AUTHORS],
            context.uses[:, USES_2_DAYS],
            context.spelled,
            context.class_logs - LEAST_LOG,
        ]
    )
    own_uses = context.own_uses[:, OWN_LONGER].T
    return np.concatenate([context.votes[:, :, CUBES], of_one_column, own_uses])


@compiled
def _shortlist(strengths: np.ndarray) -> np.ndarray:
    """Return (C,) positions of candidates, best first, by the sum of reciprocal ranks.

    Reciprocal rank fusion is that of Cormack et al. (2009).

    Args:
        strengths: (S, C), see `_strengths`.
    """
    total = np.zeros(strengths.shape[1])
    for of_source in strengths:
        # Most sources propose few.
        proposed = np.flatnonzero(of_source > 0)
        # Merge sort is the stable one.
        order = proposed[np.argsort(-of_source[proposed], kind="mergesort")]
        for rank in range(len(order)):
            total[order[rank]] += 1 / (RANK_OFFSET + rank)
    return np.argsort(-total, kind="mergesort")
