"""The name of a corpus, as tables show it and folders have it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

# Of a name that is made from a path; a folder's name must not grow with it.
LONGEST = 40
UNUSUAL = re.compile(r"[^\w.-]+")


def corpus_name(name: str | None, path: str | Sequence[str] | None) -> str:
    """Return the name that was given, or else one from where the posts are.

    Example:
        >>> corpus_name(None, "exports/my posts.csv"), corpus_name(None, ["a/*.csv", "b"])
        ('my_posts', 'a')
    """
    if name is not None:
        return name
    first = path if isinstance(path, str) or path is None else next(iter(path), None)
    places = [] if first is None else [Path(first).absolute(), *Path(first).absolute().parents]
    # A pattern has no name; the folder that it is in has.
    stems = (place.name.partition(".")[0] for place in places if not set("*?[") & set(place.name))
    made = next((UNUSUAL.sub("_", stem)[:LONGEST].strip("-_") for stem in stems if stem), "")
    return made or "files"
