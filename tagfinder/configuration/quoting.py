"""Values with signs that Hydra's grammar keeps for itself: quoted where they can mean one thing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from tagfinder.errors import InputError

TEXTS = re.compile(
    r"(?:data\.(?:path|name|separator|quote|escape|encoding|hashtag_separator|columns\.\w+)"
    r"|run_dir|rejects|resume)$"
)
"""Keys whose values are texts: what is no value of Hydra's can only be the text itself."""
PATHS = "data.path"
# Begins of a list, a mapping, a text in quotes, or a function of Hydra.
_BEGINS = re.compile(r"[\[{'\"]|\w+\(")


def with_quotes(arguments: Sequence[str]) -> list[str]:
    """Return overrides and flags, with quotes around values that Hydra would misread.

    Raises:
        InputError: an override cannot be read and may mean several things; the sentence has the
            form to type.
    """
    parser = OverridesParser.create()
    return [
        argument if argument.startswith("-") else _one(argument, parser) for argument in arguments
    ]


def _one(override: str, parser: OverridesParser) -> str:
    key, sign, value = override.partition("=")
    if not sign:
        return override
    bare = key.lstrip("+~")
    if bare == PATHS:
        if _is_file(value):
            return f"{key}={quoted(value)}"
        files = value[1:-1].split(",") if value.startswith("[") and value.endswith("]") else []
        if files and all(_is_file(file.strip()) for file in files):
            return f"{key}=[{','.join(quoted(file.strip()) for file in files)}]"
    if _is_read(override, parser):
        return override
    fixed = f"{key}={quoted(value)}"
    if TEXTS.match(bare) and (len(value) == 1 or not _BEGINS.match(value)):
        return fixed
    if _is_read(fixed, parser):
        raise InputError(
            f"{override}: the value has signs with a meaning of their own; if it is a text, quote "
            f'it twice, for the shell and for Hydra: "{key}={quoted(value)}"'
        )
    return override


def _is_file(value: str) -> bool:
    try:
        return bool(value) and Path(value).expanduser().exists()
    except (OSError, ValueError):
        return False


def _is_read(override: str, parser: OverridesParser) -> bool:
    try:
        parser.parse_override(override)
    except HydraException:
        return False
    return True


def quoted(value: str) -> str:
    r"""Return a text as Hydra's grammar quotes it: `it\'s` in `'it\'s'`."""
    escaped = re.sub(r"(\\*)'", lambda match: match[1] * 2 + r"\'", value)
    ends = re.search(r"\\*$", escaped)
    assert ends is not None
    return f"'{escaped}{ends[0]}'".replace("${", r"\${")
