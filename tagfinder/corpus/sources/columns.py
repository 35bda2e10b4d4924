"""Which column or path of a file holds which field of a post."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any

from tagfinder.corpus.schema import RAW_SCHEMA
from tagfinder.corpus.sources.advice import SAMPLE, hashtag_column, text_column, time_column
from tagfinder.corpus.sources.forms import Form
from tagfinder.corpus.sources.json_paths import JOIN, Record, value_at
from tagfinder.errors import InputError

AUTO = "auto"
FORMAT_KEY = "created_at_format"
MOST_LISTED = 40
REPOST = "repost"
"""Field beside those of the raw schema: anything in it says that the post repeats another."""

Wanted = Mapping[str, str | int | Sequence[str | int] | None]


@dataclass(frozen=True)
class Columns:
    """Column names, or dotted paths, to look for, by field of the raw schema.

    Attributes:
        wanted: field to one name (which must be there), to alternatives (the present ones are
            taken in this order), to `auto` (what the recognised form has; it may be one
            of the alternatives), or to null (not read). `created_at_format` is no field: see
            `parse_dates`.
    """

    wanted: Wanted

    def __post_init__(self) -> None:
        unknown = sorted(set(self.wanted) - set(RAW_SCHEMA) - {FORMAT_KEY})
        if unknown:
            raise InputError(
                f"data.columns.{unknown[0]} is none of {', '.join((*RAW_SCHEMA, FORMAT_KEY))}"
            )

    @property
    def created_at_format(self) -> str | None:
        """How times are written, null if it is to be found out."""
        wanted = self.wanted.get(FORMAT_KEY)
        return None if wanted is None else str(wanted)

    def names(self, form: Form | None = None) -> dict[str, list[str]]:
        """Return the names to look for, by field, best first."""
        names = {}
        for field in RAW_SCHEMA:
            wanted = self.wanted.get(field)
            alternatives = [wanted] if isinstance(wanted, str | int) else wanted or ()
            known = form.columns.get(field, ()) if form else ()
            names[field] = [
                str(name) for one in alternatives for name in (known if one == AUTO else (one,))
            ]
        if form and REPOST in form.columns:
            names[REPOST] = list(form.columns[REPOST])
        return {field: found for field, found in names.items() if found}

    def is_demanded(self, field: str) -> bool:
        """Tell whether the field is required: the text, and every field given by one name."""
        wanted = self.wanted.get(field)
        return field == "text" or (isinstance(wanted, str | int) and wanted != AUTO)

    def find(
        self,
        available: Sequence[str],
        file: object,
        form: Form | None = None,
        sample: Sequence[Record] = (),
    ) -> dict[str, list[str]]:
        """Return for each field that `file` has the columns or paths that hold it, best first.

        Args:
            available: names of the columns, or keys of the records.
            file: for messages.
            form: the recognised form.
            sample: some records, which paths are looked for in.

        Raises:
            InputError: there is no column for the text, a column asked for by its only name is
                missing, or two columns have the name.
        """
        found = {}
        for field, names in {"text": [], **self.names(form)}.items():
            present = [
                name
                for name in self._spelled(field, names, available)
                if _is_there(name, available, sample)
            ]
            if not present and self.is_demanded(field):
                raise InputError(_missing(field, names, available, file, sample))
            if present:
                _refuse_repeated(present[0], available, file)
                found[field] = present
        return found

    def advice(
        self, found: Mapping[str, Sequence[str]], sample: Sequence[Record]
    ) -> tuple[str, ...]:
        """Say which columns may hold the times and hashtags that were not found.

        Args:
            found: result of `find`.
            sample: some records.
        """
        told = []
        for field, likely, without in (
            ("created_at", time_column, "posts have no times"),
            ("hashtags", hashtag_column, "hashtags are taken from the texts"),
        ):
            is_open = self.wanted.get(field) is not None and not self.is_demanded(field)
            if is_open and field not in found and (name := likely(sample[:SAMPLE])):
                told.append(
                    f"{without}; if {name} has them, set data.columns.{field}={quoted(name)}"
                )
        return tuple(told)

    def _spelled(self, field: str, names: Sequence[str], available: Sequence[str]) -> list[str]:
        """Return the names as the file spells them: `Text` is `text` where the form says it."""
        wanted = self.wanted.get(field)
        if wanted != AUTO and (isinstance(wanted, str | int) or AUTO not in (wanted or ())):
            return list(names)
        folded = {name.casefold(): name for name in reversed(available)}
        return [name if name in available else folded.get(name.casefold(), name) for name in names]


def _is_there(name: str, available: Collection[str], sample: Sequence[Record]) -> bool:
    if name in available:
        return True
    if JOIN in name:
        return all(_is_there(part, available, sample) for part in name.split(JOIN))
    if (
        name.partition(".")[0] not in available
        and "." in name
        and not any(column.startswith(name.partition(".")[0]) for column in available)
    ):
        return False
    return any(value_at(record, name) is not None for record in sample)


def _refuse_repeated(name: str, available: Sequence[str], file: object) -> None:
    if list(available).count(name) > 1:
        raise InputError(f"{file} has more than one column named {name}; rename all but one")


def _missing(
    field: str,
    names: Sequence[str],
    available: Sequence[str],
    file: object,
    sample: Sequence[Record],
) -> str:
    looked = f" (looked for {', '.join(names)})" if names else ""
    listed = ", ".join(available[:MOST_LISTED]) or "none"
    more = f" and {len(available) - MOST_LISTED} more" if len(available) > MOST_LISTED else ""
    return (
        f"{file} has no column for {field}{looked}; its columns are {listed}{more}"
        f"{_advice(field, names, available, sample)}"
    )


def _advice(
    field: str, names: Sequence[str], available: Sequence[str], sample: Sequence[Record]
) -> str:
    if field == "text":
        likely = text_column(islice(sample, SAMPLE))
        if likely:
            return f". The texts seem to be in {likely}: data.columns.text={quoted(likely)}"
        return ". Say where the texts are: data.columns.text=NAME, or a path such as record.text"
    close = next(
        (m for n in names for m in get_close_matches(n, available, n=1, cutoff=0.75)), None
    )
    return f"; did you mean data.columns.{field}={quoted(close)}?" if close else ""


def quoted(value: Any) -> str:
    """Return a value as it has to be typed after `key=` in a shell."""
    text = str(value)
    if all(character.isalnum() or character in "._-/" for character in text) and text.isascii():
        return text
    return f"\"'{text}'\"" if "'" not in text else f"'\"{text}\"'"
