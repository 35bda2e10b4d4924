"""Which column of a file holds what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from tagfinder.corpus.schema import RAW_SCHEMA
from tagfinder.errors import InputError


@dataclass(frozen=True)
class Columns:
    """Column names to look for, by field of the raw schema.

    Attributes:
        wanted: field to one name (which must be there), to alternatives of which those that are
            there are taken in this order, or to null (not read).
    """

    wanted: Mapping[str, str | Sequence[str] | None]

    def __post_init__(self) -> None:
        unknown = sorted(set(self.wanted) - set(RAW_SCHEMA))
        if unknown:
            raise InputError(f"data.columns.{unknown[0]} is none of {', '.join(RAW_SCHEMA)}")

    def names(self) -> dict[str, list[str]]:
        """Return the names to look for, by field."""
        return {
            field: [wanted] if isinstance(wanted, str) else list(wanted)
            for field, wanted in self.wanted.items()
            if wanted
        }

    def find(self, available: Sequence[str], file: Path) -> dict[str, list[str]]:
        """Return for each field that `file` has the columns that hold it, best first.

        Raises:
            InputError: there is no column for the text, or a column asked for by its only name
                is missing.
        """
        found = {}
        for field, names in {"text": [], **self.names()}.items():
            present = [name for name in names if name in available]
            if not present and (field == "text" or isinstance(self.wanted[field], str)):
                raise InputError(_missing(field, names, available, file))
            if present:
                found[field] = present
        return found


def _missing(field: str, names: list[str], available: Collection[str], file: Path) -> str:
    close = [get_close_matches(name, available, n=1, cutoff=0.5) for name in names or [field]]
    guess = next((match[0] for match in close if match), "NAME")
    looked = f" (looked for {', '.join(names)})" if names else ""
    return (
        f"{file} has no column for {field}{looked}; its columns are "
        f"{', '.join(available) or 'none'}. Say which one it is: data.columns.{field}={guess}"
    )
