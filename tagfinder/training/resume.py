"""Going on with a run that was stopped, and refusing to go on with another one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from tagfinder.errors import InputError
from tagfinder.training.checkpoints import is_whole, newest_whole

# What may differ when a run goes on, because it does not change what the run computes. More
# epochs are allowed: nothing in training depends on how many are still to come.
FREE = (
    *("run_dir", "resume", "rejects", "logger", "experiment", "sweep", "trainer.max_epochs"),
    *("trainer.enable_progress_bar", "trainer.enable_model_summary", "trainer.log_every_n_steps"),
    "batches.eval_batch_size",
)


def checkpoint_to_resume(resume: bool | str, folder: Path) -> Path | None:
    """Return the checkpoint to go on from, or None for a start from scratch.

    Args:
        resume: False starts from scratch; True goes on with the newest whole checkpoint of
            `folder`; "auto" does so if there is one; anything else is a checkpoint's path.
        folder: the run's folder of checkpoints.

    Raises:
        InputError: there is no such checkpoint, or the folder holds a run and `resume` is False.
    """
    if resume is False:
        _refuse_to_overwrite(folder)
        return None
    if resume is True or resume == "auto":
        newest = newest_whole(folder)
        if newest is None and resume is True:
            raise InputError(
                f"resume=true but {folder} holds no whole checkpoint; "
                "set run_dir to the run's folder, or resume=auto to start where there is none"
            )
        return newest
    chosen = Path(resume)
    if not is_whole(chosen):
        state = "is damaged" if chosen.exists() else "is not there"
        raise InputError(f"resume={resume}: this checkpoint {state}; try resume=auto")
    return chosen


def _refuse_to_overwrite(folder: Path) -> None:
    if any(folder.glob("*.ckpt")):
        raise InputError(
            f"run_dir={folder.parent} holds a run already; "
            "go on with it by resume=auto, or name another run_dir"
        )


def check_same_config(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with another configuration than the run began with.

    Raises:
        InputError: names each key that differs, with both values.
    """
    different = differing_keys(before, now)
    if different:
        raise InputError(
            f"the run began with another configuration: {'; '.join(different)}. "
            "Go on with the same one, or begin a run of its own with another run_dir"
        )


def differing_keys(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return `key: before -> now` for each key that differs and decides what a run computes."""
    old, new = flattened(before), flattened(now)
    missing = object()
    return [
        f"{key}: {old.get(key, 'not there')} -> {new.get(key, 'not there')}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key, missing) != new.get(key, missing) and not _is_free(key)
    ]


def _is_free(key: str) -> bool:
    return any(key == free or key.startswith(f"{free}.") for free in FREE)


def flattened(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one mapping with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Load a checkpoint of plain data; nothing in it can run code.

    Raises:
        InputError: the file is not such a checkpoint.
    """
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(
            f"{path} cannot be read as a checkpoint of plain data ({type(error).__name__}); "
            "it is damaged or was not written by tagfinder"
        ) from error
    return checkpoint
