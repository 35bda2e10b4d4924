"""Whether a value of a configuration fits a type annotation, and what the annotation says."""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

PLAIN: dict[Any, tuple[type, ...]] = {
    int: (int,),
    float: (int, float),
    bool: (bool,),
    str: (str, Path),
    Path: (str, Path),
    type(None): (type(None),),
}
WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    type(None): "null",
    Path: "a path",
}


def fits(value: Any, annotation: Any) -> bool:
    """Tell whether a value fits; a type that configurations do not have fits everything.

    A whole number fits `float`, as in YAML.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is Literal:
        return value in arguments
    if annotation in PLAIN:
        # In Python a bool is an int; in a configuration it is not.
        is_bool = isinstance(value, bool) and annotation is not bool
        return isinstance(value, PLAIN[annotation]) and not is_bool
    return _fits_container(value, origin, arguments)


def _fits_container(value: Any, origin: Any, arguments: tuple[Any, ...]) -> bool:
    if not isinstance(origin, type):
        return True
    if issubclass(origin, Mapping):
        return isinstance(value, Mapping)
    if issubclass(origin, Sequence | Collection) and origin is not type:
        if not isinstance(value, list | tuple):
            return False
        inner = arguments[0] if arguments else Any
        return all(fits(one, inner) for one in value)
    return True


def in_words(annotation: Any) -> str:
    """Say what an annotation asks for.

    Example:
        >>> in_words(int | None), in_words(Literal["best", "last"])
        ('a whole number or null', 'best or last')
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(in_words, arguments)))
    if origin is Literal:
        return " or ".join(map(str, arguments))
    if annotation in WORDS:
        return WORDS[annotation]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping, as in {key: value}"
    if isinstance(origin, type) and issubclass(origin, Collection):
        inner = f" of which each is {in_words(arguments[0])}" if arguments else ""
        return f"a list, as in [a,b],{inner}".rstrip(",")
    return getattr(annotation, "__name__", str(annotation))
