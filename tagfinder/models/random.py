"""The report's Random: every post gets the hashtags in the order of their frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tagfinder.models.base import WholePartRecommender, as_scores

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class RandomRecommender(WholePartRecommender):
    """Scores each hashtag by the share of training posts that have it (report, Table 3).

    The score that is reached without reading the post.
    """

    def learn(self, inputs: Any, labels: csr_matrix) -> None:
        """Count."""
        self.frequencies = as_scores(np.asarray(labels.mean(axis=0)).ravel())

    def score(self, inputs: Any) -> np.ndarray:
        """Return the same (L,) frequencies for each of the B inputs, as (B, L)."""
        return np.tile(self.frequencies, (len(inputs), 1))

    def learned(self) -> dict[str, Any]:
        """Return the frequencies."""
        return {"frequencies": self.frequencies}

    def restore(self, learned: dict[str, Any]) -> None:
        """Take over the frequencies."""
        self.frequencies = np.asarray(learned["frequencies"])
