"""Training, validation and test part: who may learn from what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from tagfinder.corpus.duplicates import (
    Sketches,
    comparable,
    group_exact_duplicates,
    group_near_duplicates,
    sketch,
)
from tagfinder.errors import InputError

TRAIN, VAL, TEST, LEFT_OUT = 0, 1, 2, -1
ORDERS = ("random", "temporal")
GROUPINGS = ("none", "exact", "minhash")


@dataclass(frozen=True)
class Split:
    """How a corpus is divided.

    Args:
        order: `random` (report, Table 1) or `temporal` (oldest posts train, newest test).
        group: how near-duplicates are found: `none`, `exact` (equal after links, mentions,
            hashtags, digits and punctuation are out) or `minhash` (also with small changes).
        train: share of the posts to train on.
        val: share of the posts to choose settings on; the rest is the test part.
        similarity: estimated Jaccard similarity from which `minhash` calls two texts duplicates.
        seed: decides a random order.

    Raises:
        InputError: an unknown name or impossible shares.
    """

    order: Literal["random", "temporal"] = "random"
    group: Literal["none", "exact", "minhash"] = "none"
    train: float = 0.5
    val: float = 0.3
    similarity: float = 0.75
    seed: int = 1

    def __post_init__(self) -> None:
        for key, value, known in (("order", self.order, ORDERS), ("group", self.group, GROUPINGS)):
            if value not in known:
                raise InputError(f"split.{key} is '{value}'; choose one of {', '.join(known)}")
        if not (self.train > 0 and self.val > 0 and self.train + self.val < 1):
            raise InputError(
                f"split.train={self.train} and split.val={self.val} leave no test part; "
                "both must be above 0 and their sum below 1"
            )

    def keys(self, texts: pl.Series) -> Sketches | np.ndarray | None:
        """Return what has to be kept of a batch of texts to find duplicates at the end."""
        if self.group == "minhash":
            return sketch(texts)
        if self.group == "exact":
            return comparable(texts).hash(seed=1).to_numpy()
        return None

    def groups(self, keys: list[Sketches] | list[np.ndarray] | list[None], n: int) -> np.ndarray:
        """Return for each of n posts the position of the first post of its group, (n,) int64."""
        if self.group == "minhash":
            return group_near_duplicates(Sketches.join(keys), self.similarity)  # type: ignore[arg-type]
        if self.group == "exact":
            return group_exact_duplicates(np.concatenate(keys))  # type: ignore[arg-type]
        return np.arange(n)

    def assign(self, times: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Divide the posts.

        Args:
            times: (N,) int64 microseconds since 1970; looked at in temporal order only.
            groups: (N,) int64 near-duplicate groups.

        Returns:
            (N,) int8: TRAIN, VAL, TEST or LEFT_OUT. No group is in two parts. In temporal order a
            post is left out if a later part has a near-duplicate of it.
        """
        if self.order == "random":
            return _assign_random(groups, self.train, self.val, self.seed)
        return _without_earlier_copies(_assign_temporal(times, self.train, self.val), groups)


def _assign_random(groups: np.ndarray, train: float, val: float, seed: int) -> np.ndarray:
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    before = np.empty(len(sizes))
    before[order] = np.cumsum(sizes[order]) - sizes[order]
    part = np.full(len(sizes), TEST, dtype=np.int8)
    part[before < (train + val) * len(groups)] = VAL
    part[before < train * len(groups)] = TRAIN
    return part[group]


def _assign_temporal(times: np.ndarray, train: float, val: float) -> np.ndarray:
    ordered = np.sort(times)
    n = len(times)
    parts = np.full(n, TEST, dtype=np.int8)
    # A time that stands on both sides of a cut goes to the later part as a whole.
    parts[times < ordered[min(round((train + val) * n), n - 1)]] = VAL
    parts[times < ordered[min(round(train * n), n - 1)]] = TRAIN
    return parts


def _without_earlier_copies(parts: np.ndarray, groups: np.ndarray) -> np.ndarray:
    latest = np.zeros(len(parts), dtype=np.int8)
    np.maximum.at(latest, groups, parts)
    return np.where(parts == latest[groups], parts, LEFT_OUT).astype(np.int8)
