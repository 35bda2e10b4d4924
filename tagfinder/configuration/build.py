"""Objects from configurations: a `_target_` and its arguments.

The keys are those of Hydra's `instantiate` (`_target_`, `_partial_`). Two things differ: a wrong
value is answered with its key, and recommending does not wait for Hydra's imports.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, get_type_hints

from tagfinder.configuration.types import fits, in_words, target_of
from tagfinder.errors import InputError, TagFinderError

if TYPE_CHECKING:
    from omegaconf import DictConfig

TARGET = "_target_"
PARTIAL = "_partial_"
# Keys that say how something is built and are no arguments of it.
BUILDING = (TARGET, PARTIAL, "_convert_")


def build(config: Any, **keywords: Any) -> Any:
    """Instantiate a configuration; an error of the class itself is raised unchanged.

    Args:
        config: a mapping with `_target_`, resolved or not.
        keywords: further arguments; they replace those of the configuration.

    Raises:
        TagFinderError: the class says that the request is wrong.
        InputError: a key is not an argument of the class or has a value of another type, the class
            refuses a value, or it cannot be found.
    """
    if config is None:
        return None
    if not hasattr(config, "_get_full_key"):
        return _built(_with_target(config, ""), "", keywords)
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    key = str(config._get_full_key(""))
    try:
        resolved = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        missing = re.search(r"full_key: (\S+)", str(error))
        raise InputError(
            f"{missing[1] if missing else key} has no value; give it one, "
            f"as in {missing[1] if missing else key}=VALUE"
        ) from error
    return _built(_with_target(resolved, key), key, keywords)


def build_model(config: Any, label_set: Any, features: Any) -> Any:
    """Build a recommender for the labels and features of a corpus or of a saved run.

    Raises:
        TagFinderError: as `build`.
        InputError: a setting is missing, as in a run that another version trained, or unknown.
    """
    return complete_model(build(config), label_set, features)


def complete_model(make: Callable[..., Any], label_set: Any, features: Any) -> Any:
    """Call what `build` made of the group `model` with labels and features.

    Raises:
        TagFinderError: the class says that the request is wrong.
        InputError: a setting is missing, as in a run that another version trained.
    """
    try:
        return make(label_set=label_set, features=features)
    except TypeError as error:
        if "__init__()" not in str(error):
            raise
        raise InputError(
            f"model: {error}; a run of another version of TagFinder must be trained again"
        ) from error


def plain(config: DictConfig) -> dict[str, Any]:
    """Return a resolved configuration as plain dicts, lists and values."""
    from omegaconf import OmegaConf

    resolved = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(resolved, dict)
    return {str(key): value for key, value in resolved.items()}


def _with_target(config: Any, key: str) -> Any:
    if config is None or (isinstance(config, Mapping) and TARGET in config):
        return config
    raise InputError(
        f"{_dotted(key, TARGET)} is missing, which names the class to build from "
        f"{list(config) if isinstance(config, Mapping) else config}"
    )


def _built(value: Any, key: str, keywords: Mapping[str, Any] | None = None) -> Any:
    if isinstance(value, list):
        return [_built(inner, f"{key}.{place}") for place, inner in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    arguments = {
        str(name): _built(inner, f"{key}.{name}" if key else str(name))
        for name, inner in value.items()
        if name not in BUILDING
    }
    if TARGET not in value:
        return arguments
    target = locate(str(value[TARGET]), key)
    check_arguments(target, key, arguments)
    arguments |= keywords or {}
    if value.get(PARTIAL):
        return partial(target, **arguments)
    return _called(target, key, arguments)


def locate(name: str, key: str = "") -> Callable[..., Any]:
    """Import the object of a dotted name.

    Raises:
        InputError: there is no such thing, or a package that it needs is not installed.
    """
    module_name, _, attribute = name.rpartition(".")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as error:
        if error.name and not module_name.startswith(error.name):
            raise InputError(
                f"{name} needs the package {error.name}, which is not installed; "
                "pip install 'tagfinder[all]'"
            ) from error
        raise InputError(f"{_dotted(key, TARGET)}={name}: there is no such class") from error
    except (AttributeError, ImportError, ValueError) as error:
        raise InputError(f"{_dotted(key, TARGET)}={name}: there is no such class") from error
    return found


def check_arguments(target: Callable[..., Any], key: str, arguments: Mapping[str, Any]) -> None:
    """Refuse names that a class has not, and values that its annotations do not allow.

    Args:
        target: the class.
        key: where its arguments are in the configuration.
        arguments: name -> value; more may follow when it is called.

    Raises:
        InputError: naming key and value.
    """
    try:
        parameters = inspect.signature(target).parameters
    except ValueError:  # a class of a compiled module need not tell
        return
    takes_all = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    hints = _hints(target)
    for name, value in arguments.items():
        if name not in parameters and not takes_all:
            raise InputError(
                f"there is no key {_dotted(key, name)}; {key or 'it'} takes {', '.join(parameters)}"
            )
        if name in hints and not fits(value, hints[name]):
            raise InputError(f"{_dotted(key, name)}={value}: expected {in_words(hints[name])}")
        if isinstance(value, Mapping) and (inner := target_of(hints.get(name))):
            check_arguments(inner, _dotted(key, name), value)


def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    try:
        function = target.__init__ if inspect.isclass(target) else target
        return get_type_hints(function, include_extras=True)
    except Exception:  # a name that only a type checker imports
        return {}


def _called(target: Callable[..., Any], key: str, arguments: Mapping[str, Any]) -> Any:
    try:
        return target(**arguments)
    except TagFinderError:
        raise
    except ModuleNotFoundError as error:
        raise InputError(
            f"{key or target.__name__} needs the package {error.name}, which is not installed; "
            "pip install 'tagfinder[all]'"
        ) from error
    except Exception as error:
        reason = " ".join(str(error).split())
        named = _named_in(reason, arguments)
        where = f"{_dotted(key, named)}={arguments[named]}" if named else key
        raise InputError(f"{where}: {reason}") from error


def _named_in(reason: str, arguments: Mapping[str, Any]) -> str | None:
    """Return the argument that a message is about: by its name, else by its value."""
    plain_values = {n: v for n, v in arguments.items() if isinstance(v, str | int | float | list)}
    patterns = (
        lambda name: rf"\b{re.escape(name)}\b",
        lambda name: rf"(?i){re.escape(name)}",
        lambda name: rf"\b{re.escape(str(plain_values[name]))}\b",
    )
    for pattern in patterns:
        for name in plain_values:
            if re.search(pattern(name), reason):
                return name
    return None


def _dotted(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
