"""Features of how often a hashtag occurs together with those that the post already has."""

from __future__ import annotations

import numpy as np

from tagfinder.live.features.columns import Column
from tagfinder.live.features.context import CandidateContext

COLUMNS = (
    Column("with_typed", "of the latest 16 posts with each typed hashtag, those with it", "posts"),
    Column("with_typed_share", "share of these posts, added over typed hashtags", "share"),
)
WITH_TYPED, WITH_TYPED_SHARE = range(len(COLUMNS))


def compute(context: CandidateContext) -> np.ndarray:
    """Return (C, F) float32 values of `COLUMNS`."""
    statistics, candidates = context.of_query.statistics, context.hashtags
    table = np.zeros((len(candidates), len(COLUMNS)), np.float32)
    for typed in context.of_query.query.typed:
        uses = statistics.latest_uses.values[typed]
        uses = uses[uses >= 0]
        hashtags, _ = statistics.hashtags_at(uses)
        table[:, WITH_TYPED] += (hashtags[None, :] == candidates[:, None]).sum(axis=1)
        table[:, WITH_TYPED_SHARE] += table[:, WITH_TYPED] / max(len(uses), 1)
    return table
