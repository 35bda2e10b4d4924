"""What a training has finished so far, on disk, so that a training that was stopped can continue.

A folder has one file for each block of posts that were replayed, the classifiers of each stage, and
each ranker that was trained. Files are complete or not there. They belong to one key: a digest of
everything that decides the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np

from tagfinder.errors import InputError
from tagfinder.files import DAMAGED_ZIP, atomic_path, read_json, write_json
from tagfinder.live.classify.classifiers import load_classifiers, save_classifiers
from tagfinder.live.ranking.dataset import Example, RankingDataset
from tagfinder.live.ranking.ranker import Ranker
from tagfinder.live.rankings import RankedPart, Rankings

KEY = "key.json"
# Posts between two files: seconds of work.
BLOCK = 500


class TrainingProgress:
    """A folder of finished work.

    Args:
        folder: created if missing; what another key left in it is deleted.
        key: digest of everything that decides the result.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        file = folder / KEY
        if folder.is_dir() and not (file.is_file() and read_json(file) == key):
            rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(file, key)

    def ranker(self, name: str, train: Callable[[], Ranker]) -> Ranker:
        """Return a ranker that was trained before, or train it and keep it."""
        file = self.folder / f"{name}.ranker.json"
        if file.is_file():
            return Ranker.from_state(read_json(file))
        ranker = train()
        write_json(file, ranker.state())
        return ranker

    def blocks(self, stage: str) -> Iterator[dict[str, np.ndarray]]:
        """Yield the blocks of a stage that were kept, in order, up to the first that is missing."""
        number = 0
        while (file := self._block(stage, number)).is_file():
            try:
                with np.load(file, allow_pickle=False) as arrays:
                    yield dict(arrays)
            except DAMAGED_ZIP:
                # Damaged: this block and all later ones are computed again.
                return
            number += 1

    def keep_block(self, stage: str, number: int, arrays: dict[str, Any]) -> None:
        """Keep the arrays of a block."""
        with atomic_path(self._block(stage, number)) as path, path.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)

    def keep_classifiers(self, stage: str, number: int, state: dict[str, Any]) -> None:
        """Keep the classifiers as they were after a block."""
        save_classifiers(state, 0, self._classifiers(stage, number))

    def classifiers(self, stage: str, n_blocks: int) -> dict[str, Any] | None:
        """Return the classifiers as they were after so many blocks of a stage, if there were any.

        They are kept only when they change, so the newest file of these blocks has them.
        """
        for number in reversed(range(n_blocks)):
            file = self._classifiers(stage, number)
            if file.is_file():
                try:
                    return load_classifiers(file)[0]
                except InputError:
                    continue
        return None

    def clear(self) -> None:
        """Delete the folder."""
        rmtree(self.folder, ignore_errors=True)

    def _block(self, stage: str, number: int) -> Path:
        return self.folder / f"{stage}-{number:06d}.npz"

    def _classifiers(self, stage: str, number: int) -> Path:
        return self.folder / f"{stage}-{number:06d}.classifiers.npz"


class BlockRecorder:
    """Collects what a block of posts adds to rankings and to a dataset, and adds it again.

    Args:
        ranked: rankings that are filled; None if posts are only collected.
        dataset: examples that are added; None if posts are only ranked.
    """

    def __init__(self, ranked: RankedPart | None, dataset: RankingDataset | None) -> None:
        self._ranked, self._dataset = ranked, dataset
        self._known = self._unknown = 0

    def begin(self) -> None:
        """Start a block."""
        if self._dataset is not None:
            self._known = len(self._dataset.known_author)
            self._unknown = len(self._dataset.unknown_author)

    def arrays(self, rows: np.ndarray) -> dict[str, Any]:
        """Return what the block added.

        Args:
            rows: (B,) of the block's posts in their part.
        """
        arrays: dict[str, Any] = {"rows": rows}
        if self._dataset is not None:
            arrays |= _packed("known", self._dataset.known_author[self._known :])
            arrays |= _packed("unknown", self._dataset.unknown_author[self._unknown :])
        if self._ranked is not None:
            for name, rankings in self._both():
                arrays[f"{name}.labels"] = rankings.labels[rows]
                arrays[f"{name}.scores"] = rankings.scores[rows]
                arrays[f"{name}.asked"] = rankings.asked[rows]
        return arrays

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Add again what a block added."""
        rows = arrays["rows"]
        if self._dataset is not None:
            self._dataset.known_author += _unpacked("known", arrays)
            self._dataset.unknown_author += _unpacked("unknown", arrays)
        if self._ranked is not None:
            for name, rankings in self._both():
                rankings.labels[rows] = arrays[f"{name}.labels"]
                rankings.scores[rows] = arrays[f"{name}.scores"]
                rankings.asked[rows] = arrays[f"{name}.asked"]

    def _both(self) -> list[tuple[str, Rankings]]:
        assert self._ranked is not None
        return [("known", self._ranked.rankings), ("hidden", self._ranked.without_author)]


def _packed(name: str, examples: list[Example]) -> dict[str, np.ndarray]:
    sizes = np.array([len(truth) for _, truth in examples], np.int64)
    packed = {f"{name}.sizes": sizes}
    if examples:
        packed[f"{name}.values"] = np.concatenate([values for values, _ in examples])
        packed[f"{name}.truth"] = np.concatenate([truth for _, truth in examples])
    return packed


def _unpacked(name: str, arrays: dict[str, np.ndarray]) -> list[Example]:
    sizes = arrays[f"{name}.sizes"]
    if not len(sizes):
        return []
    borders = np.cumsum(sizes)[:-1]
    values = np.split(arrays[f"{name}.values"], borders)
    return list(zip(values, np.split(arrays[f"{name}.truth"], borders), strict=True))
