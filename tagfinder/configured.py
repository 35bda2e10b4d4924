"""Hydra behind the command line: composed configurations, and errors as one sentence."""

from __future__ import annotations

import difflib
import logging
import os
import re
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tagfinder.errors import InputError, TagFinderError
from tagfinder.paths import conf_dir

ERROR_LINE = re.compile(r"^\s*(?:full_key|object_type|reference_type)[:=].*$", re.MULTILINE)


def register_resolvers() -> None:
    """Make the interpolations of `conf/` known to OmegaConf."""
    OmegaConf.register_new_resolver(
        "tagfinder_first", lambda *values: next(v for v in values if v is not None), replace=True
    )
    # Two runs that start in the same second must not share a folder.
    OmegaConf.register_new_resolver(
        "tagfinder_unique", lambda: uuid.uuid4().hex[:6], use_cache=True, replace=True
    )


def run_configured(task: Callable[[DictConfig], Any], arguments: Sequence[str], verb: str) -> None:
    """Run `task` as a Hydra application with the given overrides and flags.

    Raises:
        TagFinderError: the overrides do not compose, or the task failed with one sentence.
    """
    register_resolvers()
    # Hydra would print its errors itself and end the process; we say them our way.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    decorated = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")
    before, sys.argv = sys.argv, [f"tagfinder {verb}", *arguments]
    try:
        decorated(task)()
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(error, arguments) from error
    finally:
        sys.argv = before
        logging.shutdown()


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


def explained(error: Exception, arguments: Sequence[str]) -> InputError:
    """Say what is wrong with the overrides, and which key or option was probably meant."""
    message = " ".join(ERROR_LINE.sub("", str(error)).split())
    for override in arguments:
        key, _, value = override.lstrip("+~").partition("=")
        if key.startswith("-") or (key not in message and value not in message):
            continue
        options = _options(key)
        if options and value not in options:
            return InputError(
                f"{key}={value}: there is no such option{_meant(value, options)}; "
                f"{key} is one of {', '.join(options)}"
            )
        if f"'{key}'" in message or key.rsplit(".", 1)[-1] in message:
            known = _known_keys()
            if key not in known:
                return InputError(f"{override}: there is no key {key}{_meant(key, known)}")
    return InputError(message)


def _meant(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def _options(group: str) -> list[str]:
    folder = conf_dir() / group.split("@", maxsplit=1)[0]
    return sorted(file.stem for file in folder.glob("*.yaml")) if folder.is_dir() else []


def _known_keys() -> list[str]:
    keys = {path.name for path in conf_dir().iterdir() if path.is_dir()}
    for file in sorted(conf_dir().rglob("*.yaml")):
        content = OmegaConf.load(file)
        globally = "@package _global_" in file.read_text(encoding="utf-8").partition("\n")[0]
        at_top = globally or file.parent == conf_dir()
        prefix = "" if at_top else f"{file.parent.relative_to(conf_dir()).as_posix()}."
        keys |= {prefix + key for key in _flattened(content)}
    return sorted(keys)


def _flattened(config: Any, prefix: str = "") -> list[str]:
    keys: list[str] = []
    if isinstance(config, DictConfig):
        for key in config:
            keys.append(f"{prefix}{key}")
            if not OmegaConf.is_interpolation(config, key):
                keys += _flattened(config[key], f"{prefix}{key}.")
    return keys


def chosen(group: str) -> str:
    """Return which option of a config group the running Hydra job uses."""
    return str(HydraConfig.get().runtime.choices[group])


def output_dir() -> Path:
    """Return the folder of the running Hydra job, as an absolute path."""
    return Path(HydraConfig.get().runtime.output_dir).absolute()


def overrides() -> list[str]:
    """Return the overrides that the running Hydra job was called with."""
    return list(HydraConfig.get().overrides.task)
