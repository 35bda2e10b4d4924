"""Limits of the files that are read, from one configuration."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import yaml

from tagfinder.errors import InputError
from tagfinder.paths import conf_dir

VARIABLE = "TAGFINDER_LIMITS"


@dataclass(frozen=True)
class Limits:
    """Limits on files; `conf/limits/default.yaml` explains each."""

    max_config_bytes: int
    max_depth: int
    max_json_bytes: int
    max_row_group_bytes: int
    max_vector_line_bytes: int
    probe_memory_bytes: int
    probe_seconds: int


def limits() -> Limits:
    """Return the packaged limits, some of them replaced by the file that TAGFINDER_LIMITS names.

    Raises:
        InputError: the file cannot be read, or has an unknown key or invalid value.
    """
    return _limits(os.environ.get(VARIABLE) or None)


@cache
def _limits(own: str | None) -> Limits:
    values = yaml.safe_load((conf_dir() / "limits" / "default.yaml").read_text("utf-8"))
    names = [field.name for field in fields(Limits)]
    if own is not None:
        try:
            replaced = yaml.safe_load(Path(own).read_text("utf-8")) or {}
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise InputError(f"{VARIABLE}={own} cannot be read: {_one_line(error)}") from error
        if not isinstance(replaced, dict):
            raise InputError(f"{VARIABLE}={own} is not a mapping of keys to numbers")
        for name, value in replaced.items():
            if name not in names or not isinstance(value, int) or value <= 0:
                raise InputError(
                    f"{VARIABLE}={own}: {name}={value!r}; the keys are {', '.join(names)}, each a "
                    "whole number above 0"
                )
        values |= replaced
    return Limits(**values)


def check_size(path: Path, most: int, key: str) -> None:
    """Refuse a file that is larger than a limit, or endless: a device, or a pipe.

    Args:
        path: the file.
        most: the limit, in bytes.
        key: its name in `conf/limits`.

    Raises:
        InputError: it is; names the limit.
    """
    check_ordinary(path)
    size = path.stat().st_size
    if size > most:
        raise InputError(
            f"{path} has {size:,} bytes, limits.{key} allows {most:,}; if you trust it, raise the "
            f"limit in a file that {VARIABLE} names"
        )


def check_ordinary(path: Path) -> None:
    """Refuse a device, a pipe or a socket, also behind a link: it may be endless, or wait for ever.

    Raises:
        InputError: it is one.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(f"{path} is no ordinary file; restore it from a copy")


def check_ordinary_files(folder: Path) -> None:
    """Refuse devices, pipes and sockets in a folder.

    Raises:
        InputError: there is one.
    """
    for file in folder.glob("*"):
        # A link to nowhere, or a file that another process has just removed.
        with suppress(FileNotFoundError):
            check_ordinary(file)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
