"""Bins for scores in [0, 1], fine towards both ends, exact on every device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_MANTISSA_BITS = 23
_HALF = 126 << _MANTISSA_BITS  # the bits of 0.5
_LOWEST = 55 << _MANTISSA_BITS  # the key of 2**-72: all scores below share the first bin
_ONE = 150 << _MANTISSA_BITS  # just above the key of 1 - 2**-24, the last float32 before 1
_FINEST = 9  # 2**9 bins for each halving of the score or of its distance to 1
_COARSEST = -5
_CELLS = 2**23


@dataclass(frozen=True)
class ScoreBins:
    """Bins of about even width in the logit of a score.

    Each halving of a score below 0.5, and of its distance to 1 above, is cut into `2**fineness`
    bins (fewer than one where `fineness` is negative). The bin comes from the score's bits alone,
    so equal scores share a bin and a higher score is never in a lower one. 1 has a bin for itself
    where `fineness` is not negative.

    Attributes:
        fineness: binary logarithm of the bins for each halving.
    """

    fineness: int

    @classmethod
    def for_labels(cls, n_labels: int) -> ScoreBins:
        """Return the finest bins that take at most about eight million cells for all labels.

        That is 48,641 bins for up to 172 labels, 6,081 for 1,000 and 49 for 100,000; with int64
        counts of two kinds 128 MiB at the most.
        """
        choices = [cls(fineness) for fineness in range(_FINEST, _COARSEST - 1, -1)]
        fitting = (bins for bins in choices if bins.n_bins * n_labels <= _CELLS)
        return next(fitting, choices[-1])

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return (_ONE >> self._shift) - (_LOWEST >> self._shift) + 1

    def of(self, scores: Tensor) -> Tensor:
        """Return the bin of each score, int64, for float32 scores of any shape (clipped to [0, 1]).

        Example:
            >>> ScoreBins(0).of(torch.tensor([0.0, 0.2, 0.3, 0.5, 0.6, 1.0])).tolist()
            [0, 69, 70, 71, 71, 95]
        """
        scores = scores.detach().float().clamp(0, 1)
        below = scores < 0.5
        bits = torch.where(below, scores, 1 - scores).view(torch.int32)
        keys = torch.where(below, bits, 2 * _HALF - bits).clamp(_LOWEST, _ONE)
        return (keys >> self._shift).long() - (_LOWEST >> self._shift)

    def edges(self) -> Tensor:
        """Return the lower edge of each bin as a score, (bins,) float32; the first is 0."""
        first = _LOWEST >> self._shift
        keys = (torch.arange(self.n_bins, dtype=torch.int64) + first) << self._shift
        below = keys < _HALF
        bits = torch.where(below, keys, (2 * _HALF - keys).clamp(min=0)).int()
        distances = bits.view(torch.float32)
        scores = torch.where(below, distances, 1 - distances)
        scores[0] = 0.0
        return scores

    @property
    def _shift(self) -> int:
        return _MANTISSA_BITS - self.fineness
