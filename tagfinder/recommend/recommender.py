"""Hashtags for texts, from a run's folder or a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from tagfinder.configuration.build import build, build_model
from tagfinder.corpus.hashtag_filter import EVERY_HASHTAG, HashtagFilter
from tagfinder.corpus.hashtags import extract, fold
from tagfinder.corpus.prepared import LabelSet
from tagfinder.errors import InputError, in_sentences
from tagfinder.models.base import ClosedRecommender, SparseRecommender
from tagfinder.models.scoring import all_scores, all_top, best_labels
from tagfinder.recommend.bundle import read_saved
from tagfinder.recommend.hub import fetch
from tagfinder.recommend.saved import Saved, is_live
from tagfinder.recommend.suggestion import NOTHING_KNOWN, Suggestion, Suggestions, as_series

if TYPE_CHECKING:
    from tagfinder.recommend.onnx_runtime import OnnxRecommender

Runtime = Literal["torch", "onnx", "onnx-int8"]


class Recommender:
    """Suggests hashtags: cleans, encodes and scores texts exactly as in training.

    One recommender may be used by several threads at once.

    Args:
        saved: the parts of the recommender.
        device: where networks compute: `cpu`, `cuda`.
        runtime: `torch`, or for bundles with such a graph `onnx` or `onnx-int8`.
        hashtags: which hashtags may be suggested.

    Attributes:
        name: name of the folder that it was loaded from.
        facts: `model`, `corpus` and `protocol` by name, if known.
        label_set: the hashtags that it chooses from.

    Example:
        >>> from tagfinder import Recommender
        >>> recommender = Recommender.load("runs/mine")            # doctest: +SKIP
        >>> recommender.suggest(["New in my closet: a tote bag"])  # doctest: +SKIP
    """

    def __init__(
        self,
        saved: Saved,
        device: str = "cpu",
        runtime: Runtime = "torch",
        hashtags: HashtagFilter = EVERY_HASHTAG,
    ) -> None:
        self.name = saved.name
        self.facts = saved.facts
        self.label_set: LabelSet = saved.label_set
        self._calibration = saved.calibration.usual
        self._cleaning = build(saved.config["cleaning"])
        self.features = build(saved.config["features"])
        self.features.load(saved.features_folder)
        if runtime == "torch":
            self.module: ClosedRecommender = _built(saved, self.features)
            self.module.place(device)
        else:
            self.module = _onnx_recommender(saved, self.features, runtime)
            self.features = self.module.features
        self._numbers = {hashtag: i for i, hashtag in enumerate(self.label_set.hashtags)}
        self._left_out = np.flatnonzero(~hashtags.admit(self.label_set.hashtags))
        # Tokenizers may not be used by two threads at once.
        self._encoding = Lock()

    @classmethod
    def load(
        cls,
        path: str | Path,
        device: str = "cpu",
        runtime: Runtime = "torch",
        *,
        trust: str | Sequence[str] = (),
    ) -> Recommender:
        """Load a run's folder or a bundle.

        Args:
            path: the folder.
            device: where networks compute: `cpu`, `cuda`.
            runtime: as `tagfinder.load` takes it.
            trust: packages besides tagfinder whose classes the run may name.

        Raises:
            TagFinderError: the folder is neither, is incomplete, was changed or is not safe to
                load.
        """
        saved = read_saved(path, trust)
        if is_live(saved.config):
            raise InputError(f"{path} keeps learning: open it with tagfinder.load")
        with in_sentences():
            return cls(saved, device, runtime)

    @classmethod
    def from_pretrained(
        cls,
        repository: str,
        *,
        revision: str | None = None,
        device: str = "cpu",
        runtime: Runtime = "torch",
    ) -> Recommender:
        """Load a bundle from the Hugging Face Hub.

        Args:
            repository: `owner/name`.
            revision: branch, tag or commit; None is the main branch.
            device: where networks compute: `cpu`, `cuda`.
            runtime: as `tagfinder.load` takes it.

        Raises:
            TagFinderError: there is no such bundle, or it is not safe to load.
        """
        saved = replace(read_saved(fetch(repository, revision)), name=repository)
        with in_sentences():
            return cls(saved, device, runtime)

    def suggest(
        self,
        texts: str | Sequence[str],
        k: int = 5,
        *,
        threshold: float = 0.0,
        repeat: bool = False,
        author: str | None = None,
    ) -> list[Suggestions]:
        """Suggest hashtags for texts.

        Args:
            texts: one text or several, as people write them.
            k: most hashtags for a text.
            threshold: least probability of a hashtag.
            repeat: also suggest hashtags that are in the text already.
            author: who writes; a closed recommender does not look at it.

        Returns:
            For each text its hashtags, best first, with equal scores the more frequent one first.
        """
        given = as_series(texts)
        if given.is_empty():
            return []
        inputs = self.model_input(given)
        present = [[] for _ in given] if repeat else self._present(given)
        labels, best = self._best(inputs, k, [[*self._left_out, *row] for row in present])
        probabilities = self._calibration.probabilities(best)
        kept = np.isfinite(best) & (probabilities >= threshold)
        known = self.knows_input(inputs)
        return [
            Suggestions(
                text,
                read,
                self._suggestions(labels[row], best[row], probabilities[row], kept[row])
                if known[row]
                else [],
                None if known[row] else NOTHING_KNOWN,
            )
            for row, (text, read) in enumerate(zip(given, inputs, strict=True))
        ]

    def scores(self, texts: str | Sequence[str]) -> np.ndarray:
        """Return (N, L) float32 scores in [0, 1], the same that the evaluator judges."""
        return self.scores_of_input(self.model_input(as_series(texts)))

    @property
    def n_hashtags(self) -> int:
        """How many hashtags it chooses from."""
        return len(self.label_set)

    def label_of(self, hashtag: str) -> int | None:
        """Return the number of a hashtag in any spelling, None if it is not known."""
        return self._numbers.get(fold(hashtag))

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Return float32 probabilities of (..., K) scores, those of a post best first."""
        return self._calibration.probabilities(scores)

    def model_input(self, texts: pl.Series) -> pl.Series:
        """Return what cleaning leaves of texts for the model to read (String to String)."""
        if self.features.column == "text":
            return texts
        languages = self._cleaning.languages(texts)
        cleaned: pl.Series = self._cleaning.clean(texts, languages)
        if self.features.column != "deep_clean":
            return cleaned
        deep: pl.Series = self._cleaning.deep_clean(cleaned, languages)
        return deep

    def scores_of_input(self, inputs: pl.Series) -> np.ndarray:
        """Return (N, L) float32 scores of texts that are cleaned already."""
        with self._encoding:
            encoded = self.features.encode(inputs)
        return all_scores(self.module, encoded)

    def scores_of_labels(self, inputs: pl.Series, labels: Sequence[int]) -> np.ndarray:
        """Return (N, M) float32 scores of some hashtags for texts that are cleaned already.

        Where only the best hashtags have a score, the others count as 0.
        """
        wanted = np.asarray(labels)
        if not isinstance(self.module, SparseRecommender):
            of_labels: np.ndarray = self.scores_of_input(inputs)[:, wanted]
            return of_labels
        with self._encoding:
            encoded = self.features.encode(inputs)
        given, scores = all_top(self.module, encoded, self.module.top_k)
        same = given[:, :, None] == wanted
        return np.where(same, scores[:, :, None], 0).sum(axis=1)

    def knows_input(self, inputs: pl.Series) -> np.ndarray:
        """Return (N,) bool: whether a cleaned text holds anything that the model knows."""
        with self._encoding:
            return self.module.knows(inputs)

    def _best(
        self, inputs: pl.Series, k: int, unwanted: list[list[int]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return (N, K) labels and scores, best first; minus infinity if there is no more.

        Args:
            inputs: cleaned texts.
            k: labels wanted.
            unwanted: labels of each text that are not to be given.
        """
        if not isinstance(self.module, SparseRecommender):
            scores = self.scores_of_input(inputs).copy()
            for row, labels_of_text in enumerate(unwanted):
                scores[row, labels_of_text] = -np.inf
            return best_labels(scores, k)
        with self._encoding:
            encoded = self.features.encode(inputs)
        given, given_scores = all_top(self.module, encoded, k + max(map(len, unwanted)))
        left_out = given < 0
        for row, labels_of_text in enumerate(unwanted):
            left_out[row] |= np.isin(given[row], labels_of_text)
        given_scores[left_out] = -np.inf
        order = np.argsort(left_out, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(given, order, 1), np.take_along_axis(given_scores, order, 1)

    def _present(self, texts: pl.Series) -> list[list[int]]:
        """Return the labels that each text holds as hashtags."""
        numbers = ([self._numbers.get(fold(tag)) for tag in tags] for tags in extract(texts))
        return [[number for number in row if number is not None] for row in numbers]

    def _suggestions(
        self, labels: np.ndarray, scores: np.ndarray, probabilities: np.ndarray, kept: np.ndarray
    ) -> list[Suggestion]:
        spellings = self.label_set.spellings
        return [
            Suggestion(spellings[label], float(score), float(probability))
            for label, score, probability in zip(
                labels[kept], scores[kept], probabilities[kept], strict=True
            )
        ]


def _built(saved: Saved, features: Any) -> ClosedRecommender:
    module: ClosedRecommender = build_model(saved.config["model"], saved.label_set, features)
    try:
        module.restore_state(saved.state)
    except (RuntimeError, KeyError) as error:
        raise InputError(
            f"{saved.name}: the weights do not fit its configuration "
            f"({' '.join(str(error).split())[:200]}); another version of tagfinder wrote it"
        ) from error
    return module


def _onnx_recommender(saved: Saved, features: Any, runtime: str) -> OnnxRecommender:
    from tagfinder.recommend.onnx_runtime import GRAPHS, onnx_parts

    if runtime not in GRAPHS:
        raise InputError(f"runtime {runtime!r} is not known; try torch, {', '.join(GRAPHS)}")
    return onnx_parts(features, saved.label_set, saved.features_folder.parent / GRAPHS[runtime])
