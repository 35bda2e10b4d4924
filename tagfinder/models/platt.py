"""Margins as probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PlattScaling:
    """One straight line for the margins of all hashtags; its sigmoid is a probability.

    A line that rises keeps every order, within a post and between posts (Platt 1999,
    "Probabilistic outputs for support vector machines").

    Attributes:
        slope: log-odds for each unit of margin, above 0.
        offset: log-odds at a margin of 0.
    """

    slope: float = 1.0
    offset: float = 0.0

    @classmethod
    def fitted(cls, margins: np.ndarray, truth: np.ndarray) -> PlattScaling:
        """Fit slope and offset by maximum likelihood.

        Args:
            margins: of posts that were not learned from, any shape.
            truth: bool, of the same shape.

        Returns:
            The scaling, or the one that changes nothing if the truth is all one thing or
            speaks against the margins: there is too little to learn from.
        """
        finite = np.isfinite(margins)
        if len(np.unique(truth[finite])) < 2:
            return cls()
        from sklearn.linear_model import LogisticRegression

        line = LogisticRegression(C=np.inf).fit(margins[finite][:, None], truth[finite])
        slope, offset = float(line.coef_[0, 0]), float(line.intercept_[0])
        return cls(slope, offset) if slope > 0 else cls()

    def apply(self, margins: np.ndarray) -> np.ndarray:
        """Return log-odds of the same shape."""
        return self.slope * margins + self.offset
