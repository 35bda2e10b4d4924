"""Features of the query itself, which are the same for all of its candidates."""

from __future__ import annotations

import numpy as np

from tagfinder.live.features.columns import Column
from tagfinder.live.features.context import CandidateContext
from tagfinder.live.search.text_index import Neighbours

COLUMNS = (
    Column("n_words", "words of the post", "words"),
    Column("hour", "time of day, UTC", "hours", 0, 24),
    Column("n_candidates", "candidates of the post", "candidates", 1),
    Column("best_by_words", "score of the nearest post by words", "BM25"),
    Column("best_by_meaning", "cosine of the nearest post by vectors", "cosine", -1, 1.01),
)
N_WORDS, HOUR, N_CANDIDATES, BEST_BY_WORDS, BEST_BY_MEANING = range(len(COLUMNS))


def compute(context: CandidateContext) -> np.ndarray:
    """Return (C, F) float32 values of `COLUMNS`."""
    query, n_candidates = context.of_query.query, len(context.hashtags)
    row = np.empty(len(COLUMNS), np.float32)
    row[N_WORDS] = len(query.words)
    row[HOUR] = query.day % 1 * 24
    row[N_CANDIDATES] = n_candidates
    row[BEST_BY_WORDS] = _best(query.by_words)
    row[BEST_BY_MEANING] = _best(query.by_meaning)
    return np.broadcast_to(row, (n_candidates, len(row)))


def _best(found: Neighbours) -> float:
    return float(found.scores[0]) if len(found.scores) else 0.0
