"""Features of what the classifier of hashtags says."""

from __future__ import annotations

import numpy as np

from tagfinder.live.features.columns import Column
from tagfinder.live.features.context import CandidateContext
from tagfinder.live.features.limits import LEAST_LOG, NO_RANK

COLUMNS = (
    Column("classifier_log", "log-probability of the hashtag", "nats", LEAST_LOG, 0),
    Column("classifier_share", "probability of the hashtag", "probability", 0, 1),
    Column("classifier_place", "how many hashtags are more probable", "rank", 0, NO_RANK),
)
CLASSIFIER_LOG, CLASSIFIER_SHARE, CLASSIFIER_PLACE = range(len(COLUMNS))


def compute(context: CandidateContext) -> np.ndarray:
    """Return (C, 3) float32 values of `COLUMNS`."""
    logs = context.class_logs
    known = logs > LEAST_LOG
    table = np.zeros((len(logs), len(COLUMNS)), np.float32)
    table[:, CLASSIFIER_LOG] = logs
    table[known, CLASSIFIER_SHARE] = np.exp(logs[known])
    ascending = context.of_query.query.classified.ascending
    higher = len(ascending) - np.searchsorted(ascending, logs, "right")
    table[:, CLASSIFIER_PLACE] = np.where(known, higher, NO_RANK)
    return table
