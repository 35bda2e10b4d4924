"""Finds the posts whose vectors are nearest: an inverted file of faiss in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from tagfinder.errors import InputError
from tagfinder.live.search.text_index import Neighbours

CHECKSUM = b"CRC:"
LAST_NUMBER = 2**63 - 1
# Number of posts from which there are several cells. Whenever the posts have grown fourfold, they
# are put into twice as many cells, so that a search reads twice as many posts, not four times.
FIRST_CELLS = 4_096
GROWTH = 4
# The number of cells grows with the root of the number of posts; a search reads some of them.
CELLS_AT_FIRST = 128
SEARCHED_AT_FIRST = 32
SEARCHED = 64
# Posts per cell that the centres of the cells are fitted to.
FITTED_PER_CELL = 40


class VectorIndex:
    """Posts by their sentence vectors; similarity is the cosine.

    Vectors are stored in half precision, which changes cosines in the fourth digit, in an inverted
    file (Jégou et al., "Product quantization for nearest neighbor search", 2011, section IV).
    Adding a post costs a comparison with the centre of each cell, so a corpus is added in seconds.

    Args:
        dimension: of the vectors.

    Raises:
        InputError: the package is missing.
    """

    def __init__(self, dimension: int) -> None:
        self._faiss = _faiss()
        self._dimension = dimension
        self._index = self._with_cells(1, np.zeros((1, dimension), np.float32))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, numbers: np.ndarray, vectors: np.ndarray) -> None:
        """Add posts by (P,) numbers with (P, D) float32 vectors; searches find them at once."""
        if not len(numbers):
            return
        self._index.add_with_ids(_unit(vectors), numbers.astype(np.int64))
        cells = _cells_for(len(self))
        if cells > self._index.nlist:
            self._rearrange(cells)

    def delete(self, numbers: np.ndarray) -> None:
        """Delete posts; unknown numbers are ignored."""
        there = numbers[self.contains(numbers)].astype(np.int64)
        if len(there):
            self._index.remove_ids(self._faiss.IDSelectorArray(there))

    def contains(self, numbers: np.ndarray) -> np.ndarray:
        """Return (P,) bool, which posts are in the index."""
        return np.isin(numbers, self._numbers())

    def vectors_of(self, numbers: np.ndarray) -> np.ndarray:
        """Return (P, D) float32 vectors of posts, of length one; zeros for posts without."""
        vectors = np.zeros((len(numbers), self._dimension), np.float32)
        there = self.contains(numbers)
        if there.any():
            vectors[there] = self._index.reconstruct_batch(numbers[there].astype(np.int64))
        return vectors

    def search(self, vector: np.ndarray, k: int, since: int = 0) -> Neighbours:
        """Return the `k` posts nearest to a (D,) vector, cosines as scores.

        Args:
            vector: of a text.
            k: how many posts.
            since: only posts from this number on; if above 0, the search is exact.
        """
        if k <= 0:
            return Neighbours(np.empty(0, np.int64), np.empty(0, np.float32))
        asked = None
        if since > 0:
            asked = self._faiss.SearchParametersIVF(
                sel=self._faiss.IDSelectorRange(since, LAST_NUMBER), nprobe=self._index.nlist
            )
        cosines, numbers = self._index.search(_unit(vector[None]), k, params=asked)
        found = numbers[0] >= 0
        return Neighbours(numbers[0][found].astype(np.int64), cosines[0][found])

    def save(self, file: Path) -> None:
        """Write the index to a file, and after it a checksum."""
        self._faiss.write_index(self._index, str(file))
        checksum = crc32(file.read_bytes())
        with file.open("ab") as stream:
            stream.write(CHECKSUM + checksum.to_bytes(4, "little"))

    def load(self, file: Path) -> None:
        """Read the index that `save` wrote.

        Raises:
            InputError: the file has no such index, or is damaged.
        """
        content = file.read_bytes()
        body, mark, checksum = content[:-8], content[-8:-4], content[-4:]
        # A damaged end can lack the mark, too.
        if mark != CHECKSUM or crc32(body) != int.from_bytes(checksum, "little"):
            raise InputError(f"{file} is damaged")
        try:
            self._index = self._faiss.read_index(str(file))
        except RuntimeError as error:
            raise InputError(f"{file} has no readable vectors: {error}") from error

    def _numbers(self) -> np.ndarray:
        lists = self._index.invlists
        return np.concatenate([self._cell(lists, cell) for cell in range(self._index.nlist)])

    def _cell(self, lists: Any, cell: int) -> np.ndarray:
        size = lists.list_size(cell)
        if not size:
            return np.empty(0, np.int64)
        numbers: np.ndarray = self._faiss.rev_swig_ptr(lists.get_ids(cell), size).copy()
        return numbers

    def _rearrange(self, cells: int) -> None:
        """Move all posts to more cells."""
        numbers = self._numbers()
        vectors = self._index.reconstruct_batch(numbers)
        self._index = self._with_cells(cells, vectors)
        self._index.add_with_ids(vectors, numbers)

    def _with_cells(self, cells: int, vectors: np.ndarray) -> Any:
        """Return an empty index whose cells are fitted to some vectors."""
        faiss = self._faiss
        index = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatIP(self._dimension),
            self._dimension,
            cells,
            faiss.ScalarQuantizer.QT_fp16,
            faiss.METRIC_INNER_PRODUCT,
            False,
        )
        index.cp.min_points_per_centroid = 1
        index.cp.max_points_per_centroid = FITTED_PER_CELL
        index.cp.spherical = True
        index.train(vectors)
        # Find posts by number, to delete and rearrange them.
        index.set_direct_map_type(faiss.DirectMap.Hashtable)
        index.nprobe = SEARCHED_AT_FIRST if cells <= CELLS_AT_FIRST else SEARCHED
        return index


def as_stored(vectors: np.ndarray) -> np.ndarray:
    """Return (P, D) float32 vectors as `VectorIndex.vectors_of` does of an index that has them."""
    faiss = _faiss()
    kind, metric = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexScalarQuantizer(vectors.shape[1], kind, metric)
    stored: np.ndarray = index.sa_decode(index.sa_encode(_unit(vectors)))
    return stored


def _cells_for(n: int) -> int:
    cells, until = 1, FIRST_CELLS
    while n >= until:
        cells = CELLS_AT_FIRST if cells == 1 else 2 * cells
        until *= GROWTH
    return cells


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: np.ndarray = vectors / np.maximum(lengths, 1e-9)
    return unit


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise InputError("the source meaning needs faiss: pip install 'tagfinder[live]'") from error
    return faiss
