"""Lists of hashtags that are never suggested, or of the only ones that may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tagfinder.corpus.hashtags import are_hashtags, fold
from tagfinder.errors import InputError


@dataclass(frozen=True)
class HashtagFilter:
    """Hashtags that may be suggested.

    Attributes:
        denied: never suggested, even if in `allowed`; as `fold` gives them.
        allowed: the only ones that are suggested, likewise; None allows all.
    """

    denied: frozenset[str] = frozenset()
    allowed: frozenset[str] | None = None

    def __bool__(self) -> bool:
        """Whether any hashtag is left out."""
        return bool(self.denied) or self.allowed is not None

    def admit(self, hashtags: Sequence[str]) -> np.ndarray:
        """Return (N,) bool: whether each of N hashtags may be suggested."""
        return np.array([self._admits(fold(hashtag)) for hashtag in hashtags], dtype=bool)

    def _admits(self, folded: str) -> bool:
        return folded not in self.denied and (self.allowed is None or folded in self.allowed)


EVERY_HASHTAG = HashtagFilter()


def hashtag_filter(
    deny: str | Path | Iterable[str] | None = None, allow: str | Path | Iterable[str] | None = None
) -> HashtagFilter:
    """Return the filter of two lists in files, or of hashtags themselves.

    Args:
        deny: hashtags that are never suggested: a file with one a line, with or without `#`, or
            the hashtags. Empty lines and the ones that begin with `# ` do not count.
        allow: the only hashtags that are suggested, likewise.

    Raises:
        InputError: a file cannot be read, or a line is not a hashtag.

    Example:
        >>> permitted = hashtag_filter(deny=["#NSFW"])
        >>> permitted.admit(["nsfw", "news"]).tolist()
        [False, True]
    """
    return HashtagFilter(
        frozenset() if deny is None else _read("deny", deny),
        None if allow is None else _read("allow", allow),
    )


def _read(name: str, given: str | Path | Iterable[str]) -> frozenset[str]:
    if isinstance(given, str | Path):
        try:
            lines = Path(given).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{name} {given} cannot be read: {error}") from error
        origin = f"{name} {given}, line "
    else:
        lines, origin = list(given), f"{name}, hashtag "
    kept = [(n, line.strip()) for n, line in enumerate(lines, 1) if not line.startswith("# ")]
    numbered = [(n, line.lstrip("#＃")) for n, line in kept if line]
    names = pl.Series([line for _, line in numbered], dtype=pl.String)
    for (number, line), is_hashtag in zip(numbered, are_hashtags(names), strict=True):
        if not is_hashtag:
            raise InputError(f"{origin}{number}: {line!r} is no hashtag; write one a line")
    return frozenset(fold(name) for name in names)
