"""A function of a configuration as a Hydra task: a single run, or one job of a sweep."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from tagfinder.artifacts.ownership import remove_unused, traced
from tagfinder.configuration.application import output_dir, run_hydra
from tagfinder.errors import InputError, TagFinderError


class ConfiguredTask:
    """A function of a configuration as Hydra calls it, here or in another process.

    Args:
        task: `module:function`, imported when there is a configuration to run: help is quick.

    Attributes:
        failure: the error of a single run; a sweep keeps the errors of its runs in their folders.
    """

    def __init__(self, task: str) -> None:
        self.task = task
        self.failure: TagFinderError | None = None

    def __call__(self, config: DictConfig) -> None:
        """Run the task, of a sweep as one job of many."""
        module, _, name = self.task.partition(":")
        hydra_config = HydraConfig.get()
        try:
            if hydra_config.mode != RunMode.MULTIRUN:
                _require_files(config)
            function = getattr(importlib.import_module(module), name)
            if hydra_config.mode == RunMode.MULTIRUN:
                from tagfinder.sweeping.job import run_job

                run_job(function, config, sweep=Path(hydra_config.sweep.dir).name)
            else:
                with traced(output_dir()):
                    function(config)
        except TagFinderError as error:
            self.failure = error
            if isinstance(error, InputError) and hydra_config.mode != RunMode.MULTIRUN:
                remove_unused(output_dir())


def _require_files(config: DictConfig) -> None:
    """Refuse files of posts that are not there, before what trains is imported."""
    if config.data.get("path"):
        from tagfinder.corpus.sources.files import find_files

        find_files(config.data.path)


def run_configured(task: str, arguments: Sequence[str], verb: str) -> None:
    """Run a task as a Hydra application with the given overrides and flags.

    Args:
        task: `module:function`.
        arguments: overrides and flags of the command line.
        verb: name of the command.

    Raises:
        TagFinderError: the overrides do not compose, or the task failed with one sentence, or runs
            of a sweep failed.
    """
    from tagfinder.sweeping.watch import watched

    configured_task = ConfiguredTask(task)
    with watched():
        run_hydra(configured_task, arguments, verb)
    if configured_task.failure:
        raise configured_task.failure
