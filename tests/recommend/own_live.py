"""A recommender with an open vocabulary from outside the package, with its own ranking."""

from __future__ import annotations

from typing import Any

import numpy as np

from tagfinder.models.live import LiveRecommender


class Backwards(LiveRecommender):
    """Ranks as `LiveRecommender`, and suggests the worst of the best first."""

    def suggest(self, *arguments: Any, **keywords: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the suggestions in the opposite order."""
        hashtags, scores = super().suggest(*arguments, **keywords)
        return hashtags[::-1], scores[::-1]
