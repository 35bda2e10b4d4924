"""Recommenders with an open vocabulary from outside the package, with their own ranking."""

from __future__ import annotations

from typing import Any

import numpy as np

from tagfinder.models.live import LiveRecommender
from tagfinder.training.live import LiveModule


class Backwards(LiveRecommender):
    """Ranks as `LiveRecommender`, and suggests the worst of the best first."""

    def suggest(self, *arguments: Any, **keywords: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the suggestions in the opposite order."""
        hashtags, scores = super().suggest(*arguments, **keywords)
        return hashtags[::-1], scores[::-1]


class Delegating:
    """No subclass of `LiveRecommender`: holds one, and is trained by a module of its own."""

    open_vocabulary = True
    training_module = f"{__name__}.DelegatingModule"

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        self.inner = Backwards(*arguments, **keywords)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class DelegatingModule(LiveModule):
    """Trains what a `Delegating` holds."""

    def __init__(self, recommender: Delegating) -> None:
        super().__init__(recommender.inner)
