"""Executors for commands with flags, from the same files that `executor=` chooses from."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import OmegaConf

from tagfinder.configuration.build import build
from tagfinder.configuration.executors import Executor
from tagfinder.errors import InputError
from tagfinder.paths import conf_dir

NAMES = ("local", "slurm", "ray")


def executor_of(name: str, jobs: int | None, settings: Sequence[str] = ()) -> Executor:
    """Build an executor of `conf/executor/`.

    Args:
        name: of the file.
        jobs: how many workers, instead of what the file says; None leaves that.
        settings: `KEY=VALUE`, keys of the file.

    Raises:
        InputError: a setting that the file does not have, or what the executor refuses.
    """
    config = OmegaConf.load(conf_dir() / "executor" / f"{name}.yaml")
    changes = OmegaConf.from_dotlist([*settings, *([f"jobs={jobs}"] if jobs else [])])
    keys = [str(key) for key in config if key != "_target_"]
    for key in map(str, changes):
        if key not in keys:
            known = ", ".join(keys)
            raise InputError(f"--executor {name} has no setting {key}; choose one of {known}")
    executor: Executor = build(OmegaConf.merge(config, changes))
    return executor
