"""The parts of a recommender in a run or a bundle, before anything is built."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagfinder.artifacts.checkpoints import is_intact, load_checkpoint
from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.corpus.prepared import LabelSet
from tagfinder.errors import InputError
from tagfinder.evaluation.calibration import Calibrations, read_calibrations
from tagfinder.models.open_vocabulary import is_open_vocabulary_config
from tagfinder.recommend.state_files import load_state

logger = logging.getLogger(__name__)

# The groups of a run's configuration that decide how a text is scored.
GROUPS = ("cleaning", "features", "model")
CALIBRATION_FILE = "calibration.json"


@dataclass(frozen=True)
class Saved:
    """The parts from which a recommender is built.

    Attributes:
        name: name of the folder that it was read from.
        config: the groups `cleaning`, `features` and `model`, resolved, as plain data.
        label_set: the hashtags.
        features_folder: fitted state of the features.
        state: the module's state dict.
        calibration: scores to probabilities.
        facts: `model`, `corpus` and `protocol` by name, if known.
        vouched: whether every file was checked against the list of its digests.
    """

    name: str
    config: dict[str, Any]
    label_set: LabelSet
    features_folder: Path
    state: dict[str, Any]
    calibration: Calibrations
    facts: dict[str, Any]
    vouched: bool


def read_run(folder: Path) -> Saved:
    """Read a run: with the weights that were scored.

    Raises:
        InputError: the folder is not a run's, has no intact checkpoint, was altered, or names
            classes that it may not build.
    """
    run = RunFolder.open(folder)
    vouched = run.digests is not None
    if not vouched:
        logger.warning(
            "%s has no files.json, so that damage to its files may go unnoticed; "
            "`tagfinder evaluate %s` writes one",
            folder,
            folder,
        )
    metrics = run.metrics if run.metrics_file.is_file() else {}
    missing = [group for group in GROUPS if not isinstance(run.plain_config.get(group), dict)]
    if missing:
        raise InputError(f"{run.config_file} lacks {missing[0]}; restore it from a copy")
    return Saved(
        name=folder.absolute().name,
        config={group: run.plain_config[group] for group in GROUPS},
        label_set=run.label_set,
        features_folder=run.checked(run.features),
        state=_state_of(run),
        calibration=read_calibrations(run.checked(folder / CALIBRATION_FILE)),
        facts={key: metrics[key] for key in ("model", "corpus", "protocol") if key in metrics},
        vouched=vouched,
    )


def _state_of(run: RunFolder) -> dict[str, Any]:
    """Return the state of the run's scores: from plain files, else from a checkpoint."""
    if run.state.is_dir():
        return load_state(run.checked(run.state))
    checkpoint = run.checked(run.weights)
    if not checkpoint.is_file():
        raise InputError(
            f"{run.path} has no checkpoints/{checkpoint.name}; the run has not finished an epoch"
        )
    if run.digests is None and not is_intact(checkpoint):
        raise InputError(f"{checkpoint} is damaged; restore it from a copy, or train again")
    state: dict[str, Any] = load_checkpoint(checkpoint)["state_dict"]
    return state


def is_live(config: dict[str, Any]) -> bool:
    """Tell whether a configuration is that of a recommender that keeps learning."""
    return is_open_vocabulary_config(config["model"])
