"""What a training has finished so far, on disk, so that a training that was stopped can continue.

A folder has one file for each block of posts that were replayed, for the classifiers of each period
of a stage, and for each ranker that was trained. Processes may fill it together. Files are complete
or not there. They belong to one key: a digest of everything that decides the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
WORKSHOP = "processes"
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

    def has_block(self, stage: str, number: int) -> bool:
        """Tell whether a block is kept, maybe damaged."""
        return self._block(stage, number).is_file()

    def block(self, stage: str, number: int) -> dict[str, np.ndarray] | None:
        """Return the arrays of a block; None if it is not kept, a damaged one no longer."""
        file = self._block(stage, number)
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        except DAMAGED_ZIP:
            file.unlink(missing_ok=True)
            return None

    def keep_block(self, stage: str, number: int, arrays: dict[str, Any]) -> None:
        """Keep the arrays of a block."""
        with atomic_path(self._block(stage, number)) as path, path.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)

    def has_classifiers(self, stage: str, period: int) -> bool:
        """Tell whether the classifiers of a period are kept, maybe damaged."""
        return self._classifiers(stage, period).is_file()

    def classifiers(self, stage: str, period: int) -> dict[str, Any] | None:
        """Return the classifiers of a period; None if they are not kept, or damaged."""
        if not self.has_classifiers(stage, period):
            return None
        try:
            return load_classifiers(self._classifiers(stage, period))[0]
        except InputError:
            return None

    def keep_classifiers(self, stage: str, period: int, state: dict[str, Any]) -> None:
        """Keep the classifiers of a period."""
        save_classifiers(state, 0, self._classifiers(stage, period))

    @contextmanager
    def workshop(self) -> Iterator[Path]:
        """Yield an empty folder for what processes share while they work, and delete it."""
        folder = self.folder / WORKSHOP
        rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            rmtree(folder, ignore_errors=True)

    def clear(self) -> None:
        """Delete the folder."""
        rmtree(self.folder, ignore_errors=True)

    def _block(self, stage: str, number: int) -> Path:
        return self.folder / f"{stage}-{number:06d}.npz"

    def _classifiers(self, stage: str, period: int) -> Path:
        return self.folder / f"{stage}-{period:06d}.classifiers.npz"


def packed(
    rows: np.ndarray, ranked: RankedPart | None, dataset: RankingDataset | None
) -> dict[str, np.ndarray]:
    """Return what a block gives as arrays.

    Args:
        rows: (B,) of the block's posts in their part.
        ranked: B rankings; None if posts are only collected.
        dataset: examples; None if posts are only ranked.
    """
    arrays = {"rows": rows}
    if dataset is not None:
        arrays |= _packed("known", dataset.known_author)
        arrays |= _packed("unknown", dataset.unknown_author)
    for name, rankings in _both(ranked):
        arrays |= {f"{name}.{key}": values for key, values in rankings.state().items()}
    return arrays


def unpack(
    arrays: Mapping[str, np.ndarray], ranked: RankedPart | None, dataset: RankingDataset | None
) -> None:
    """Add what `packed` returned to the rankings of a part and to a dataset."""
    if dataset is not None:
        dataset.known_author += _unpacked("known", arrays)
        dataset.unknown_author += _unpacked("unknown", arrays)
    for name, rankings in _both(ranked):
        for key, values in rankings.state().items():
            values[arrays["rows"]] = arrays[f"{name}.{key}"]


def _both(ranked: RankedPart | None) -> list[tuple[str, Rankings]]:
    if ranked is None:
        return []
    return [("known", ranked.rankings), ("hidden", ranked.without_author)]


def _packed(name: str, examples: list[Example]) -> dict[str, np.ndarray]:
    sizes = np.array([len(truth) for _, truth in examples], np.int64)
    packed = {f"{name}.sizes": sizes}
    if examples:
        packed[f"{name}.values"] = np.concatenate([values for values, _ in examples])
        packed[f"{name}.truth"] = np.concatenate([truth for _, truth in examples])
    return packed


def _unpacked(name: str, arrays: Mapping[str, np.ndarray]) -> list[Example]:
    sizes = arrays[f"{name}.sizes"]
    if not len(sizes):
        return []
    borders = np.cumsum(sizes)[:-1]
    values = np.split(arrays[f"{name}.values"], borders)
    return list(zip(values, np.split(arrays[f"{name}.truth"], borders), strict=True))
