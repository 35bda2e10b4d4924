"""Resume a stopped run, and refuse to resume one with another configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tagfinder.artifacts.checkpoints import is_intact, newest_intact
from tagfinder.errors import InputError

# What may differ when a run continues, because it does not change what the run computes. More
# epochs are allowed: training does not depend on the number of epochs to come.
FREE = (
    *("run_dir", "resume", "rejects", "logger", "experiment", "sweep", "trainer.max_epochs"),
    *("trainer.enable_progress_bar", "trainer.enable_model_summary", "trainer.log_every_n_steps"),
    *(
        "batches.eval_batch_size",
        "scored_checkpoint",
        "callbacks",
        "tags",
        "note",
        "executor",
        "partition_rows",
        "model.processes",
    ),
)


def checkpoint_to_resume(resume: bool | str, folder: Path) -> Path | None:
    """Return the checkpoint to continue from, or None for a start from scratch.

    Args:
        resume: False starts from scratch; True continues the newest intact checkpoint of `folder`;
            "auto" does so if there is one; anything else is a checkpoint's path.
        folder: the run's folder of checkpoints.

    Raises:
        InputError: there is no such checkpoint, or the folder holds a run and `resume` is False.
    """
    if resume is False:
        _refuse_to_overwrite(folder)
        return None
    if resume is True or resume == "auto":
        newest = newest_intact(folder)
        if newest is None and resume is True:
            raise InputError(
                f"resume=true but {folder} holds no whole checkpoint; "
                "set run_dir to the run's folder, or resume=auto to start a new one"
            )
        return newest
    chosen = Path(resume)
    if not is_intact(chosen):
        state = "is damaged" if chosen.exists() else "is not there"
        raise InputError(f"resume={resume}: this checkpoint {state}; try resume=auto")
    return chosen


def _refuse_to_overwrite(folder: Path) -> None:
    if any(folder.glob("*.ckpt")):
        raise InputError(
            f"run_dir={folder.parent} holds a run already; "
            "continue it by resume=auto, or name another run_dir"
        )


def check_same_config(
    before: Mapping[str, Any], now: Mapping[str, Any], overrides: Sequence[str] = ()
) -> None:
    """Refuse to continue another configuration than the run began with.

    Args:
        before: the configuration of the run.
        now: the configuration that is asked for.
        overrides: those of the command line, which name the keys that the user set.

    Raises:
        InputError: names each key that differs, with both values.
    """
    different = differing_keys(before, now, overrides)
    if different:
        raise InputError(
            f"the run began with another configuration: {'; '.join(different)}. "
            "Continue with the same one, or begin another run with another run_dir"
        )


def differing_keys(
    before: Mapping[str, Any], now: Mapping[str, Any], overrides: Sequence[str] = ()
) -> list[str]:
    """Return `key: before -> now` for each key that differs and decides what a run computes.

    A key that a run of an older version lacks has its default now, which is what that version did.
    It does not count as different unless an override names it.
    """
    old, new = flattened(before), flattened(now)
    asked = {override.partition("=")[0].lstrip("+~") for override in overrides}
    missing = object()
    return [
        f"{key}: {old.get(key, 'not there')} -> {new.get(key, 'not there')}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key, missing) != new.get(key, missing)
        and not _is_free(key)
        and not _is_newer_default(key, before, asked)
    ]


def _is_newer_default(key: str, before: Mapping[str, Any], asked: set[str]) -> bool:
    """Tell whether a key is one that an older version did not have.

    Such a key is a new argument of a part that the run has, or a new part at the top. A part more
    inside another (`embedding.glove`) is a choice.
    """
    top, *inner = key.split(".")
    if top not in before:
        return top not in asked
    part: Any = before
    for name in (top, *inner)[:-1]:
        part = part.get(name) if isinstance(part, Mapping) else None
    return isinstance(part, Mapping) and (top, *inner)[-1] not in part and key not in asked


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
