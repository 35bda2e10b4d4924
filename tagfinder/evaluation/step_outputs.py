"""What a recommender's validation or test step returns, checked and cut into blocks of rows.

Where a label set is too large for a score of every label, a step returns the best labels of each
row and the size of the set: all other labels have the score 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tagfinder.errors import WorkError
from tagfinder.evaluation.rankings import PADDING, top_k

_BLOCK_CELLS = 2**19  # scores handled at once: about the size of a processor's cache


@dataclass(frozen=True)
class SparseScores:
    """Scores of the best labels of each row; every other label of the set has the score 0.

    Attributes:
        labels: (B, K) int64, best first, padded with -1.
        values: (B, K) float32 in [0, 1].
        n_labels: size L of the label set.
    """

    labels: Tensor
    values: Tensor
    n_labels: int

    def __getitem__(self, rows: Tensor) -> SparseScores:
        """Return some rows, by index or mask."""
        return SparseScores(self.labels[rows], self.values[rows], self.n_labels)

    def given(self, threshold: float) -> Tensor:
        """Return (B, K) labels whose score is at least `threshold`, the others replaced by -1."""
        return self.labels.where(self.values >= threshold, PADDING)

    def of(self, labels: Tensor) -> Tensor:
        """Return the scores (B, M) of `labels` (B, M), 0 if a label was given none."""
        found = torch.zeros(labels.shape, dtype=self.values.dtype, device=labels.device)
        for column, label in enumerate(labels.T):  # a loop needs no (B, K, M) array
            same = (self.labels == label[:, None]) & (self.labels != PADDING)
            found[:, column] = self.values.where(same, 0).sum(1)
        return found


@dataclass(frozen=True)
class Scored:
    """Rows with a ranking and their true labels.

    Attributes:
        top_labels: (B, K) int64, best first, padded with -1.
        top_scores: (B, K) float32.
        labels: (B, M) int64 true label indices, padded with -1.
        n_hashtags: (B,) int64, distinct hashtags that each post really has.
        rows: (B,) int64, position of each post in its part of the corpus.
        scores: (B, L) float32 in [0, 1], sparse ones where L is large, or None if there is no
            closed label set.
    """

    top_labels: Tensor
    top_scores: Tensor
    labels: Tensor
    n_hashtags: Tensor
    rows: Tensor
    scores: Tensor | SparseScores | None = None

    @property
    def label_set_size(self) -> int | None:
        """Size of the closed label set, None if there is none."""
        if isinstance(self.scores, SparseScores):
            return self.scores.n_labels
        return None if self.scores is None else self.scores.shape[1]

    @property
    def n_labels(self) -> Tensor:
        """(B,) int64, true labels of each row."""
        return (self.labels != PADDING).sum(1)


def scored_blocks(outputs: Any, depth: int) -> Iterator[Scored]:
    """Cut a step's outputs into blocks of rows, small enough for any number of labels.

    Args:
        outputs: mapping with `labels`, `n_hashtags`, `rows` and either `scores` (B, L) or
            `top_labels` and `top_scores` (B, K); with these, `n_labels` says how many labels a
            closed set holds.
        depth: ranks kept of each row.

    Raises:
        WorkError: where the outputs are not such a mapping, or a score is NaN.
    """
    columns = _columns(outputs)
    wide = columns["scores" if "scores" in columns else "top_labels"]
    block_rows = max(1, _BLOCK_CELLS // max(1, wide.shape[1]))
    for start in range(0, len(columns["rows"]), block_rows):
        block = {name: values[start : start + block_rows] for name, values in columns.items()}
        yield _scored(block, depth, outputs.get("n_labels"))


def _scored(block: dict[str, Tensor], depth: int, n_labels: int | None) -> Scored:
    scores: Tensor | SparseScores | None = None
    if "scores" in block:
        scores = block["scores"].detach().float()
        best, best_scores = top_k(scores, depth)
    else:
        best, best_scores = block["top_labels"][:, :depth], block["top_scores"][:, :depth]
        if n_labels is not None:
            scores = SparseScores(block["top_labels"], block["top_scores"].float(), n_labels)
    labels = block["labels"]
    if labels.shape[1] == 0:  # no post of the batch has a label
        labels = labels.new_full((len(labels), 1), PADDING)
    return Scored(best, best_scores.float(), labels, block["n_hashtags"], block["rows"], scores)


def _columns(outputs: Any) -> dict[str, Tensor]:
    """Return the tensors that are needed, by name, all with one entry for each row."""
    needed = ["labels", "n_hashtags", "rows"]
    if not isinstance(outputs, Mapping):
        raise WorkError(f"{_CONTRACT}; it returned {type(outputs).__name__}")
    needed += ["scores"] if "scores" in outputs else ["top_labels", "top_scores"]
    missing = [name for name in needed if not isinstance(outputs.get(name), Tensor)]
    if missing:
        raise WorkError(f"{_CONTRACT}; no tensor for {', '.join(missing)}")
    columns = {name: outputs[name] for name in needed}
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise WorkError(f"{_CONTRACT}; numbers of rows differ: {lengths}")
    return columns


_CONTRACT = (
    "validation_step and test_step must return a mapping of tensors: 'labels', 'n_hashtags', "
    "'rows', and 'scores' or 'top_labels' with 'top_scores'"
)
