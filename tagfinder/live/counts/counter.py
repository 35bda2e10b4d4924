"""Declarations of counts: storage, saving, loading and documentation are derived from them."""

from __future__ import annotations

from typing import Literal, TypeVar, overload

import numpy as np

from tagfinder.live.counts.arrays import DecayedCounts, GrowableArray

Axis = Literal["post", "hashtag", "author", "pair"]
"""What has one row each; a pair is an author with a hashtag that they used."""

CounterT = TypeVar("CounterT", bound="Counter")


class Counter:
    """Declares an array with one row for each post, hashtag, author or pair.

    As an attribute of a class it creates a `GrowableArray` for each instance (`create_counts`).

    Args:
        axis: what has a row.
        meaning: what a row says.
        dtype: of the values.
        width: values in a row; None for one value.
        fill: initial value.
    """

    def __init__(
        self,
        axis: Axis,
        meaning: str,
        dtype: type[np.generic] = np.int32,
        *,
        width: int | None = None,
        fill: float = 0,
    ) -> None:
        self.name = ""
        self.axis = axis
        self.meaning = meaning
        self.dtype = dtype
        self.width = width
        self.fill = fill

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self: CounterT, instance: None, owner: type) -> CounterT: ...
    @overload
    def __get__(self, instance: object, owner: type) -> GrowableArray: ...
    def __get__(self, instance: object | None, owner: type) -> Counter | GrowableArray:
        # An instance finds its own array in its `__dict__`, before this is asked.
        if instance is None:
            return self
        raise AttributeError(f"{owner.__name__} has no {self.name} before create_counts")

    def create(self) -> GrowableArray | DecayedCounts:
        """Return an empty array."""
        return GrowableArray(self.dtype, self.width, self.fill)

    @property
    def kind(self) -> str:
        """The stored type in words."""
        shape = "" if self.width is None else f" × {self.width}"
        return f"{np.dtype(self.dtype).name}{shape}"


class DecayedCounter(Counter):
    """Declares counts that decay, see `DecayedCounts`.

    Args:
        axis: what has a row.
        meaning: what is counted.
        half_lives: in days.
    """

    def __init__(self, axis: Axis, meaning: str, half_lives: tuple[float, ...]) -> None:
        super().__init__(axis, meaning, np.float32, width=len(half_lives))
        self.half_lives = half_lives

    @overload  # type: ignore[override]
    def __get__(self: CounterT, instance: None, owner: type) -> CounterT: ...
    @overload
    def __get__(self, instance: object, owner: type) -> DecayedCounts: ...
    def __get__(self, instance: object | None, owner: type) -> Counter | DecayedCounts:
        return super().__get__(instance, owner)  # type: ignore[return-value]

    def create(self) -> DecayedCounts:
        """Return empty counts."""
        return DecayedCounts(self.half_lives)

    @property
    def kind(self) -> str:
        """The stored type in words."""
        days = ", ".join(f"{half_life:g}" for half_life in self.half_lives)
        return f"decayed, half-lives {days} days"


def declared_counters(owner: type) -> list[Counter]:
    """Return the counters that a class declares, in order."""
    return [value for value in vars(owner).values() if isinstance(value, Counter)]


def create_counts(instance: object) -> None:
    """Give an instance empty arrays for all counters that its class declares."""
    for counter in declared_counters(type(instance)):
        vars(instance)[counter.name] = counter.create()
