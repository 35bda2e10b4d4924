"""Where word vectors start from: chance, Word2Vec on the corpus, or a GloVe-format file."""

from __future__ import annotations

import gzip
import logging
import zlib
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tagfinder.configuration.limits import limits
from tagfinder.configuration.types import PositiveInt, Seed
from tagfinder.data.feature_cache import cached_folder
from tagfinder.errors import InputError
from tagfinder.files import digest_of, sha256_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EmbeddingTable:
    """One vector per word of a vocabulary.

    Attributes:
        source: `scratch`, `word2vec` or `glove`.
        dimension: numbers in a vector.
        trainable: whether training changes the vectors.
        coverage: share of the vocabulary's words that the source knows.
        running_coverage: the same share of the training part's running words.
        values: (V, dimension) float32; None starts from chance, or waits for a checkpoint.
    """

    source: str
    dimension: int
    trainable: bool
    coverage: float
    running_coverage: float
    values: np.ndarray | None = field(default=None, repr=False, compare=False)

    def description(self) -> dict[str, Any]:
        """Return all but the values, as JSON-able values."""
        return {name: value for name, value in asdict(self).items() if name != "values"}


@dataclass(frozen=True)
class Scratch:
    """Vectors that start from chance.

    Attributes:
        dimension: numbers in a vector.
    """

    dimension: PositiveInt = 200

    def table(
        self, words: Sequence[str], counts: Sequence[int], sentences: Iterable[list[str]]
    ) -> EmbeddingTable:
        """Return a table without values."""
        return EmbeddingTable("scratch", self.dimension, True, 1.0, 1.0)


@dataclass(frozen=True)
class Word2Vec:
    """Word2Vec (Mikolov and others, 2013), trained by gensim on the corpus's training part.

    One worker trains, so that equal input gives equal vectors.

    Attributes:
        dimension: numbers in a vector.
        window: words to each side that count as context.
        skip_gram: predict the context from the word instead of the word from the context.
        epochs: passes over the training part.
        seed: of the starting values and the sampling.
        trainable: whether training the recommender changes the vectors.
    """

    dimension: PositiveInt = 200
    window: PositiveInt = 5
    skip_gram: bool = False
    epochs: PositiveInt = 5
    seed: Seed = 1
    trainable: bool = True

    def table(
        self, words: Sequence[str], counts: Sequence[int], sentences: Iterable[list[str]]
    ) -> EmbeddingTable:
        """Train, or read vectors that were trained on the same text with the same settings."""
        key = {
            "word2vec": asdict(self),
            "words": digest_of([list(words), list(counts)]),
            "sentences": digest_of([" ".join(sentence) for sentence in sentences]),
        }
        folder = cached_folder(
            "word_vectors", key, lambda folder: self._train(words, sentences, folder)
        )
        values = np.load(folder / "values.npy")
        return covered_table("word2vec", values, self.trainable, counts)

    def _train(self, words: Sequence[str], sentences: Iterable[list[str]], folder: Path) -> None:
        from gensim.models import Word2Vec as GensimWord2Vec

        logging.getLogger("gensim").setLevel(logging.WARNING)

        known = set(words)
        model = GensimWord2Vec(
            KnownWords(sentences, known),
            vector_size=self.dimension,
            window=self.window,
            sg=int(self.skip_gram),
            epochs=self.epochs,
            min_count=1,
            seed=self.seed,
            workers=1,
        )
        np.save(folder / "values.npy", look_up(words, model.wv, self.dimension))


class KnownWords:
    """Sentences without the words that the vocabulary lacks; can be read several times."""

    def __init__(self, sentences: Iterable[list[str]], known: set[str]) -> None:
        self.sentences = sentences
        self.known = known

    def __iter__(self) -> Iterator[list[str]]:
        for sentence in self.sentences:
            yield [word for word in sentence if word in self.known]


@dataclass(frozen=True)
class Glove:
    """Constant vectors from a text file in GloVe's format, plain or gzipped, of any dimension.

    Attributes:
        path: the file; one line per word, the word and its numbers, separated by blanks.
        trainable: whether training the recommender changes the vectors.
    """

    path: str | None = None
    trainable: bool = False

    def table(
        self, words: Sequence[str], counts: Sequence[int], sentences: Iterable[list[str]]
    ) -> EmbeddingTable:
        """Read the vectors of a vocabulary; a word that the file lacks gets zeros.

        Raises:
            InputError: there is no such file, or it is not in GloVe's format.
        """
        path = self._existing_path()
        key = {"glove": sha256_of(path), "words": digest_of(list(words))}
        folder = cached_folder("word_vectors", key, lambda folder: self._read(path, words, folder))
        values = np.load(folder / "values.npy")
        return covered_table("glove", values, self.trainable, counts)

    def _existing_path(self) -> Path:
        if self.path is None or not Path(self.path).is_file():
            asked = f"{self.path} is not there" if self.path else "no file is named"
            raise InputError(
                f"GloVe vectors are needed but {asked}: unpack a file from "
                "https://nlp.stanford.edu/projects/glove/ (glove.twitter.27B.zip) and set "
                "embedding.glove.path=FILE, or choose embedding=word2vec, which needs none"
            )
        return Path(self.path)

    @staticmethod
    def _read(path: Path, words: Sequence[str], folder: Path) -> None:
        wanted = {spelling for word in words for spelling in spellings_of(word)}
        vectors, dimension = read_vectors(path, wanted)
        np.save(folder / "values.npy", look_up(words, vectors, dimension))


def read_vectors(path: Path, wanted: Set[str]) -> tuple[dict[str, np.ndarray], int]:
    """Read the vectors of some words, line by line, from a file of any size.

    Args:
        path: in GloVe's format, or Word2Vec's with its header line; plain or gzipped.
        wanted: the words.

    Returns:
        Word -> (D,) float32, the first where a word has several, and D.

    Raises:
        InputError: a line is too long, or is not a word and D numbers.
    """
    most, dimension = limits().max_vector_line_bytes, 0
    vectors: dict[str, np.ndarray] = {}
    opened = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opened(path, "rb") as stream:
            while line := stream.readline(most + 1):
                number += 1
                if len(line) > most:
                    raise InputError(
                        f"embedding.glove.path={path}, line {number}: longer than "
                        f"limits.max_vector_line_bytes={most:,}"
                    )
                word, *values = line.decode(errors="replace").rstrip().split(" ")
                is_header = number == 1 and len(values) == 1
                if is_header and word.isdecimal():
                    continue
                dimension = dimension or len(values)
                if len(values) != dimension or not dimension:
                    raise ValueError(f"{len(values)} numbers instead of {dimension or 'some'}")
                if word in wanted and word not in vectors:
                    vectors[word] = np.array(values, dtype=np.float32)
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise InputError(
            f"embedding.glove.path={path} cannot be read as GloVe vectors (line {number}: "
            f"{error}); each line must hold a word and its numbers, separated by single blanks"
        ) from error
    if not dimension:
        raise InputError(
            f"embedding.glove.path={path} cannot be read as GloVe vectors: it is empty"
        )
    return vectors, dimension


@dataclass(frozen=True)
class EmbeddingTables:
    """Which tables are concatenated; each that is None is left out.

    Attributes:
        scratch: vectors that start from chance.
        word2vec: vectors trained on the corpus.
        glove: vectors from a file.
    """

    scratch: Scratch | None = None
    word2vec: Word2Vec | None = None
    glove: Glove | None = None

    def tables(
        self, words: Sequence[str], counts: Sequence[int], sentences: Iterable[list[str]]
    ) -> list[EmbeddingTable]:
        """Return the tables of a vocabulary and report how much of it they cover.

        Args:
            words: number -> word; the first two are reserved.
            counts: number -> how often the training part has it.
            sentences: the tokens of each training text; read several times.

        Raises:
            InputError: no table is chosen, or a file cannot be read.
        """
        chosen = [source for source in (self.scratch, self.word2vec, self.glove) if source]
        if not chosen:
            raise InputError("embedding has neither scratch, word2vec nor glove; name one of them")
        tables = [source.table(words, counts, sentences) for source in chosen]
        for table in tables:
            logger.info(
                "%s vectors: dimension %d, know %.1f %% of the vocabulary, %.1f %% of its use",
                table.source,
                table.dimension,
                100 * table.coverage,
                100 * table.running_coverage,
            )
        return tables


def spellings_of(word: str) -> tuple[str, str, str]:
    """Return the forms in which a word is looked up: unchanged, in lower case, and bare."""
    lower = word.lower()
    return word, lower, lower.strip("#@.,:;!?\"'()[]…-–—“”‘’")


def look_up(words: Sequence[str], vectors: Any, dimension: int) -> np.ndarray:
    """Return the (V, dimension) float32 vectors of words, zeros if there is none.

    A word is looked up unchanged, then in lower case, then without what surrounds its letters.
    """
    values = np.zeros((len(words), dimension), dtype=np.float32)
    for number, word in enumerate(words):
        for spelling in spellings_of(word):
            if spelling in vectors:
                values[number] = vectors[spelling]
                break
    return values


def covered_table(
    source: str, values: np.ndarray, trainable: bool, counts: Sequence[int]
) -> EmbeddingTable:
    """Return a table with its coverage; a word whose vector is all zeros is not covered."""
    known = values.any(axis=1)
    used = np.asarray(counts)
    n_words = max(len(used) - np.count_nonzero(used == 0), 1)
    return EmbeddingTable(
        source=source,
        dimension=values.shape[1],
        trainable=trainable,
        coverage=float((known & (used > 0)).sum() / n_words),
        running_coverage=float(used[known].sum() / max(used.sum(), 1)),
        values=values,
    )
