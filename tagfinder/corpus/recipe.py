"""The recipe of a prepared corpus: source, cleaning, labels and split."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tagfinder.corpus.cleaning import Cleaning
from tagfinder.corpus.hashtags import HashtagRules
from tagfinder.corpus.selection import Selection
from tagfinder.corpus.sources import Source
from tagfinder.corpus.splitting import Split
from tagfinder.files import digest_of

FORMAT = 2


@dataclass(frozen=True)
class Steps:
    """The steps for posts of any source; a worker gets these.

    Attributes:
        cleaning: of their texts.
        rules: for their hashtags.
        selection: which hashtags and posts are taken.
        split: which post is in which part.
    """

    cleaning: Cleaning
    rules: HashtagRules
    selection: Selection
    split: Split


@dataclass(frozen=True)
class Recipe(Steps):
    """Source and steps of a prepared corpus.

    Attributes:
        source: of the posts.
        config: the steps as plain data, for the manifest and the cache key.
    """

    source: Source
    config: dict[str, Any]

    @property
    def steps(self) -> Steps:
        """The steps alone."""
        return Steps(self.cleaning, self.rules, self.selection, self.split)

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """Digests or parameters of the source; reading them may mean reading every file."""
        return self.source.fingerprint()

    @property
    def digest(self) -> str:
        """Digest of the input and the configuration, and of the lists of hashtags that it names."""
        parts = [FORMAT, self.fingerprint, self.config]
        if permitted := self.selection.permitted:
            allowed = None if permitted.allowed is None else sorted(permitted.allowed)
            parts.append([sorted(permitted.denied), allowed])
        return digest_of(parts)
