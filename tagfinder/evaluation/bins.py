"""Bins for scores in [0, 1], fine towards both ends, exact on every device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_OCTAVE = 1 << 23  # float32 numbers in each halving
_ONE_HALF = 126 * _OCTAVE  # the bits of 0.5
_MIDDLE = 107 * _OCTAVE  # the key of 2**-20, about a millionth
_UPPER = 137 * _OCTAVE  # the key of 1 - 2**-12
_TOP = 150 * _OCTAVE  # just above the key of 1 - 2**-24, the last float32 before 1
_TAIL_SHIFT = 5  # bins in the tails are 2**5 times as wide
_FINEST, _COARSEST = 10, -2
_CELLS = 5_000_000


@dataclass(frozen=True)
class ScoreBins:
    """Bins of about even width in the logit of a score.

    Each halving of a score below 0.5, and of its distance to 1 above, is cut into `2**fineness`
    bins (fewer than one where that is negative); below 2**-20 and above 1 - 2**-12 into a 32nd of
    that. The bin comes from the score's bits alone, so equal scores share a bin and a higher score
    is never in a lower one. 1 has a bin for itself.

    Attributes:
        fineness: binary logarithm of the bins for each halving.
    """

    fineness: int

    @classmethod
    def for_labels(cls, n_labels: int) -> ScoreBins:
        """Return the finest bins that take at most five million cells for all labels.

        That is 34,561 bins for up to 144 labels, 4,321 for 1,000 and 36 for 100,000; with int64
        counts of two kinds 80 MB at the most.
        """
        choices = [cls(fineness) for fineness in range(_FINEST, _COARSEST - 1, -1)]
        fitting = (bins for bins in choices if bins.n_bins * n_labels <= _CELLS)
        return next(fitting, choices[-1])

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return sum(_n_bins(*zone) for zone in self._zones) + 1

    def of(self, scores: Tensor) -> Tensor:
        """Return the bin of each score, int64, for float32 scores of any shape (clipped to [0, 1]).

        Example:
            >>> ScoreBins(0).of(torch.tensor([0.0, 0.2, 0.3, 0.5, 0.6, 1.0])).tolist()
            [0, 21, 22, 23, 23, 35]
        """
        keys = _keys(scores.detach().float().clamp(0, 1))
        bins = torch.zeros_like(keys)
        for start, end, shift in self._zones:
            inside = (keys.clamp(start, end) - start) >> shift
            bins += torch.where(keys < end, inside, _n_bins(start, end, shift))
        return bins.long()

    def edges(self) -> Tensor:
        """Return the lower edge of each bin as a score, (bins,) float32, ascending from 0 to 1."""
        keys = [torch.arange(start, end, 1 << shift) for start, end, shift in self._zones]
        return _scores(torch.cat([*keys, torch.tensor([_TOP])]))

    @property
    def _zones(self) -> tuple[tuple[int, int, int], ...]:
        """First key, end and binary logarithm of the bins' width, of tail, middle and tail."""
        shift = 23 - self.fineness
        tail = shift + _TAIL_SHIFT
        return (0, _MIDDLE, tail), (_MIDDLE, _UPPER, shift), (_UPPER, _TOP, tail)


def _n_bins(start: int, end: int, shift: int) -> int:
    return (end - start + (1 << shift) - 1) >> shift


def _keys(scores: Tensor) -> Tensor:
    """Return int32 keys in the order of the scores: bits below 0.5, mirrored bits above."""
    below = scores < 0.5
    bits = torch.where(below, scores, 1 - scores).view(torch.int32)
    return torch.where(below, bits, 2 * _ONE_HALF - bits)


def _scores(keys: Tensor) -> Tensor:
    below = keys < _ONE_HALF
    distances = torch.where(below, keys, 2 * _ONE_HALF - keys).int().view(torch.float32)
    return torch.where(below, distances, 1 - distances)
