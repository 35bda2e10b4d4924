"""A run's folder: what was asked, what came out, and all that is needed to recommend from it."""

from __future__ import annotations

import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from tagfinder.artifacts.checkpoints import scored_checkpoint
from tagfinder.corpus.prepared import LabelSet, PreparedCorpus
from tagfinder.data.features import Features
from tagfinder.errors import InputError
from tagfinder.files import read_json, write_json, write_text

FORMAT = 1
LIBRARIES = ("tagfinder", "torch", "pytorch-lightning", "scikit-learn", "polars", "numpy")


class RunFolder:
    """Paths and contents of one run.

    Args:
        path: the folder; need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

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

    @property
    def config_file(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    @property
    def run_file(self) -> Path:
        """What was run: command, versions, corpus."""
        return self.path / "run.json"

    @property
    def labels_file(self) -> Path:
        """The label set."""
        return self.path / "labels.json"

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
        """The checkpoint that the run's scores stand for."""
        # Runs from before this was a choice have their last weights only.
        return scored_checkpoint(self.checkpoints, self.config.get("scored_checkpoint", "last"))

    @property
    def features(self) -> Path:
        """Folder of what the features learned, such as a vocabulary."""
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
        """Write what the run is made of, before it starts; None where it keeps no features."""
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
                "python": platform.python_version(),
                "versions": {library: version(library) for library in LIBRARIES},
            },
        )

    @property
    def config(self) -> DictConfig:
        """The configuration as it was resolved."""
        config = OmegaConf.load(self.config_file)
        assert isinstance(config, DictConfig)
        return config

    @property
    def label_set(self) -> LabelSet:
        """The label set that the run's scores stand for."""
        stored = read_json(self.labels_file)
        if stored.pop("format") != FORMAT:
            raise InputError(f"{self.labels_file} was written by another version of tagfinder")
        return LabelSet(**stored)

    @property
    def metrics(self) -> dict[str, Any]:
        """All scores of the run.

        Raises:
            InputError: the run has not been scored.
        """
        if not self.metrics_file.is_file():
            raise InputError(f"{self.path} has no metrics.json; the run did not finish")
        metrics: dict[str, Any] = read_json(self.metrics_file)
        return metrics
