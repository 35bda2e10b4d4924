"""Hydra behind the command line: composed configurations and the running job."""

from __future__ import annotations

import os
import sys
import uuid
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tagfinder.configuration.corpus_name import corpus_name
from tagfinder.configuration.job_folder import folder_of_job
from tagfinder.configuration.overrides import check_flags, check_types, explained
from tagfinder.configuration.quoting import with_quotes
from tagfinder.configuration.renamed import check_renamed
from tagfinder.paths import conf_dir

# Hydra's long flags.
FLAGS = (
    *("--help", "--hydra-help", "--version", "--cfg", "--resolve", "--package", "--run"),
    *("--multirun", "--shell-completion", "--config-path", "--config-name", "--config-dir"),
    *("--experimental-rerun", "--info"),
)


def register_resolvers() -> None:
    """Make the interpolations of `conf/` known to OmegaConf."""
    OmegaConf.register_new_resolver(
        "tagfinder_first", lambda *values: next(v for v in values if v is not None), replace=True
    )
    # Two runs that start in the same second must not share a folder.
    OmegaConf.register_new_resolver(
        "tagfinder_unique", lambda: uuid.uuid4().hex[:6], use_cache=True, replace=True
    )
    OmegaConf.register_new_resolver("tagfinder_corpus", _corpus_name, replace=True)
    OmegaConf.register_new_resolver("tagfinder_job", _folder_of_job, replace=True)


def _folder_of_job(overrides: ListConfig) -> str:
    return folder_of_job(list(overrides))


def _corpus_name(data: DictConfig) -> str:
    return corpus_name(data.get("name"), data.get("path"))


def run_hydra(task: Callable[[DictConfig], None], arguments: Sequence[str], verb: str) -> None:
    """Compose a configuration and call a task with it, once or for each run of a sweep.

    Args:
        task: called with each configuration; does not raise.
        arguments: overrides and flags of the command line.
        verb: name of the command.

    Raises:
        InputError: the overrides do not compose.
    """
    arguments = with_quotes(arguments)
    check_renamed(arguments)
    check_flags(arguments, FLAGS)
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


def choice_of(group: str) -> str:
    """Return which option of a config group the running Hydra job uses."""
    return str(HydraConfig.get().runtime.choices[group])


def output_dir() -> Path:
    """Return the folder of the running Hydra job, as an absolute path."""
    return Path(HydraConfig.get().runtime.output_dir).absolute()


def overrides() -> list[str]:
    """Return the overrides that the running Hydra job was called with."""
    return list(HydraConfig.get().overrides.task)


# A job of a sweep may run in another process, which imports this module with its task.
register_resolvers()
