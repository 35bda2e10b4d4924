"""Encode texts once: the result is kept on disk under a key of its inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import polars as pl

from tagfinder.data.features import EncodedTexts, Features
from tagfinder.files import digest_of, healed_folder, is_whole
from tagfinder.paths import cache_dir


@runtime_checkable
class StorableFeatures(Features, Protocol):
    """Features whose encoded texts can be written to files and mapped from there."""

    def key(self) -> dict[str, Any]:
        """Return everything but the texts that the encoding depends on, as JSON-able values."""

    def write(self, texts: pl.Series, folder: Path) -> None:
        """Encode texts of `column` into files of an empty folder."""

    def read(self, folder: Path) -> EncodedTexts:
        """Open what `write` left; large arrays stay on disk, mapped."""


@runtime_checkable
class KeepingFeatures(Features, Protocol):
    """Features that cache encoded texts, so that no text is encoded twice."""

    def encode_once(self, texts: pl.Series) -> EncodedTexts:
        """Encode texts of `column`, or open what was encoded before."""


def encode_once(features: Features, texts: pl.Series) -> EncodedTexts:
    """Encode a part's texts, or open what an earlier run or another process encoded.

    Meant for whole parts of a corpus. A person's single text goes to `features.encode`, which
    writes nothing.
    """
    if isinstance(features, KeepingFeatures):
        return features.encode_once(texts)
    if not isinstance(features, StorableFeatures):
        return features.encode(texts)
    storable = features
    folder = cached_folder(
        "features",
        {"features": storable.key(), "texts": digest_of_texts(texts)},
        lambda folder: storable.write(texts, folder),
    )
    return storable.read(folder)


def cached_folder(kind: str, key: dict[str, Any], fill: Callable[[Path], None]) -> Path:
    """Return the cache's folder for `key`, filled by `fill` if it is not there or is damaged.

    Two processes may ask for the same key at once: each fills a folder of its own, and the first to
    finish is kept.
    """
    folder = cache_dir() / kind / digest_of(key)
    if not is_whole(folder):
        with healed_folder(folder) as temporary:
            fill(temporary)
    return folder


def digest_of_texts(texts: pl.Series) -> str:
    """Return the SHA-256 of texts and their lengths, as hexadecimal digits."""
    digest = hashlib.sha256(texts.str.len_bytes().to_numpy().tobytes())
    for part in texts.to_frame().iter_slices(50_000):
        digest.update("".join(part.to_series()).encode())
    return digest.hexdigest()
