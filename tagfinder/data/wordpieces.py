"""Texts as the numbers of an encoder's word pieces, for encoders that are trained further."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.data.encoder import (
    Encoder,
    EncoderFeatures,
    copy_encoder,
    digest_of_tokenizer,
    empty_encoder,
    knows_pieces,
    load_encoder,
    word_pieces,
)
from tagfinder.data.frozen_encoder import FrozenEncoder
from tagfinder.data.ragged import Ragged


class EncodedWordPieces:
    """Word pieces of texts.

    Attributes:
        lengths: (N,) word pieces, the special ones included.
    """

    def __init__(self, pieces: Ragged, padding: int) -> None:
        self.pieces = pieces
        self.padding = padding
        self.lengths = pieces.lengths

    def take(self, rows: np.ndarray) -> Tensor:
        """Return (B, T) int64 word pieces, padded at the end."""
        return torch.from_numpy(self.pieces.padded(rows, fill=self.padding))


class WordPieces(EncoderFeatures):
    """Texts cut by the tokenizer of a pre-trained encoder.

    Args:
        encoder: which encoder.
        column: the column of the corpus that is read.
    """

    @property
    def padding(self) -> int:
        """Number that pads the end of a short text."""
        return int(self.tokenizer.pad_token_id or 0)

    def starting_encoder(self) -> Any:
        """Return the encoder to train: pre-trained, or empty if a checkpoint will fill it."""
        if (self.folder / "model.safetensors").is_file():
            return load_encoder(self.folder, to_train=True)
        return empty_encoder(self.folder)

    def fit(self, corpus: PreparedCorpus) -> None:
        """Do nothing: there is nothing to learn."""

    def encode(self, texts: pl.Series) -> EncodedWordPieces:
        """Cut texts."""
        pieces = word_pieces(self.tokenizer, texts, self.encoder.max_length)
        return EncodedWordPieces(pieces, self.padding)

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text holds a word piece of the encoder."""
        return knows_pieces(self.tokenizer, texts, self.encoder.max_length)

    def key(self) -> dict[str, Any]:
        """Return the settings that determine how a text is cut."""
        tokenizer = digest_of_tokenizer(self.folder)
        return {
            "kind": "word_pieces",
            "tokenizer": tokenizer,
            "max_length": self.encoder.max_length,
        }

    def write(self, texts: pl.Series, folder: Path) -> None:
        """Write the word pieces of texts."""
        pieces = word_pieces(self.tokenizer, texts, self.encoder.max_length)
        np.save(folder / "values.npy", pieces.values)
        np.save(folder / "offsets.npy", pieces.offsets)

    def read(self, folder: Path) -> EncodedWordPieces:
        """Map the word pieces that `write` left."""
        values = np.load(folder / "values.npy", mmap_mode="r")
        pieces = Ragged(values, np.load(folder / "offsets.npy"))
        return EncodedWordPieces(pieces, self.padding)

    def save(self, folder: Path) -> None:
        """Copy configuration and tokenizer; the model's checkpoint holds the weights."""
        copy_encoder(self.folder, folder / "encoder", weights=False)

    def load(self, folder: Path) -> None:
        """Take configuration and tokenizer from a folder that `save` wrote."""
        self._folder = folder / "encoder"
        self._tokenizer = None


def encoder_features(encoder: Encoder, column: str = "clean") -> FrozenEncoder | WordPieces:
    """Return vectors for a frozen encoder, word pieces for one that is trained."""
    if encoder.trainable == "none":
        return FrozenEncoder(encoder, column)
    return WordPieces(encoder, column)
