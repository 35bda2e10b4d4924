"""What the features of a pre-trained encoder share, whether it is frozen or trained further."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tagfinder.data.encoder import Encoder, load_tokenizer


class EncoderFeatures:
    """An encoder's folder and tokenizer, found and loaded at their first use.

    Args:
        encoder: which encoder.
        column: the column of the corpus that is read.
    """

    def __init__(self, encoder: Encoder, column: str = "clean") -> None:
        self.encoder = encoder
        self.column = column
        self._folder: Path | None = None
        self._tokenizer: Any = None

    @property
    def folder(self) -> Path:
        """Folder with the encoder's configuration, tokenizer and weights."""
        self._folder = self._folder or self.encoder.folder()
        return self._folder

    @property
    def tokenizer(self) -> Any:
        """The tokenizer, loaded at its first use."""
        self._tokenizer = self._tokenizer or load_tokenizer(self.folder)
        return self._tokenizer
