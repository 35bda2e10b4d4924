"""A run folder: configuration, results, and all files needed to recommend from it."""

from __future__ import annotations

import platform
import sys
from dataclasses import asdict
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagfinder.artifacts.checkpoints import BEST, scored_checkpoint
from tagfinder.artifacts.manifest import check_file, drop_manifest, read_manifest, write_manifest
from tagfinder.artifacts.trust import read_saved_config
from tagfinder.corpus.prepared import LabelSet, PreparedCorpus
from tagfinder.data.features import Features
from tagfinder.errors import InputError
from tagfinder.files import read_json, write_json, write_text

if TYPE_CHECKING:
    from omegaconf import DictConfig

FORMAT = 1
LIBRARIES = ("tagfinder", "torch", "pytorch-lightning", "scikit-learn", "polars", "numpy")


class RunFolder:
    """Paths and contents of one run.

    What is read is checked against the run's list of files (`artifacts/manifest.py`), where it has
    one, and its configuration against what it may build (`artifacts/trust.py`).

    Args:
        path: the folder; need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._checked: set[Path] = set()

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Open a folder that a run has left.

        Raises:
            InputError: it is not one.
        """
        run = cls(path)
        if not run.config_file.is_file() or not run.run_file.is_file():
            raise InputError(f"{path} is not a run's folder (config.yaml or run.json is missing)")
        return run

    @cached_property
    def digests(self) -> dict[str, str] | None:
        """Name -> SHA-256 of the run's files, None if the run has no list of them."""
        return read_manifest(self.path)

    def checked(self, path: Path) -> Path:
        """Return the path of a file, or of a folder with all its files, that is as it was left.

        Raises:
            InputError: a file is missing or was altered.
        """
        if self.digests is not None and path not in self._checked:
            name = path.relative_to(self.path).as_posix()
            for listed in self.digests:
                if listed == name or listed.startswith(f"{name}/"):
                    check_file(self.path, listed, self.digests)
            self._checked.add(path)
        return path

    @property
    def config_file(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    @property
    def run_file(self) -> Path:
        """Command, versions and corpus of the run."""
        return self.path / "run.json"

    @property
    def labels_file(self) -> Path:
        """The label set."""
        return self.path / "labels.json"

    @property
    def predictions_file(self) -> Path:
        """The rankings of the test part."""
        return self.path / "predictions.parquet"

    @property
    def metrics_file(self) -> Path:
        """All scores of the run."""
        return self.path / "metrics.json"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def weights(self) -> Path:
        """The checkpoint whose weights were scored."""
        # Runs from before this was a choice have their last weights only.
        wanted = self.plain_config.get("scored_checkpoint", "last")
        if wanted == "best" and f"{self.checkpoints.name}/{BEST}" in (self.digests or {}):
            return self.checkpoints / BEST
        return scored_checkpoint(self.checkpoints, wanted)

    @property
    def state(self) -> Path:
        """Folder of these weights as plain files, once the run is finished."""
        return self.path / "model"

    @property
    def features(self) -> Path:
        """Folder of the features' fitted state, such as a vocabulary."""
        return self.path / "features"

    @property
    def knowledge(self) -> Path:
        """Folder of the posts that a recommender with an open vocabulary knows."""
        return self.path / "knowledge"

    @property
    def figures(self) -> Path:
        """Folder of the figures."""
        return self.path / "figures"

    def describe(
        self, config: DictConfig, corpus: PreparedCorpus, features: Features | None
    ) -> None:
        """Write configuration, labels and features (None without any) before training."""
        from omegaconf import OmegaConf

        drop_manifest(self.path)
        self._forget()
        write_text(self.config_file, OmegaConf.to_yaml(config, resolve=True))
        write_json(self.labels_file, {"format": FORMAT, **asdict(corpus.label_set)})
        if features is not None:
            self.features.mkdir(parents=True, exist_ok=True)
            features.save(self.features)
        write_json(
            self.run_file,
            {
                "format": FORMAT,
                "command": sys.argv,
                "corpus": {
                    "name": corpus.name,
                    "digest": corpus.digest,
                    "folder": str(corpus.folder),
                },
                "seed": config.seed,
                "tags": list(config.get("tags") or []),
                "note": config.get("note"),
                "python": platform.python_version(),
                "versions": {library: version(library) for library in LIBRARIES},
            },
        )

    def finish(self) -> None:
        """List the run's files with their digests, as the last thing that is written."""
        write_manifest(self.path)
        self._forget()

    def _forget(self) -> None:
        """Read the manifest again before a change."""
        self._checked.clear()
        for name in ("config", "plain_config", "digests"):
            self.__dict__.pop(name, None)

    @cached_property
    def config(self) -> DictConfig:
        """The configuration as it was resolved, which may come from a stranger.

        Raises:
            InputError: it was altered, is no configuration, or would build what is not allowed.
        """
        from omegaconf import OmegaConf

        return OmegaConf.create(self.plain_config)

    @cached_property
    def plain_config(self) -> dict[str, Any]:
        """The same as plain data, for callers without OmegaConf."""
        return read_saved_config(self.checked(self.config_file))

    @property
    def facts(self) -> dict[str, Any]:
        """Command, versions, corpus and seed of the run."""
        facts: dict[str, Any] = read_json(self.checked(self.run_file))
        return facts

    @property
    def label_set(self) -> LabelSet:
        """The label set of the run's scores."""
        stored = read_json(self.checked(self.labels_file))
        if not isinstance(stored, dict) or stored.pop("format", None) != FORMAT:
            raise InputError(f"{self.labels_file} was written by another version of tagfinder")
        return label_set_of(stored, self.labels_file)

    @property
    def metrics(self) -> dict[str, Any]:
        """All scores of the run.

        Raises:
            InputError: the run has not been scored.
        """
        if not self.metrics_file.is_file():
            raise InputError(f"{self.path} has no metrics.json; the run did not finish")
        metrics: dict[str, Any] = read_json(self.checked(self.metrics_file))
        return metrics


def label_set_of(stored: Any, file: Path) -> LabelSet:
    """Return a label set from JSON.

    Raises:
        InputError: it is not such a file, or its lists differ in length.
    """
    columns = ("hashtags", "spellings", "counts", "train_counts")
    try:
        label_set = LabelSet(**stored)
        lengths = {len(getattr(label_set, column)) for column in columns}
    except TypeError as error:
        raise InputError(f"{file} holds no label set ({error}); restore it from a copy") from error
    if len(lengths) != 1:
        raise InputError(f"{file}: its lists differ in length; restore it from a copy")
    return label_set
