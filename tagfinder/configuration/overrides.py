"""Explain a wrong override, and suggest the right one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import yaml

from tagfinder.errors import InputError
from tagfinder.paths import conf_dir

# What Hydra says to a value with commas.
AMBIGUOUS = "Ambiguous value"


def explained(error: Exception, overrides: Sequence[str]) -> InputError:
    """Turn an error of composing into a sentence that names the override at fault.

    Args:
        error: what Hydra or OmegaConf raised.
        overrides: the command line's overrides and flags.
    """
    message = " ".join(str(error).split())
    for override in overrides:
        key, value = _parsed(override)
        options = _options(key)
        if options and value not in options and value in message:
            return InputError(
                f"{key}={value}: there is no such option{_option_meant(key, value, options)}; "
                f"{key} is one of {', '.join(options)}"
            )
        if key and not override.startswith("-") and _names(message, key):
            return InputError(f"{override}: {_wrong(override, key, message, _chosen(overrides))}")
    return InputError(message)


def _wrong(override: str, key: str, message: str, chosen: Mapping[str, str]) -> str:
    """Say what is wrong with an override that Hydra's message names."""
    if "=" not in override:
        return f"a setting is written KEY=VALUE; your own file is data=files data.path={override}"
    if AMBIGUOUS in message:
        return "a decimal has a point, a list brackets ([1,2]), and several runs need --multirun"
    # A key of an option that was not chosen would not help.
    meant = _key_meant(key, list(_defaults(chosen)))
    if key not in _defaults():
        return f"there is no key {key}{meant}"
    return _has_it(key, chosen) or f"the chosen options have no key {key}{meant}"


def check_flags(arguments: Sequence[str], known: Collection[str]) -> None:
    """Refuse a setting that is written as a flag.

    Raises:
        InputError: names the flag and the override to write.
    """
    for place, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if not name.startswith("--") or name in known:
            continue
        following = arguments[place + 1] if place + 1 < len(arguments) else ""
        value = value or ("VALUE" if not following or "=" in following else following)
        raise InputError(
            f"{name}: there is no such flag; settings are written without dashes, as in "
            f"{name.lstrip('-')}={value}"
        )


def check_types(overrides: Sequence[str]) -> None:
    """Refuse a word where every default of the key is a number.

    Raises:
        InputError: naming the override and a value that would do.
    """
    defaults = _defaults(_chosen(overrides))
    for override in overrides:
        key, value = _parsed(override)
        numbers = [default for default in defaults.get(key, []) if _is_number(default)]
        if numbers and len(numbers) == len(defaults[key]) and _is_word(value):
            raise InputError(f"{override}: {key} is a number, as in {key}={numbers[0]}")


def keys_of() -> list[str]:
    """Return every key and group that an override may name, for completion."""
    return sorted(key for key in _defaults() if "_target_" not in key and "hydra" not in key)


def options_of(group: str) -> list[str]:
    """Return the options of a config group; none for a plain key."""
    return _options(group)


def _names(message: str, key: str) -> bool:
    # Not `data` where `data.rows` is meant.
    return re.search(rf"(?<![\w.]){re.escape(key)}(?!\.?\w)", message) is not None


def _parsed(override: str) -> tuple[str, str]:
    key, _, value = override.lstrip("+~").partition("=")
    return key, value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_word(text: str) -> bool:
    # A sweep's list of values (1,2,3) or an expression of Hydra's is left to Hydra.
    return text.isalpha() and isinstance(yaml.safe_load(text), str)


def _meant(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def _key_meant(key: str, known: Sequence[str]) -> str:
    """Suggest a key beside it, else one elsewhere, else name all that are beside it."""
    parent, _, name = key.rpartition(".")
    beside: dict[str, str] = {}
    elsewhere: dict[str, str] = {}
    for one in known:
        above, _, last = one.rpartition(".")
        group = one.partition(".")[0]
        if last.startswith("_") or group in ("hydra", "sweep"):
            continue
        if above == parent:
            beside[last] = one
        elif one.count(".") == 1 or group == key.partition(".")[0]:
            elsewhere.setdefault(last, one)
    # A name that is right elsewhere comes before one that is similar here.
    for names, cutoff in ((elsewhere, 1.0), (beside, 0.6), (elsewhere, 0.75)):
        if close := difflib.get_close_matches(name, names, n=1, cutoff=cutoff):
            return f"; did you mean {names[close[0]]}?"
    return f"; {parent} has {', '.join(sorted(beside))}" if parent and beside else ""


def _option_meant(group: str, value: str, options: Sequence[str]) -> str:
    if group == "data" and "." in value:
        return f"; your own file is data=files data.path={value}"
    parts = [option for option in options if value in option]
    return _meant(value, options) or (f"; did you mean {' or '.join(parts)}?" if parts else "")


def _has_it(key: str, chosen: Mapping[str, str]) -> str:
    """Name the options of a key's group that have it; an empty text if it is of another group."""
    group = key.partition(".")[0]
    if group not in chosen:
        return ""
    having = [f"{group}={o}" for o in _options(group) if key in _defaults({**chosen, group: o})]
    has = "has it" if len(having) == 1 else "have it"
    return f"{group}={chosen[group]} has no key {key}; {', '.join(having)} {has}" if having else ""


def _options(group: str) -> list[str]:
    folder = conf_dir() / group
    return sorted(file.stem for file in folder.glob("*.yaml")) if group and folder.is_dir() else []


def _chosen(overrides: Sequence[str]) -> dict[str, str]:
    """Return the options of the groups that no other option chooses for a user."""
    config = yaml.safe_load((conf_dir() / "config.yaml").read_text(encoding="utf-8"))
    named = {
        key: one for entry in config["defaults"] if entry != "_self_" for key, one in entry.items()
    }
    named |= dict(map(_parsed, overrides))
    return {group: str(named[group]) for group in ("model", "data", "experiment")}


def _defaults(chosen: Mapping[str, str] | None = None) -> dict[str, list[Any]]:
    """Return every key of `conf/` with the values that the files give it.

    Args:
        chosen: group -> option; other options of these groups are left out. None takes all.
    """
    defaults: dict[str, list[Any]] = {}
    for file in sorted(conf_dir().rglob("*.yaml")):
        group = file.parent.relative_to(conf_dir()).as_posix()
        # An option may build on another of its name's beginning, as bert_minilm on bert.
        if chosen and not chosen.get(group, file.stem).startswith(file.stem):
            continue
        text = file.read_text(encoding="utf-8")
        globally = text.startswith("# @package _global_")
        prefix = "" if globally or group == "." else f"{group}."
        for key, value in _flattened(yaml.safe_load(text), prefix):
            defaults.setdefault(key, []).append(value)
        if group != ".":
            defaults.setdefault(group, [])
    return defaults


def _flattened(config: Any, prefix: str) -> list[tuple[str, Any]]:
    items: list[tuple[str, Any]] = []
    for key, value in config.items() if isinstance(config, dict) else ():
        items += [(f"{prefix}{key}", value), *_flattened(value, f"{prefix}{key}.")]
    return items
