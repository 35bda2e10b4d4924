"""The interface of a recommender without a fixed label set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeGuard

import numpy as np

from tagfinder.configuration.build import locate
from tagfinder.errors import InputError

if TYPE_CHECKING:
    from tagfinder.live.durable import AfterDeletions, DurableKnowledge
    from tagfinder.live.knowledge import Knowledge
    from tagfinder.live.postgres_log import PostgresLog


class OpenVocabulary(Protocol):
    """A recommender that can suggest every hashtag of the posts that it was taught.

    Its class has `open_vocabulary = True`; nothing else decides that it is treated as one.
    """

    open_vocabulary: ClassVar[bool]
    training_module: ClassVar[str]
    """Dotted path of the class that trains it, see `training.single_pass.OpenVocabularyModule`."""

    def state(self) -> dict[str, Any]:
        """Return what a run keeps of the training, as plain data and arrays."""

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned, or the state dict of a checkpoint.

        Raises:
            InputError: it is from a version with other features, or damaged.
        """

    def open_posts(
        self,
        folder: Path,
        *,
        writable: bool,
        log: PostgresLog | None = None,
        after_deletions: AfterDeletions | None = None,
    ) -> DurableKnowledge:
        """Open the posts of a run, to suggest from them or to teach more.

        Args:
            folder: of the posts.
            writable: whether they may be taught.
            log: that several machines share; None keeps the posts in the folder alone.
            after_deletions: see `DurableKnowledge`.
        """

    def suggest(
        self,
        knowledge: Knowledge,
        text: str,
        day: float,
        k: int,
        *,
        author: str | None,
        typed: list[str],
        vector: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return (K,) numbers of the best hashtags for a cleaned text, and (K,) scores in [0, 1].

        Args:
            knowledge: of `open_posts`.
            text: cleaned, without hashtags.
            day: time of the query, in days since 1970.
            k: most hashtags.
            author: who writes; None if unknown.
            typed: hashtags that the text has already.
            vector: (D,) of the text; None without an encoder.
        """


def has_open_vocabulary(module: Any) -> TypeGuard[OpenVocabulary]:
    """Tell whether a recommender, or its class, has no fixed label set."""
    return bool(getattr(module, "open_vocabulary", False))


def is_open_vocabulary_config(config: Any) -> bool:
    """Tell whether the `model` group of a configuration names such a recommender."""
    if not isinstance(config.get("_target_"), str):
        raise InputError(
            "the configuration names no model (model._target_); restore it from a copy"
        )
    try:
        return has_open_vocabulary(locate(config["_target_"]))
    except InputError:
        # Whoever builds it says what is wrong.
        return False
