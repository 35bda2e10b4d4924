"""The positions of a batch's texts end to end, without padding, for networks of convolutions.

A matrix with one row for each real position of each text replaces (B, C, T). Nothing is computed on
padding, a mean over rows is one over real positions, and a text's result does not depend on its
batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Packing:
    """Which row belongs to which position of which text; texts lie one after the other.

    Attributes:
        lengths: (B,) int64 positions of each text, at least 1.
        width: number of positions that no text has more of.
        texts: (N,) int64 text of each row.
        positions: (N,) int64 place of each row in its text.
    """

    lengths: Tensor
    width: int
    texts: Tensor
    positions: Tensor

    @classmethod
    def of(cls, lengths: Tensor, width: int) -> Packing:
        """Return the packing of texts of these lengths, none above `width`."""
        real = torch.arange(width, device=lengths.device) < lengths[:, None]
        texts, positions = real.nonzero().unbind(1)
        return cls(lengths, width, texts, positions)

    def halved(self) -> Packing:
        """Return the packing after a layer of stride 2."""
        return Packing.of((self.lengths + 1) // 2, (self.width + 1) // 2)

    def windows(self, size: int, after: Packing | None = None) -> Tensor:
        """Return the rows around each row of the next layer.

        Args:
            size: rows in a window, an odd number.
            after: the packing of the next layer if that has stride 2.

        Returns:
            (N', size) int64 row numbers; N, one behind the last, where the text has no row.
        """
        stride, rows = (1, self) if after is None else (2, after)
        offsets = torch.arange(size, device=self.lengths.device) - size // 2
        positions = rows.positions[:, None] * stride + offsets
        inside = (positions >= 0) & (positions < self.lengths[rows.texts, None])
        return torch.where(inside, positions + self._starts[rows.texts, None], self.lengths.sum())

    def means(self, rows: Tensor) -> Tensor:
        """Return (B, C) means over the (N, C) rows of each text."""
        columns = torch.arange(self.width, device=rows.device)
        inside = columns < self.lengths[:, None]
        grid = torch.where(inside, columns + self._starts[:, None], self.lengths.sum())
        return gathered(rows, grid).sum(dim=1) / self.lengths[:, None].to(rows.dtype)

    @property
    def _starts(self) -> Tensor:
        return self.lengths.cumsum(0) - self.lengths


def gathered(rows: Tensor, numbers: Tensor) -> Tensor:
    """Return (..., C) rows of (N, C) by number; row N is one of zeros."""
    # An embedding's gradient is several times faster on CPUs than that of indexing.
    return functional.embedding(numbers, functional.pad(rows, (0, 0, 0, 1)))
