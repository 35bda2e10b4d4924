"""TF-IDF of word n-grams, equal to scikit-learn's and without its import of seconds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tagfinder.models.ngrams import WORD
from tagfinder.models.sparse_rows import SparseRows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def inverse_document_frequencies(counts: csr_matrix) -> np.ndarray:
    """Return (F,) float32 `log((1 + N) / (1 + n)) + 1`, n of the N texts having the n-gram."""
    with_ngram = np.bincount(counts.indices, minlength=counts.shape[1]).astype(np.float32)
    frequencies = np.float32(1 + counts.shape[0]) / (with_ngram + np.float32(1))
    logarithms: np.ndarray = np.log(frequencies) + np.float32(1)
    return logarithms


class NgramWeights:
    """Texts as TF-IDF vectors of unit length over a fixed vocabulary of word n-grams.

    Args:
        vocabulary: the F n-grams, by their column.
        idf: (F,) float32 inverse document frequencies.
        ngram_range: shortest and longest n-gram, in words.
        sublinear: weigh a repeated n-gram by 1 + log of its count instead of the count.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        idf: np.ndarray,
        ngram_range: tuple[int, int],
        *,
        sublinear: bool,
    ) -> None:
        self.vocabulary = list(vocabulary)
        self.idf = idf
        self.ngram_range = ngram_range
        self.sublinear = sublinear
        self._columns = {ngram: column for column, ngram in enumerate(self.vocabulary)}
        self._words = re.compile(WORD)

    def transform(self, texts: Iterable[str]) -> SparseRows:
        """Return (N, F) float32 vectors of N texts."""
        columns: list[int] = []
        counts: list[int] = []
        offsets = [0]
        for text in texts:
            ngrams = self._ngrams(text)
            known = Counter(self._columns[ngram] for ngram in ngrams if ngram in self._columns)
            ordered = sorted(known)
            columns += ordered
            counts += [known[column] for column in ordered]
            offsets.append(len(columns))
        indices, indptr = np.array(columns, np.int32), np.array(offsets)
        weighed = self.weigh(SparseRows(np.array(counts, np.float32), indices, indptr))
        return SparseRows(weighed, indices, indptr)

    def weigh(self, counts: SparseRows | csr_matrix) -> np.ndarray:
        """Return the float32 values of the vectors that have these (N, F) float32 counts."""
        values = np.log(counts.data) + np.float32(1) if self.sublinear else counts.data.copy()
        values *= self.idf[counts.indices]
        n = len(counts.indptr) - 1
        rows = np.repeat(np.arange(n), np.diff(counts.indptr))
        # Squares in single and their sums in double precision, as scikit-learn takes them.
        squares = np.bincount(rows, values * values, minlength=n)
        unit: np.ndarray = (values / np.sqrt(squares)[rows]).astype(np.float32)
        return unit

    def _ngrams(self, text: str) -> list[str]:
        words = self._words.findall(text)
        shortest, longest = self.ngram_range
        return [
            " ".join(words[start : start + n]) if n > 1 else words[start]
            for n in range(shortest, longest + 1)
            for start in range(len(words) - n + 1)
        ]
