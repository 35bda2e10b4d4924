"""JSON as strangers send it: anything may be anything."""

from __future__ import annotations

from typing import Any


def as_dict(value: Any) -> dict[str, Any]:
    """Return a mapping unchanged, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return a list unchanged, an empty one for anything else."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """Return a text unchanged.

    Raises:
        TypeError: it is not a string, or is empty.
    """
    if not isinstance(value, str) or not value:
        raise TypeError(f"text expected, not {value!r:.40}")
    return value
