"""Training, validation and test part: who may learn from what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from tagfinder.configuration.types import Seed, Share
from tagfinder.corpus.duplicates import (
    SketchFiles,
    comparable,
    group_exact_duplicates,
    group_near_duplicates,
    sketch,
)
from tagfinder.corpus.schema import in_utc
from tagfinder.errors import InputError

TRAIN, VAL, TEST = 0, 1, 2
# In no part: a later part has a copy of the post, or it is too new for any.
LEFT_OUT, TOO_NEW = -1, -2
ORDERS = ("random", "temporal")
HASHES = "hashes"
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
        keep_copies: in temporal order, leave every post in the part that its time puts it in;
            near-duplicates are grouped all the same.
        val_from: where the validation part begins, ISO date or time (UTC where it says no zone)
            instead of a share; temporal order only, as the two below.
        test_from: where the test part begins; without `val_from` the posts before are divided as
            `train` and `val` are to each other.
        test_until: where the test part ends; newer posts are in no part.

    Raises:
        InputError: an unknown name, impossible shares or dates.
    """

    order: Literal["random", "temporal"] = "random"
    group: Literal["none", "exact", "minhash"] = "none"
    train: float = 0.5
    val: float = 0.3
    similarity: Share = 0.75
    seed: Seed = 1
    keep_copies: bool = False
    val_from: str | None = None
    test_from: str | None = None
    test_until: str | None = None

    def __post_init__(self) -> None:
        for key, value, known in (("order", self.order, ORDERS), ("group", self.group, GROUPINGS)):
            if value not in known:
                raise InputError(f"split.{key} is '{value}'; choose one of {', '.join(known)}")
        if not (self.train > 0 and self.val > 0 and self.train + self.val < 1):
            raise InputError(
                f"split.train={self.train} and split.val={self.val} leave no test part; "
                "both must be above 0 and their sum below 1"
            )
        self._check_dates()

    def _check_dates(self) -> None:
        keys = ("val_from", "test_from", "test_until")
        given = [(key, _moment(key, value)) for key in keys if (value := getattr(self, key))]
        if given and self.order == "random":
            raise InputError(f"split.{given[0][0]} needs split.order=temporal")
        for (key, earlier), (next_key, later) in pairwise(given):
            if earlier >= later:
                raise InputError(f"split.{key} is not before split.{next_key}")

    def keys(self, texts: pl.Series) -> dict[str, np.ndarray]:
        """Return the keys of a batch of texts for finding duplicates, as named arrays."""
        if self.group == "minhash":
            return sketch(texts).arrays()
        if self.group == "exact":
            return {HASHES: comparable(texts).hash(seed=1).to_numpy()}
        return {}

    def groups(self, folders: Sequence[Path], n: int) -> np.ndarray:
        """Find near-duplicates over all partitions.

        Args:
            folders: of the partitions, each with the arrays of `keys` as `NAME.npy`.
            n: number of posts in all of them.

        Returns:
            (N,) int64, for each post the position of the first post of its group.
        """
        if self.group == "minhash":
            return group_near_duplicates(SketchFiles(folders), self.similarity)
        if self.group == "exact":
            hashes = [np.load(folder / f"{HASHES}.npy") for folder in folders]
            return group_exact_duplicates(np.concatenate(hashes))
        return np.arange(n)

    def assign(self, times: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Divide the posts.

        Args:
            times: (N,) int64 microseconds since 1970; looked at in temporal order only.
            groups: (N,) int64 near-duplicate groups.

        Returns:
            (N,) int8: TRAIN, VAL, TEST, LEFT_OUT or TOO_NEW. No group is in two parts, unless
            copies are kept. In temporal order a post is left out if a later part has a
            near-duplicate of it, and too new from `test_until` on.
        """
        if self.order == "random":
            return _assign_random(groups, self.train, self.val, self.seed)
        parts = self._assign_temporal(times)
        return parts if self.keep_copies else _without_earlier_copies(parts, groups)

    def _assign_temporal(self, times: np.ndarray) -> np.ndarray:
        ordered = np.sort(times)
        last = len(times) - 1
        if self.test_from:
            test_from = _moment("test_from", self.test_from)
            n = int(np.searchsorted(ordered, test_from))
            n_train = round(self.train / (self.train + self.val) * n)
        else:
            test_from = ordered[min(round((self.train + self.val) * len(times)), last)]
            n_train = round(self.train * len(times))
        if self.val_from:
            val_from = _moment("val_from", self.val_from)
        else:
            val_from = ordered[min(n_train, last)]
        parts = np.full(len(times), TEST, dtype=np.int8)
        # Posts of the same time as a cut all belong to the later part.
        parts[times < test_from] = VAL
        parts[times < min(val_from, test_from)] = TRAIN
        if self.test_until:
            parts[times >= _moment("test_until", self.test_until)] = TOO_NEW
        return parts


def _moment(key: str, text: str) -> int:
    """Return an ISO date or time in microseconds since 1970."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise InputError(f"split.{key} is '{text}'; expected a date, as in 2021-07-12") from error
    moment = in_utc(moment)
    return round(moment.timestamp() * 1e6)


def _assign_random(groups: np.ndarray, train: float, val: float, seed: int) -> np.ndarray:
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    before = np.empty(len(sizes))
    before[order] = np.cumsum(sizes[order]) - sizes[order]
    part = np.full(len(sizes), TEST, dtype=np.int8)
    part[before < (train + val) * len(groups)] = VAL
    part[before < train * len(groups)] = TRAIN
    return part[group]


def _without_earlier_copies(parts: np.ndarray, groups: np.ndarray) -> np.ndarray:
    latest = np.full(len(parts), TOO_NEW, dtype=np.int8)
    np.maximum.at(latest, groups, parts)
    kept = (parts == latest[groups]) | (parts == TOO_NEW)
    return np.where(kept, parts, LEFT_OUT).astype(np.int8)
