"""Label trees for many hashtags: Parabel and Bonsai, trained and applied by the omikuji package.

A tree groups hashtags whose posts are alike, and has a linear classifier for each branch and each
hashtag of a leaf. A post walks down the best branches only, so that time grows with the logarithm
of the number of hashtags (Prabhu et al. 2018; Khandagale, Xiao and Babbar 2020).
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from joblib import cpu_count

from tagfinder.configuration.types import (
    NonNegativeFloat,
    NonNegativeInt,
    Only,
    PositiveFloat,
    PositiveInt,
)
from tagfinder.errors import InputError, WorkError
from tagfinder.models.sparse_rows import SparseRows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Names of the files that omikuji writes, as one array of bytes each in a checkpoint.
FILES = "files"
POSTS_OF_A_THREAD = 32
Branches = Annotated[int, Only(lambda n: n >= 2, "a whole number from 2")]
SETTINGS = (
    *("n_trees", "cluster_k", "cluster_balanced", "max_depth", "min_branch_size"),
    *("collapse_every_n_layers", "linear_c", "linear_eps", "linear_max_iter"),
    "linear_weight_threshold",
)


class LabelTrees:
    """A forest of label trees.

    Trees begin from random clusters that cannot be seeded: two runs differ slightly. Scores are
    sums over the trees in the order in which a file system lists them: after loading they may
    differ in the seventh digit.

    Args:
        beam: branches that a post follows in each level of a tree.
        n_trees: trees, whose scores are averaged.
        cluster_k: branches of a node.
        cluster_balanced: clusters of equal size (Parabel) or as they come (Bonsai).
        max_depth: most levels of a tree.
        min_branch_size: hashtags of a node from which on it is divided.
        collapse_every_n_layers: levels that are put together to one; 0 keeps all.
        linear_c: inverse strength of the l2 penalty.
        linear_eps: tolerance at which a classifier's solver stops.
        linear_max_iter: most iterations of the solver.
        linear_weight_threshold: weights nearer to 0 are dropped.

    Raises:
        InputError: the omikuji package is not installed.
    """

    def __init__(
        self,
        *,
        beam: PositiveInt = 10,
        n_trees: PositiveInt = 3,
        cluster_k: Branches = 2,
        cluster_balanced: bool = True,
        max_depth: PositiveInt = 20,
        min_branch_size: PositiveInt = 100,
        collapse_every_n_layers: NonNegativeInt = 0,
        linear_c: PositiveFloat = 1.0,
        linear_eps: PositiveFloat = 0.1,
        linear_max_iter: PositiveInt = 20,
        linear_weight_threshold: NonNegativeFloat = 0.1,
    ) -> None:
        self.library = _omikuji()
        self.beam = beam
        given = locals()
        self.settings = {name: given[name] for name in SETTINGS}
        self.model: Any = None

    def fit(self, features: csr_matrix, labels: csr_matrix) -> None:
        """Learn from (N, F) features and (N, L) bool labels.

        Raises:
            WorkError: omikuji fails.
        """
        parameters = self.library.Model.default_hyper_param()
        for name, value in self.settings.items():
            setattr(parameters, name, value)
        usable = (labels.getnnz(axis=1) > 0) & (features.getnnz(axis=1) > 0)
        with tempfile.TemporaryDirectory() as folder, _quiet():
            file = Path(folder) / "train.txt"
            write_training_file(file, features[usable], labels[usable])
            try:
                self.model = self.library.Model.train_on_data(str(file), parameters, cpu_count())
            except RuntimeError as error:
                raise WorkError(f"omikuji could not train: {error}") from error
        self._spread_posts()

    def top(self, features: SparseRows | csr_matrix, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the best labels of each row.

        Returns:
            (N, k) int64 labels, best first and equal ones by their number, padded with -1, and
            (N, k) float32 scores in [0, 1], padded with 0.
        """
        labels = np.full((len(features.indptr) - 1, k), -1, dtype=np.int64)
        scores = np.zeros(labels.shape, dtype=np.float32)
        posts = list(_rows(features))
        pieces = [posts[i : i + POSTS_OF_A_THREAD] for i in range(0, len(posts), POSTS_OF_A_THREAD)]
        # Python's lock is released while a tree is walked.
        with ThreadPoolExecutor(cpu_count()) as pool:
            ranked = chain.from_iterable(pool.map(partial(self._ranked, k), pieces))
            for row, found in enumerate(ranked):
                labels[row, : len(found)] = [label for label, _ in found]
                scores[row, : len(found)] = [score for _, score in found]
        return labels, scores.clip(0, 1)

    def _ranked(
        self, k: int, posts: list[list[tuple[int, float]]]
    ) -> list[list[tuple[int, float]]]:
        """Return labels and scores of some posts, best first and equal ones by label."""
        found = (self.model.predict(post, beam_size=self.beam, top_k=k) for post in posts)
        return [sorted(pairs, key=lambda pair: (-pair[1], pair[0])) for pairs in found]

    def learned(self) -> dict[str, Any]:
        """Return omikuji's own files, each as a uint8 array of its bytes."""
        with tempfile.TemporaryDirectory() as folder:
            with _quiet():
                self.model.save(folder)
            return {
                FILES: {
                    file.name: np.frombuffer(file.read_bytes(), dtype=np.uint8)
                    for file in sorted(Path(folder).iterdir())
                }
            }

    def restore(self, learned: dict[str, Any], n_features: int) -> None:
        """Load omikuji's own files.

        Raises:
            InputError: they are damaged, or of other features.
        """
        with tempfile.TemporaryDirectory() as folder, _quiet():
            for name, content in learned[FILES].items():
                (Path(folder) / Path(name).name).write_bytes(content.tobytes())
            try:
                self.model = self.library.Model.load(folder)
            except RuntimeError as error:
                raise InputError("its label trees are damaged; get it again") from error
        if self.model.n_features != n_features:
            raise InputError(
                f"the label trees read {self.model.n_features} features and the vocabulary has "
                f"{n_features}; get the recommender again"
            )
        self._spread_posts()

    def _spread_posts(self) -> None:
        """Use one thread for a post: `top` spreads posts over threads instead."""
        self.model.init_prediction_thread_pool(1)


def write_training_file(file: Path, features: csr_matrix, labels: csr_matrix) -> None:
    """Write features and labels as the extreme classification repository has them.

    A line with the numbers of posts, features and labels, then `label,label feature:value ...`.
    """
    from sklearn.datasets import dump_svmlight_file  # not needed for recommending

    with file.open("wb") as stream:
        stream.write(f"{features.shape[0]} {features.shape[1]} {labels.shape[1]}\n".encode())
        dump_svmlight_file(features, labels, stream, multilabel=True, zero_based=True)


def _rows(features: SparseRows | csr_matrix) -> Iterator[list[tuple[int, float]]]:
    indices, values = features.indices.tolist(), features.data.tolist()
    for start, end in zip(features.indptr, features.indptr[1:], strict=False):
        yield list(zip(indices[start:end], values[start:end], strict=True))


def _omikuji() -> Any:
    try:
        import omikuji
    except ImportError as error:
        raise InputError(
            "model=omikuji needs the omikuji package; `pip install 'tagfinder[omikuji]'`"
        ) from error
    return omikuji


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide omikuji's log on standard output, and its progress if there is no terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    silenced = [1] if sys.stderr.isatty() else [1, 2]
    kept = {stream: os.dup(stream) for stream in silenced}
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in silenced:
            os.dup2(nowhere, stream)
        yield
    finally:
        for stream, own in kept.items():
            os.dup2(own, stream)
            os.close(own)
        os.close(nowhere)
