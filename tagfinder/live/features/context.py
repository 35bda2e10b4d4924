"""The candidates of a query, with what several groups of features read of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tagfinder.live.compiled import compiled
from tagfinder.live.counts.names import lengths_of
from tagfinder.live.features.author_context import QueryContext
from tagfinder.live.features.limits import LEAST_LOG
from tagfinder.live.features.neighbour_votes import neighbour_votes
from tagfinder.live.features.query import Query
from tagfinder.live.index_map import IndexMap, build_index, scatter
from tagfinder.live.search.text_index import Neighbours


@dataclass(frozen=True)
class CandidateContext:
    """The C candidates of a query, with what several groups of features read of them.

    Attributes:
        of_query: what does not depend on the candidates.
        hashtags: (C,) int64 numbers, ascending.
        index: maps hashtag numbers to positions.
        votes: (L, C, V) float64 of each list of neighbours, see `neighbour_votes`.
        uses: (C, 5) float64 uses by all authors, decayed.
        own_rows: (C,) int64 rows of the author's counts, -1 for none.
        own_uses: (C, 3) float64 uses by the author, decayed.
        spelled: (C,) float32 how many words of the post spell each.
        class_logs: (C,) float32 log-probabilities by the classifier, at least `LEAST_LOG`.
    """

    of_query: QueryContext
    hashtags: np.ndarray
    index: IndexMap
    votes: np.ndarray
    uses: np.ndarray
    own_rows: np.ndarray
    own_uses: np.ndarray
    spelled: np.ndarray
    class_logs: np.ndarray

    def only(self, rows: np.ndarray) -> CandidateContext:
        """Return the same for some of the candidates."""
        return CandidateContext(
            of_query=self.of_query,
            hashtags=self.hashtags[rows],
            index=build_index(self.hashtags[rows]),
            votes=self.votes[:, rows],
            uses=self.uses[rows],
            own_rows=self.own_rows[rows],
            own_uses=self.own_uses[rows],
            spelled=self.spelled[rows],
            class_logs=self.class_logs[rows],
        )

    @cached_property
    def lengths(self) -> np.ndarray:
        """(C,) int64 lengths of the names in characters."""
        return lengths_of(self.of_query.statistics.hashtags.encoded(), self.hashtags)


def gather_context(
    of_query: QueryContext, hashtags: np.ndarray, neighbours: Sequence[Neighbours]
) -> CandidateContext:
    """Read what several groups of features need of candidates.

    Args:
        of_query: the query.
        hashtags: (C,) the candidates, ascending.
        neighbours: lists of neighbours.
    """
    statistics, query, history = of_query.statistics, of_query.query, of_query.history
    index, rows = build_index(hashtags), np.full(len(hashtags), -1)
    scatter(rows, index, history.used, history.rows)
    own_uses = np.zeros((len(hashtags), len(statistics.pair_uses.rates)))
    own_uses[rows >= 0] = statistics.pair_uses.read(rows[rows >= 0], query.day)
    return CandidateContext(
        of_query=of_query,
        hashtags=hashtags,
        index=index,
        votes=neighbour_votes(of_query, neighbours, index),
        uses=statistics.uses.read(hashtags, query.day),
        own_rows=rows,
        own_uses=own_uses,
        spelled=spelled_counts(index, query),
        class_logs=class_logs(hashtags, query),
    )


def spelled_counts(candidates: IndexMap, query: Query) -> np.ndarray:
    """Return (C,) float32 how many words of a post spell each candidate."""
    counts = np.zeros(len(candidates[1]), np.float32)
    if query.spelled:
        spelled = np.fromiter(query.spelled, np.int64, len(query.spelled))
        n_words = np.fromiter(query.spelled.values(), np.float32, len(query.spelled))
        scatter(counts, candidates, spelled, n_words)
    return counts


def class_logs(candidates: np.ndarray, query: Query) -> np.ndarray:
    """Return (C,) float32 log-probabilities of hashtags, `LEAST_LOG` if unknown."""
    logs = np.full(len(candidates), LEAST_LOG, np.float32)
    _merge_logs(logs, candidates, query.classified.labels, query.classified.logs)
    return logs


@compiled
def _merge_logs(
    row: np.ndarray, candidates: np.ndarray, labels: np.ndarray, logs: np.ndarray
) -> None:
    label = 0
    for position in range(len(candidates)):
        while label < len(labels) and labels[label] < candidates[position]:
            label += 1
        if label < len(labels) and labels[label] == candidates[position]:
            row[position] = max(logs[label], row[position])
