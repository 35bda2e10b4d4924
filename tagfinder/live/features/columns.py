"""How the columns of a feature table are declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tagfinder.live.features.context import CandidateContext


@dataclass(frozen=True)
class Column:
    """One column of a feature table.

    Attributes:
        name: unique within its group; saved rankers know their columns by name.
        meaning: what the number says about a candidate.
        unit: what is counted or measured.
        low: the lowest value.
        high: the highest value; infinite if there is no limit.
        optional: whether the value is NaN when the author of the post is unknown.
    """

    name: str
    meaning: str
    unit: str
    low: float = 0.0
    high: float = np.inf
    optional: bool = False


@dataclass(frozen=True)
class ColumnGroup:
    """Columns that are computed together.

    Attributes:
        title: heading of the group in the documentation.
        columns: the columns, in the order of the table.
        source: the source that the group is left out with; None if it always stays.
        compute: maps C candidates to their (C, F) values.
        prefix: precedes the names of the columns in the whole table.
    """

    title: str
    columns: tuple[Column, ...]
    source: str | None
    compute: Callable[[CandidateContext], np.ndarray]
    prefix: str = ""

    @property
    def names(self) -> list[str]:
        """Names of the columns in the whole table."""
        return [self.prefix + column.name for column in self.columns]
