"""Modules that learn in one pass, and what training asks of those with an open vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeGuard

import pytorch_lightning as lightning

from tagfinder.corpus.prepared import LabelSet, Part
from tagfinder.live.rankings import Rankings
from tagfinder.models.open_vocabulary import OpenVocabulary, has_open_vocabulary


class SinglePassModule(lightning.LightningModule):
    """Learns in its first training step, without an optimizer.

    Args:
        label_set: the hashtags that steps number.
    """

    single_pass = True

    def __init__(self, label_set: LabelSet) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.label_set = label_set

    def configure_optimizers(self) -> None:
        """Nothing is optimised step by step."""


class OpenVocabularyModule(Protocol):
    """Trains a recommender with an open vocabulary, which is its class's only argument.

    It is a `LightningModule` whose steps return `top_labels` and `top_scores` to the evaluator.
    """

    open_vocabulary: ClassVar[bool]
    recommender: OpenVocabulary

    def keep(self, folder: Path) -> None:
        """Write all posts of the corpus to a folder that `open_posts` opens."""

    def without_author(self, part: Part) -> Rankings | None:
        """Return the rankings of a part with authors hidden, None if there are none."""


def trains_open_vocabulary(module: Any) -> TypeGuard[OpenVocabularyModule]:
    """Tell whether a module trains a recommender without a fixed label set."""
    return has_open_vocabulary(module)
