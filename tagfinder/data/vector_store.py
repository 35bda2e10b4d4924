"""Vectors of texts on disk: each text is encoded once for all corpora, parts and runs.

A folder holds shards, each a folder of its own with the texts' digests and their vectors. A shard
is published complete and never changed. So a stopped pass continues after its last shard, and
processes may fill the same folder at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from tagfinder.files import healed_folder, is_whole

# Texts in a shard: minutes of encoding, which is what a crash can cost.
SHARD = 32_768
KEYS, VECTORS = "keys.npy", "vectors.npy"

Compute = Callable[[pl.Series, Path], None]
"""Writes the (T, D) vectors of T texts as an .npy file."""


class StoredVectors:
    """(N, D) vectors of texts, read from the shards they lie in.

    Args:
        shards: the vectors of each shard, memory-mapped; an attribute as well.
        shard_of: (N,) which shard has a text's vector.
        place_of: (N,) where in it.
        empty: (0, D) of the vectors' dtype.
    """

    def __init__(
        self,
        shards: list[np.ndarray],
        shard_of: np.ndarray,
        place_of: np.ndarray,
        empty: np.ndarray,
    ) -> None:
        self.shards = shards
        self._shard_of = shard_of
        self._place_of = place_of
        self.shape = (len(shard_of), empty.shape[1])
        self.dtype = empty.dtype

    def __len__(self) -> int:
        return len(self._shard_of)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """Return the (R, D) vectors of some texts."""
        shard_of, place_of = self._shard_of[rows], self._place_of[rows]
        vectors = np.empty((len(shard_of), self.shape[1]), self.dtype)
        for shard in np.unique(shard_of):
            inside = shard_of == shard
            vectors[inside] = self.shards[shard][place_of[inside]]
        return vectors


def stored_vectors(
    folder: Path, texts: pl.Series, compute: Compute, empty: np.ndarray
) -> StoredVectors:
    """Return the vectors of texts; the ones that no shard of a folder has are computed and added.

    Args:
        folder: of one encoder; made if it is missing. A damaged shard is made again.
        texts: N texts.
        compute: encodes the ones that are missing, each once.
        empty: (0, D) of the vectors' dtype.
    """
    keys = keys_of(texts)
    shards: list[np.ndarray] = []
    shard_of = np.full(len(keys), -1, dtype=np.int32)
    place_of = np.zeros(len(keys), dtype=np.int32)

    def look_into(shard: Path) -> None:
        missing = np.flatnonzero(shard_of < 0)
        places = places_in(np.load(shard / KEYS), keys[missing])
        found = missing[places >= 0]
        if len(found):
            shard_of[found], place_of[found] = len(shards), places[places >= 0]
            shards.append(np.load(shard / VECTORS, mmap_mode="r"))

    for shard in sorted(folder.glob("[!.]*")):
        if is_whole(shard):
            look_into(shard)
    missing = np.flatnonzero(shard_of < 0)
    _, first = np.unique(keys[missing], axis=0, return_index=True)
    new = missing[np.sort(first)]
    for start in range(0, len(new), SHARD):
        rows = new[start : start + SHARD]
        shard = folder / hashlib.sha256(keys[rows].tobytes()).hexdigest()[:16]
        with healed_folder(shard) as temporary:
            np.save(temporary / KEYS, keys[rows])
            compute(texts.gather(rows), temporary / VECTORS)
        look_into(shard)
    return StoredVectors(shards, shard_of, place_of, empty)


def keys_of(texts: pl.Series) -> np.ndarray:
    """Return (N, 2) uint64 digests of texts."""
    digests = (hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts)
    return np.frombuffer(b"".join(digests), dtype="<u8").reshape(-1, 2)


def places_in(there: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the (N,) int64 positions of wanted digests among the stored ones, -1 if missing.

    Args:
        there: (M, 2) uint64, M > 0.
        wanted: (N, 2) uint64.
    """
    order = np.argsort(there[:, 0], kind="stable")
    places = np.searchsorted(there[:, 0], wanted[:, 0], sorter=order)
    places = order[np.minimum(places, len(there) - 1)]
    return np.where((there[places] == wanted).all(axis=1), places, -1)
