"""Whether a value of a configuration fits a type annotation, and what the annotation says."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin


@dataclass(frozen=True)
class Only:
    """Narrows an annotation to some of its values.

    Attributes:
        accepts: whether a value that fits the annotation is one of them.
        words: what is expected instead of others.
    """

    accepts: Callable[[Any], bool]
    words: str


@dataclass(frozen=True)
class ArgumentsOf:
    """Marks a mapping that holds the arguments of a class.

    Attributes:
        target: the class, whose own annotations its values must fit.
    """

    target: Callable[..., Any]


# NumPy takes no larger seed.
HIGHEST_SEED = 2**32 - 1

PositiveInt = Annotated[int, Only(lambda n: n >= 1, "a whole number from 1")]
NonNegativeInt = Annotated[int, Only(lambda n: n >= 0, "a whole number from 0")]
Seed = Annotated[
    int, Only(lambda n: 0 <= n <= HIGHEST_SEED, f"a whole number from 0 to {HIGHEST_SEED}")
]
# No comparison holds for NaN.
PositiveFloat = Annotated[float, Only(lambda x: 0 < x < math.inf, "a number above 0")]
NonNegativeFloat = Annotated[float, Only(lambda x: 0 <= x < math.inf, "a number from 0")]
# Probabilities are shares too.
Share = Annotated[float, Only(lambda x: 0 <= x <= 1, "a number from 0 to 1")]
PositiveShare = Annotated[float, Only(lambda x: 0 < x <= 1, "a number above 0, up to 1")]
NgramRange = Annotated[
    Sequence[int],
    Only(
        lambda lengths: len(lengths) == 2 and 1 <= lengths[0] <= lengths[1],
        "the shortest and the longest n-gram, as in [1,2]",
    ),
]

PLAIN: dict[Any, tuple[type, ...]] = {
    int: (int,),
    float: (int, float),
    bool: (bool,),
    str: (str, Path),
    Path: (str, Path),
    type(None): (type(None),),
}
# Values as a file of settings has them, of which none is an object of a class.
WRITTEN = (str, int, float, list, Mapping)
WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    type(None): "null",
    Path: "a path",
}


def fits(value: Any, annotation: Any) -> bool:
    """Tell whether a value fits; an object fits every type that configurations do not have.

    A whole number fits `float`, as in YAML. A mapping without a class fits no class.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        narrowed = [one for one in arguments[1:] if isinstance(one, Only)]
        return fits(value, arguments[0]) and all(one.accepts(value) for one in narrowed)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is Literal:
        return value in arguments
    if annotation in PLAIN:
        # In Python a bool is an int; in a configuration it is not.
        is_bool = isinstance(value, bool) and annotation is not bool
        return isinstance(value, PLAIN[annotation]) and not is_bool
    if isinstance(annotation, type) and isinstance(value, WRITTEN):
        return _is_a(value, annotation)
    return _fits_container(value, origin, arguments)


def _is_a(value: Any, annotation: type) -> bool:
    if getattr(annotation, "_is_protocol", False):
        return False
    try:
        return isinstance(value, annotation)
    except TypeError:  # `Any` and the like
        return True


def target_of(annotation: Any) -> Callable[..., Any] | None:
    """Return the class whose arguments a mapping of this annotation holds, if it says one."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return next(filter(None, map(target_of, arguments)), None)
    marks = arguments[1:] if origin is Annotated else ()
    return next((one.target for one in marks if isinstance(one, ArgumentsOf)), None)


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
    if origin is Annotated:
        narrowed = [one.words for one in arguments[1:] if isinstance(one, Only)]
        return narrowed[-1] if narrowed else in_words(arguments[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(in_words, arguments)))
    if origin is Literal:
        return " or ".join(map(str, arguments))
    if annotation in WORDS:
        return WORDS[annotation]
    return _container_in_words(annotation, origin, arguments)


def _container_in_words(annotation: Any, origin: Any, arguments: tuple[Any, ...]) -> str:
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping, as in {key: value}"
    if isinstance(origin, type) and issubclass(origin, Collection):
        inner = f" of which each is {in_words(arguments[0])}" if arguments else ""
        return f"a list, as in [a,b],{inner}".rstrip(",")
    return getattr(annotation, "__name__", str(annotation))
