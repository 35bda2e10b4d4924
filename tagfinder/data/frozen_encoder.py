"""A frozen encoder's vector of each text, computed once and kept on disk.

An encoder that does not learn gives the same vector in every epoch, so that 30 epochs of BERT
cost one pass and 30 epochs of a linear layer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.data.encoder import (
    WEIGHTS,
    Encoder,
    EncoderFeatures,
    copy_encoder,
    digest_of_tokenizer,
    knows_pieces,
    load_encoder,
    pooled,
    word_pieces,
)
from tagfinder.data.ragged import Ragged
from tagfinder.data.vector_store import StoredVectors, stored_vectors
from tagfinder.files import digest_of, read_json, sha256_of, write_json
from tagfinder.paths import cache_dir

logger = logging.getLogger(__name__)

# Word pieces in a batch: enough to keep a device busy, on a processor few enough for its caches.
BATCH_PIECES = {"cpu": 4096, "cuda": 65_536}
# cuDNN's attention is not among them: it plans again for each shape, and here nearly every batch
# has a shape of its own.
ATTENTION = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
# Least cosine of the two precisions' vectors, over a sample of texts.
AGREEMENT = 0.999
SAMPLE = 64


class EncodedVectors:
    """One vector per text.

    Attributes:
        vectors: (N, D), in memory or on disk.
        lengths: (N,) ones: no text is longer than another.
    """

    def __init__(self, vectors: np.ndarray | StoredVectors) -> None:
        self.vectors = vectors
        self.lengths = np.ones(len(vectors), dtype=np.int64)

    def take(self, rows: np.ndarray) -> Tensor:
        """Return (B, D) float32 vectors."""
        return torch.from_numpy(self.vectors[rows].astype(np.float32))


class FrozenEncoder(EncoderFeatures):
    """Texts as the vectors that a pre-trained encoder gives them.

    Args:
        encoder: which encoder.
        column: the column of the corpus that is read.
    """

    def __init__(self, encoder: Encoder, column: str = "clean") -> None:
        super().__init__(encoder, column)
        self.precision = encoder.precision
        self._model: Any = None

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return int(read_json(self.folder / "config.json")["hidden_size"])

    def fit(self, corpus: PreparedCorpus) -> None:
        """Choose the precision with some training texts if it is `auto`."""
        if self.precision == "auto":
            texts = corpus.part("train", [self.column])[self.column].head(SAMPLE)
            self.precision = self._agreeing_precision(texts)

    def encode(self, texts: pl.Series) -> EncodedVectors:
        """Compute the vectors of texts."""
        return EncodedVectors(self._vectors(texts, self._numpy_dtype()))

    def encode_once(self, texts: pl.Series) -> EncodedVectors:
        """Return the vectors of texts; the ones that were never computed here are, and are kept."""
        folder = cache_dir() / "vectors" / digest_of(self.key())
        empty = np.empty((0, self.dimension), self._numpy_dtype())
        return EncodedVectors(stored_vectors(folder, texts, self._write, empty))

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text holds a word piece of the encoder."""
        return knows_pieces(self.tokenizer, texts, self.encoder.max_length)

    def key(self) -> dict[str, Any]:
        """Return the settings that determine a text's vector."""
        return {
            "name": self.encoder.name,
            "revision": self.encoder.revision,
            "weights": sha256_of(self.folder / WEIGHTS),
            "tokenizer": digest_of_tokenizer(self.folder),
            "pooling": self.encoder.pooling,
            "max_length": self.encoder.max_length,
            "precision": self.precision,
        }

    def save(self, folder: Path) -> None:
        """Copy the encoder, so that the folder gives vectors of new texts on its own."""
        copy_encoder(self.folder, folder / "encoder", weights=True)
        write_json(folder / "precision.json", self.precision)

    def load(self, folder: Path) -> None:
        """Take the encoder from a folder that `save` wrote."""
        self._folder = folder / "encoder"
        self._model = self._tokenizer = None
        self.precision = read_json(folder / "precision.json")

    def _numpy_dtype(self) -> type[np.floating]:
        # In the range of an encoder's outputs, float16 is at least as precise as bfloat16.
        return np.float16 if self.precision == "bfloat16" else np.float32

    def _write(self, texts: pl.Series, file: Path) -> None:
        vectors = np.lib.format.open_memmap(
            file, mode="w+", dtype=self._numpy_dtype(), shape=(len(texts), self.dimension)
        )
        self._fill(vectors, texts, f"{self.encoder.name}: {len(texts):,} texts")
        vectors.flush()

    def _vectors(self, texts: pl.Series, dtype: type[np.floating]) -> np.ndarray:
        vectors = np.empty((len(texts), self.dimension), dtype=dtype)
        self._fill(vectors, texts)
        return vectors

    @torch.inference_mode()
    def _fill(self, vectors: np.ndarray, texts: pl.Series, title: str | None = None) -> None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        pieces = word_pieces(self.tokenizer, texts, self.encoder.max_length)
        model = self._loaded(device)
        batches = list(batches_of_one_length(pieces, BATCH_PIECES[device]))
        with sdpa_kernel(ATTENTION):
            for rows in _tracked(batches, title) if title else batches:
                tokens = torch.from_numpy(pieces.padded(rows, fill=0)).to(device)
                hidden = model(input_ids=tokens).last_hidden_state
                mask = torch.ones_like(tokens)
                vectors[rows] = pooled(hidden, mask, self.encoder.pooling).cpu().numpy()

    def _loaded(self, device: str) -> Any:
        if self._model is None:
            self._model = load_encoder(self.folder)
        dtype = torch.bfloat16 if self.precision == "bfloat16" else torch.float32
        if next(self._model.parameters()).dtype != dtype:
            self._model = load_encoder(self.folder).to(dtype)
        return self._model.to(device)

    def _agreeing_precision(self, texts: pl.Series) -> Any:
        if not fast_bfloat16() or texts.is_empty():
            return "float32"
        self.precision = "float32"
        exact = torch.from_numpy(self._vectors(texts, np.float32))
        self.precision = "bfloat16"
        rounded = torch.from_numpy(self._vectors(texts, np.float32))
        agreement = float(torch.cosine_similarity(exact, rounded).min())
        logger.info("bfloat16 agrees with float32: least cosine %.5f", agreement)
        return "bfloat16" if agreement >= AGREEMENT else "float32"


def _tracked(batches: list[np.ndarray], title: str) -> Iterable[np.ndarray]:
    # Imported here: a few texts need no progress bar, which takes longer to import than to encode.
    from tagfinder.progress import track

    return track(batches, title)


def batches_of_one_length(pieces: Ragged, batch_pieces: int) -> Iterator[np.ndarray]:
    """Yield row numbers, the longest texts first; texts of a batch are equally long.

    A batch has at most `batch_pieces` word pieces, or one text.

    Without padding no computation is wasted, and a text's vector is the same to the last bit in any
    batch. With padding in half precision it would not be.
    """
    lengths = pieces.lengths
    order = np.argsort(-lengths, kind="stable")
    borders = np.flatnonzero(np.diff(lengths[order])) + 1
    for rows in np.split(order, borders):
        if len(rows):
            size = max(batch_pieces // max(int(lengths[rows[0]]), 1), 1)
            yield from (rows[i : i + size] for i in range(0, len(rows), size))


def fast_bfloat16() -> bool:
    """Tell whether this machine computes faster in bfloat16 than in float32."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    capabilities = torch.backends.cpu.get_cpu_capability()
    flags = Path("/proc/cpuinfo")
    return "AVX512" in capabilities and flags.exists() and "avx512_bf16" in flags.read_text()
