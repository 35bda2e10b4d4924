"""fastText (Joulin et al. 2017) behind the same evaluator (report 3.2.2)."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from tagfinder.configuration.types import NonNegativeInt, PositiveFloat, PositiveInt, Seed
from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.features import Features, PlainTexts, require_features
from tagfinder.errors import InputError, WorkError
from tagfinder.models.base import WholePartRecommender, as_scores

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LABEL = "__label__"
# fastText's initialiser fills one tenth of the input matrix per thread and leaves the rest as it
# finds it (facebookresearch/fastText issues 935 and 1061). Vectors of words are therefore given to
# it; those of n-grams cannot be, and need as many threads.
NGRAM_THREADS = 12
END_OF_LINE = "</s>"
Loss = Literal["hs", "ova", "softmax", "ns"]
CHECKED_POSTS = 1000  # whose scores show whether training diverged


class FastTextRecommender(WholePartRecommender):
    """A bag of word vectors with a linear classifier, trained by the `fasttext` package.

    With one thread equal seeds give equal models. Several threads write without locks, so that two
    runs with one seed differ slightly. So they do with n-grams, which fastText does not initialise
    repeatably.

    Args:
        label_set: the hashtags to choose from.
        features: plain texts.
        loss: `ova` (one sigmoid for each hashtag), `hs` (hierarchical softmax, the report's),
            `softmax` or `ns` (negative sampling).
        dimensions: length of a word vector.
        word_ngrams: longest word n-gram.
        epochs: passes over the training part.
        learning_rate: step size at the start; falls to 0 linearly.
        min_count: fewest occurrences of a word.
        threads: how many train at once; n-grams take at least 12.
        seed: decides the initial word vectors.

    Raises:
        InputError: the `fasttext` package is not installed.
    """

    def __init__(
        self,
        label_set: LabelSet,
        features: Features,
        *,
        loss: Loss = "ova",
        dimensions: PositiveInt = 55,
        word_ngrams: PositiveInt = 1,
        epochs: PositiveInt = 10,
        learning_rate: PositiveFloat = 0.25,
        min_count: NonNegativeInt = 1,
        threads: PositiveInt = 1,
        seed: Seed = 1,
    ) -> None:
        super().__init__(label_set, require_features(features, PlainTexts, "FastTextRecommender"))
        self.library = _fasttext()
        self.settings: dict[str, Any] = {
            "loss": loss,
            "dim": dimensions,
            "wordNgrams": word_ngrams,
            "epoch": epochs,
            "lr": learning_rate,
            "minCount": min_count,
            "seed": seed,
            "thread": threads if word_ngrams == 1 else max(threads, NGRAM_THREADS),
        }

    def learn(self, inputs: list[str], labels: csr_matrix) -> None:
        """Train on a temporary file in fastText's format.

        Raises:
            WorkError: training diverged, whether fastText noticed or not.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "train.txt"
            _write_training_file(file, inputs, labels)
            # fastText shows its progress on standard error itself.
            verbose = 2 if sys.stderr.isatty() else 0
            try:
                vectors = Path(folder) / "start.vec"
                self._write_start(vectors, inputs)
                self.model = self.library.train_supervised(
                    str(file),
                    pretrainedVectors=str(vectors),
                    verbose=verbose,
                    label=LABEL,
                    **self.settings,
                )
            except RuntimeError as error:
                raise self._diverged(str(error)) from error
        self._check_scores(inputs)

    def _write_start(self, file: Path, texts: list[str]) -> None:
        """Write initial vectors of all words, drawn as fastText draws its own."""
        counts = Counter(word for text in texts for word in _one_line(text).split())
        least, dimension = self.settings["minCount"], self.settings["dim"]
        words = [END_OF_LINE, *sorted(word for word, n in counts.items() if n >= least)]
        draw = np.random.default_rng(self.settings["seed"])
        vectors = draw.uniform(-1 / dimension, 1 / dimension, (len(words), dimension))
        with file.open("w", encoding="utf-8") as stream:
            stream.write(f"{len(words)} {dimension}\n")
            for word, vector in zip(words, vectors, strict=True):
                stream.write(f"{word} {' '.join(f'{x:.6f}' for x in vector)}\n")

    def _check_scores(self, inputs: list[str]) -> None:
        """Refuse a model that diverged silently: its scores do not depend on the post."""
        sample = sorted(set(inputs[:CHECKED_POSTS]))
        try:
            scores = self._raw_scores(sample)
        except RuntimeError as error:
            raise self._diverged(str(error)) from error
        all_equal = len(sample) > 1 and bool((scores == scores[0]).all())
        if all_equal and len(self.model.get_labels()) > 1:
            raise self._diverged("it gives every post the same scores")

    def _diverged(self, reason: str) -> WorkError:
        return WorkError(
            f"fastText's training diverged ({reason.strip()}); lower model.learning_rate "
            f"(now {self.settings['lr']}) or change the seed"
        )

    def score(self, inputs: list[str]) -> np.ndarray:
        """Return (B, L) float32 probabilities; a hashtag that fastText never saw gets 0."""
        return as_scores(self._raw_scores(inputs))

    def _raw_scores(self, inputs: list[str]) -> np.ndarray:
        scores = np.zeros((len(inputs), len(self.label_set)))
        columns = {label: int(label.removeprefix(LABEL)) for label in self.model.get_labels()}
        for row, text in enumerate(inputs):
            # `predict` fails under NumPy 2 for one text, and for a list with k > 1 the 0.9.2 wheel
            # repeats the first probability for all labels; the binding beneath it is right.
            pairs = self.model.f.predict(f"{_one_line(text)}\n", -1, 0.0, "strict")
            for probability, label in pairs:
                scores[row, columns[label]] = probability
        return scores

    def knows(self, texts: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a text holds a word that was trained on."""
        known = [any(self.model.get_word_id(w) >= 0 for w in text.split()) for text in texts]
        return np.array(known, dtype=bool)

    def learned(self) -> dict[str, Any]:
        """Return the model in fastText's own format, as bytes in a uint8 array."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.bin"
            self.model.save_model(str(file))
            return {"fasttext": np.frombuffer(file.read_bytes(), dtype=np.uint8)}

    def restore(self, learned: dict[str, Any]) -> None:
        """Load fastText's own format."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.bin"
            file.write_bytes(learned["fasttext"].tobytes())
            self.model = self.library.load_model(str(file))


def _fasttext() -> Any:
    try:
        import fasttext
    except ImportError as error:
        raise InputError(
            "model=fasttext needs the fasttext package; `pip install 'tagfinder[fasttext]'`"
        ) from error
    # It warns at each loading of a type that was changed in 2018, and says nothing else with it.
    fasttext.FastText.eprint = lambda *_: None
    return fasttext


def _write_training_file(file: Path, texts: list[str], labels: csr_matrix) -> None:
    with file.open("w", encoding="utf-8") as stream:
        for row, text in enumerate(texts):
            indices = labels.indices[labels.indptr[row] : labels.indptr[row + 1]]
            line = " ".join([*(f"{LABEL}{index}" for index in indices), _one_line(text)])
            stream.write(f"{line}\n")


def _one_line(text: str) -> str:
    """Return a text whose words cannot be taken for labels or for the end of the post."""
    return " ".join(text.replace(LABEL, " ").split())
