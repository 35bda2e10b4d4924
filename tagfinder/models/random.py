"""The report's Random: every post gets the hashtags in the order of their frequency."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from tagfinder.models.base import WholePartRecommender, as_scores


class RandomRecommender(WholePartRecommender):
    """Scores each hashtag by the share of training posts that have it (report, Table 3).

    Whatever a real recommender reaches, this is reached without reading the post.
    """

    def learn(self, inputs: Any, labels: csr_matrix) -> None:
        """Count."""
        frequencies = np.asarray(labels.mean(axis=0)).ravel()
        self.frequencies = as_scores(frequencies)

    def scores(self, inputs: Any) -> Tensor:
        """Return the same (L,) frequencies for each of the B inputs, as (B, L)."""
        return self.frequencies.repeat(len(inputs), 1)

    def learned(self) -> dict[str, Any]:
        """Return the frequencies."""
        return {"frequencies": self.frequencies}

    def restore(self, learned: dict[str, Any]) -> None:
        """Take over the frequencies."""
        self.frequencies = torch.as_tensor(learned["frequencies"])
