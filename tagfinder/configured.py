"""Hydra behind the command line: composed configurations, and errors as one sentence."""

from __future__ import annotations

import importlib
import os
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
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


def run_configured(task: str, arguments: Sequence[str], verb: str) -> None:
    """Run a task as a Hydra application with the given overrides and flags.

    Args:
        task: `module:function`, imported when there is a configuration to run: help is quick.
        arguments: overrides and flags of the command line.
        verb: name of the command.

    Raises:
        TagFinderError: the overrides do not compose, or the task failed with one sentence.
    """
    register_resolvers()
    check_types(arguments)
    # Hydra would print its errors itself and end the process; we say them our way.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    failures: list[TagFinderError] = []

    def run(config: DictConfig) -> Any:
        module, _, function = task.partition(":")
        try:
            return getattr(importlib.import_module(module), function)(config)
        except TagFinderError as error:
            failures.append(error)
            return None

    application = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")
    before, sys.argv = sys.argv, [f"tagfinder {verb}", *arguments]
    try:
        application(run)()
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(error, arguments) from error
    finally:
        sys.argv = before
    if failures:
        raise failures[0]


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
            cause = cause.__cause__ or cause.__context__
        raise InputError(" ".join(str(error).split())) from error


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
