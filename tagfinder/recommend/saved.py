"""All that a recommender is made of, as a run or a bundle keeps it, before anything is built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from tagfinder.artifacts.checkpoints import load_checkpoint
from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.corpus.prepared import LabelSet
from tagfinder.errors import InputError
from tagfinder.evaluation.calibration import Calibration, read_calibration

# The groups of a run's configuration that decide how a text is scored.
GROUPS = ("cleaning", "features", "model")
# A file that somebody sent may name classes of these modules, and nothing else that Python knows.
ALLOWED_TARGETS = re.compile(
    r"tagfinder\.(?:corpus\.cleaning|data\.\w+|models\.\w+|live\.(?:features|tantivy_index))"
    r"\.(?:[A-Z]\w*|bert_network|encoder_features)"
)
CALIBRATION_FILE = "calibration.json"
LIVE = "tagfinder.models.live.LiveRecommender"


@dataclass(frozen=True)
class Saved:
    """What a recommender is built from.

    Attributes:
        name: name of the folder that it was read from.
        config: the groups `cleaning`, `features` and `model`, resolved, as plain data.
        label_set: the hashtags.
        features_folder: what the features learned.
        state: the module's state dict.
        calibration: scores to probabilities.
        facts: `model`, `corpus` and `protocol` by name, where they are known.
    """

    name: str
    config: dict[str, Any]
    label_set: LabelSet
    features_folder: Path
    state: dict[str, Any]
    calibration: Calibration
    facts: dict[str, Any]


def read_run(folder: Path) -> Saved:
    """Read what a run left: the weights that its scores stand for.

    Raises:
        InputError: the folder is not a run's, or has no whole checkpoint.
    """
    run = RunFolder.open(folder)
    checkpoint = run.weights
    if not checkpoint.is_file():
        raise InputError(
            f"{folder} has no checkpoints/{checkpoint.name}; the run has not finished an epoch"
        )
    config = OmegaConf.to_container(run.config, resolve=True)
    assert isinstance(config, dict)
    metrics = run.metrics if run.metrics_file.is_file() else {}
    return Saved(
        name=folder.absolute().name,
        config={group: config[group] for group in GROUPS},
        label_set=run.label_set,
        features_folder=run.features,
        state=load_checkpoint(checkpoint)["state_dict"],
        calibration=read_calibration(folder / CALIBRATION_FILE),
        facts={key: metrics[key] for key in ("model", "corpus", "protocol") if key in metrics},
    )


def is_live(config: dict[str, Any]) -> bool:
    """Tell whether a configuration is that of a recommender that keeps learning."""
    return bool(config["model"].get("_target_") == LIVE)


def check_targets(config: Any, origin: Path) -> None:
    """Refuse a configuration that would build anything but parts of a recommender.

    Raises:
        InputError: names what it would build.
    """
    for target in _targets(config):
        if not ALLOWED_TARGETS.fullmatch(target):
            raise InputError(
                f"{origin} asks for {target}, which is no part of tagfinder; a bundle may not "
                "run code of its own"
            )


def _targets(config: Any) -> Iterator[str]:
    if isinstance(config, dict):
        if "_target_" in config:
            yield str(config["_target_"])
        config = list(config.values())
    if isinstance(config, list):
        for value in config:
            yield from _targets(value)
