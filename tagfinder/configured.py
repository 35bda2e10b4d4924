"""Hydra behind the command line: composed configurations, and errors as one sentence."""

from __future__ import annotations

import importlib
import os
import sys
import uuid
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tagfinder.errors import InputError, TagFinderError
from tagfinder.overrides import check_types, explained
from tagfinder.paths import conf_dir


def register_resolvers() -> None:
    """Make the interpolations of `conf/` known to OmegaConf."""
    OmegaConf.register_new_resolver(
        "tagfinder_first", lambda *values: next(v for v in values if v is not None), replace=True
    )
    # Two runs that start in the same second must not share a folder.
    OmegaConf.register_new_resolver(
        "tagfinder_unique", lambda: uuid.uuid4().hex[:6], use_cache=True, replace=True
    )
    OmegaConf.register_new_resolver("tagfinder_job", _folder_of_job, replace=True)


def _folder_of_job(overrides: ListConfig) -> str:
    from tagfinder.sweeping.records import folder_of_job

    return folder_of_job(list(overrides))


# A sweep's jobs may run in processes that know of this module only because the task is in it.
register_resolvers()


class ConfiguredTask:
    """A function of a configuration as Hydra calls it, here or in another process.

    Args:
        task: `module:function`, imported when there is a configuration to run: help is quick.

    Attributes:
        failure: what a single run raised; how a sweep's runs went is in their folders.
    """

    def __init__(self, task: str) -> None:
        self.task = task
        self.failure: TagFinderError | None = None

    def __call__(self, config: DictConfig) -> None:
        """Run the task, of a sweep as one job of many."""
        module, _, name = self.task.partition(":")
        try:
            function = getattr(importlib.import_module(module), name)
            hydra_config = HydraConfig.get()
            if hydra_config.mode == RunMode.MULTIRUN:
                from tagfinder.sweeping.job import run_job

                run_job(function, config, sweep=Path(hydra_config.sweep.dir).name)
            else:
                function(config)
        except TagFinderError as error:
            self.failure = error


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


def run_hydra(task: Callable[[DictConfig], None], arguments: Sequence[str], verb: str) -> None:
    """Compose a configuration and call a task with it, once or for each run of a sweep.

    Args:
        task: called with each configuration; does not raise.
        arguments: overrides and flags of the command line.
        verb: name of the command.

    Raises:
        InputError: the overrides do not compose.
    """
    check_types(arguments)
    # Ours bear the names of the plugins' own on purpose; Hydra checks them against those.
    warnings.filterwarnings("ignore", message=r"\s*'hydra/launcher/\w+' is validated against")
    # Hydra would print its errors itself and end the process; we say them our way.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    application = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")
    # Hydra's parser takes overrides in one piece: a flag between them would cut them in two.
    ordered = sorted(arguments, key=lambda argument: argument not in ("--multirun", "-m"))
    before, sys.argv = sys.argv, [f"tagfinder {verb}", *ordered]
    try:
        application(task)()
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(error, arguments) from error
    finally:
        sys.argv = before


def build(config: Any, *arguments: Any, **keywords: Any) -> Any:
    """Instantiate a configuration; what the class refuses is raised as it is.

    Raises:
        TagFinderError: the class says that the request is wrong.
        InputError: a key is not an argument of the class, or the class cannot be found.
    """
    try:
        return instantiate(config, *arguments, _convert_="all", **keywords)
    except InstantiationException as error:
        cause: BaseException | None = error
        while cause:
            if isinstance(cause, TagFinderError):
                raise cause from error
            if isinstance(cause, ModuleNotFoundError) and cause.name:
                raise InputError(
                    f"{config['_target_']} needs the package {cause.name}, which is not installed; "
                    "pip install 'tagfinder[all]'"
                ) from error
            cause = cause.__cause__ or cause.__context__
        raise InputError(" ".join(str(error).split())) from error


def build_model(config: Any, label_set: Any, features: Any) -> Any:
    """Instantiate a recommender for the labels and features of a corpus or of a saved run.

    Raises:
        TagFinderError: as `build`.
        InputError: a setting is missing, as in a run that another version trained, or unknown.
    """
    partial = build(config)
    try:
        return partial(label_set=label_set, features=features)
    except TypeError as error:
        if "__init__()" not in str(error):
            raise
        raise InputError(
            f"model: {error}; a run of another version of TagFinder must be trained anew"
        ) from error


def plain(config: DictConfig) -> dict[str, Any]:
    """Return a resolved configuration as plain dicts, lists and values."""
    resolved = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(resolved, dict)
    return {str(key): value for key, value in resolved.items()}


def chosen(group: str) -> str:
    """Return which option of a config group the running Hydra job uses."""
    return str(HydraConfig.get().runtime.choices[group])


def output_dir() -> Path:
    """Return the folder of the running Hydra job, as an absolute path."""
    return Path(HydraConfig.get().runtime.output_dir).absolute()


def overrides() -> list[str]:
    """Return the overrides that the running Hydra job was called with."""
    return list(HydraConfig.get().overrides.task)
