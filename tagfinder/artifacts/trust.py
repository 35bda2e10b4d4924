"""Check the configuration of a run or bundle: it may only build TagFinder's own parts.

A saved configuration names classes by `_target_`, which Hydra would import and call without a
check. Here only those pass that the packaged `conf/` names, and what the user trusts: `--trust
PACKAGE` on the command line, `trust=` in Python.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import yaml

from tagfinder.configuration.build import PARTIAL, TARGET, locate
from tagfinder.configuration.limits import check_size, limits
from tagfinder.configuration.renamed import upgraded
from tagfinder.errors import InputError
from tagfinder.paths import conf_dir

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
VARIABLE = "TAGFINDER_TRUST"
# Groups of `conf/` that no command builds when it opens a run.
NOT_OPENED = ("collect", "hydra", "logger", "serve", "sweep")
# Keys of a saved configuration that concern its own run only: never built or opened again.
OF_ITS_RUN: dict[str, Any] = {"callbacks": {}, "logger": {}, "rejects": None, "resume": False}
# Classes that `tagfinder combine` builds, which no configuration option names.
COMBINED = (
    "tagfinder.data.combined.CombinedFeatures",
    "tagfinder.models.combined.CombinedRecommender",
)
NAMED = re.compile(rf"^[\s-]*{TARGET}:\s*([\w.]+)[ ]*$(\n\s*{PARTIAL}:\s*true)?", re.MULTILINE)
# Keys of a saved configuration whose parts every command builds that opens it, and groups of
# `conf/` with parts that only training and scoring build: they read and write files.
RECOMMENDER = ("cleaning", "features", "model")
NOT_OF_RECOMMENDER = ("data", "evaluation", "executor", "trainer")

_trusted: ContextVar[tuple[str, ...]] = ContextVar("trusted", default=())


@contextmanager
def trusting(packages: str | Sequence[str]) -> Iterator[None]:
    """Let runs that are opened in the block build classes of packages.

    Args:
        packages: dotted names of packages or modules; all of their classes may be built.
    """
    more = (packages,) if isinstance(packages, str) else tuple(packages)
    token = _trusted.set((*_trusted.get(), *more))
    try:
        yield
    finally:
        _trusted.reset(token)


def trusted_packages() -> list[str]:
    """Return the packages that the user trusts, in this process or by its environment."""
    inherited = os.environ.get(VARIABLE, "").split(",")
    return [name for name in (*inherited, *_trusted.get()) if name]


@cache
def packaged_targets(key: str = "") -> frozenset[tuple[str, bool]]:
    """Return the classes that the packaged configuration can name for parts of a run.

    Args:
        key: of a saved configuration, under which they are.

    Returns:
        Each with whether it is only prepared there (`_partial_`): its folder comes later, from
        TagFinder.
    """
    without = (*NOT_OPENED, *(NOT_OF_RECOMMENDER if key in RECOMMENDER else ()))
    groups = (folder for folder in conf_dir().iterdir() if folder.name not in without)
    files = (file for group in groups for file in group.glob("*.yaml"))
    named = (found for file in files for found in NAMED.findall(file.read_text("utf-8")))
    combined = ((name, is_partial) for name in COMBINED for is_partial in (False, True))
    return frozenset((*((name, bool(partial)) for name, partial in named), *combined))


def packages_named(config: Any) -> list[str]:
    """Return the packages of the classes in a configuration that the user composed."""
    targets = (value for path, value in _leaves(config) if path and path[-1] == TARGET)
    return sorted({str(target).partition(".")[0] for target in targets})


def check_targets(config: Any, origin: Path) -> None:
    """Refuse a configuration that would build anything but parts of a recommender.

    Args:
        config: plain data.
        origin: the file that it is from.

    Raises:
        InputError: names what it would build, or an interpolation, which could read from this
            machine's environment.
    """
    for path, value in _leaves(config):
        key = path[-1] if path else None
        if key == TARGET:
            node = reduce(getitem, path[:-1], config)
            _check_target(value, bool(node.get(PARTIAL)), str(path[0]), origin)
        for text in (key, value):
            if isinstance(text, str) and "${" in text:
                raise InputError(
                    f"{origin}: {'.'.join(map(str, path))} holds an interpolation, which saved "
                    "configurations do not; it was not made by tagfinder"
                )


def _check_target(target: Any, is_partial: bool, key: str, origin: Path) -> None:
    if isinstance(target, str):
        if (target, is_partial) in packaged_targets(key):
            return
        for package in trusted_packages():
            if target.startswith(f"{package}."):
                _check_origin(target, package, origin)
                return
    cure = (
        "if it was one of an earlier version, train the run again with this one"
        if str(target).startswith("tagfinder.")
        else "where you know and trust its package, allow it by --trust PACKAGE, in Python by "
        "trust=PACKAGE"
    )
    raise InputError(f"{origin} asks for {target}, which is no part of tagfinder; {cure}")


def _check_origin(target: str, package: str, origin: Path) -> None:
    """Refuse objects that a trusted package only imports, such as `package.os.system`."""
    try:
        found = locate(target)
    except Exception as error:
        raise InputError(
            f"{origin} asks for {target}, which cannot be imported: {error}"
        ) from error
    home = str(getattr(found, "__module__", ""))
    if home != package and not home.startswith(f"{package}."):
        raise InputError(
            f"{origin} asks for {target}, which is from {home or 'elsewhere'}, not from the "
            f"trusted {package}"
        )


def _leaves(config: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield the path and value of each leaf, and of each `_target_`."""
    if len(path) > limits().max_depth:
        raise InputError(f"{'.'.join(map(str, path[:3]))}… is nested too deeply")
    if isinstance(config, dict):
        for key, value in config.items():
            if key == TARGET:
                yield (*path, key), value
            else:
                yield (*path, key), None
                yield from _leaves(value, (*path, key))
    elif isinstance(config, list):
        for number, value in enumerate(config):
            yield from _leaves(value, (*path, number))
    else:
        yield path, config


def read_saved_config(file: Path) -> dict[str, Any]:
    """Read the configuration of a run, which somebody else may have written.

    Keys that concern only the original run (loggers, callbacks, the file of rejects) are left out.

    Raises:
        InputError: it is no configuration, names a class that is not allowed, or holds an
            interpolation.
    """
    check_size(file, limits().max_config_bytes, "max_config_bytes")
    try:
        text = file.read_text(encoding="utf-8")
        _check_shape(text, file)
        # Plain YAML: interpolations are not resolved, which would run a resolver here.
        config = yaml.load(text, Loader=LOADER)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{file} is damaged or no configuration ({reason}); restore it from a copy"
        ) from error
    if not isinstance(config, dict) or not config:
        raise InputError(f"{file} is no configuration of a run; restore it from a copy")
    opened = {str(key): value for key, value in config.items()} | OF_ITS_RUN
    moved: dict[str, Any] = upgraded(opened)
    check_targets(moved, file)
    return moved


def _check_shape(text: str, file: Path) -> None:
    """Refuse YAML that is small in a file and large in memory."""
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise InputError(f"{file} holds aliases, which saved configurations do not")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > limits().max_depth:
            raise InputError(f"{file} is nested too deeply; it was not made by tagfinder")
