"""What supports a suggested hashtag: words of the text, or similar posts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.special import logit, softmax

from tagfinder.errors import InputError
from tagfinder.models.linear import LabelPowerset, OneVsRest
from tagfinder.models.sparse_rows import SparseRows
from tagfinder.recommend.live import LiveSuggester
from tagfinder.recommend.loading import Suggester
from tagfinder.recommend.recommender import Recommender
from tagfinder.recommend.suggestion import as_series

# Scores this near to 0 and 1 are cut before their log-odds are taken.
CLOSEST = 1e-6
# Reasons that are shown for a hashtag.
REASONS = 3


@dataclass(frozen=True)
class Influence:
    """The effect of a word.

    Attributes:
        word: a word, or several in a row, of what the model reads.
        effect: what it adds to the hashtag's log-odds, or to its margin where it has a separating
            plane of its own; negative where it speaks against the hashtag.
    """

    word: str
    effect: float


def influences(recommender: Recommender, text: str, hashtag: str) -> list[Influence]:
    """Return the words that support a hashtag, the strongest first."""
    return influences_on(recommender, text, [hashtag])[0]


def influences_on(
    recommender: Recommender, text: str, hashtags: Sequence[str]
) -> list[list[Influence]]:
    """Return the words that support each of some hashtags, the strongest first.

    With one plane for each hashtag these are the summands of its margin; with a class for each
    set of hashtags, the slopes of its log-odds at this text times what the text has of each word.
    For other models the words are left out one at a time: the effect is how much the log-odds
    fall.

    Args:
        recommender: what suggested.
        text: as it was given.
        hashtags: in any spelling, without `#`.

    Raises:
        InputError: the recommender does not know a hashtag.
    """
    labels = [_label(recommender, hashtag) for hashtag in hashtags]
    read = recommender.model_input(as_series(text))[0]
    learner = getattr(recommender.module, "learner", None)
    if isinstance(learner, OneVsRest | LabelPowerset):
        found = [_summands(recommender.module, learner, read, label) for label in labels]
    else:
        found = _by_leaving_out(recommender, read, labels)
    return [sorted(of_one, key=lambda one: (-abs(one.effect), one.word)) for of_one in found]


def reasons(
    recommender: Suggester, text: str, hashtags: Sequence[str]
) -> list[list[dict[str, Any]]]:
    """Return what supports each of some suggested hashtags, the strongest first, as plain data.

    Args:
        recommender: what suggested.
        text: as it was given.
        hashtags: that it suggested.

    Returns:
        Of a recommender that keeps learning the fields of `Witness`: the posts with the hashtag
        that are most like the text. Of others those of `Influence`: the words that support it.
    """
    if isinstance(recommender, LiveSuggester):
        found = recommender.witnesses_of(text, hashtags, REASONS)
        return [[asdict(witness) for witness in witnesses] for witnesses in found]
    return [
        [asdict(influence) for influence in influences if influence.effect > 0][:REASONS]
        for influences in influences_on(recommender, text, hashtags)
    ]


def _label(recommender: Recommender, hashtag: str) -> int:
    label = recommender.label_of(hashtag)
    if label is None:
        raise InputError(f"#{hashtag} is not among the {len(recommender.label_set)} hashtags")
    return label


def _summands(
    module: Any, learner: OneVsRest | LabelPowerset, read: str, label: int
) -> list[Influence]:
    features = module.tfidf.transform([read])
    slopes = learner.weights[features.indices]
    if isinstance(learner, LabelPowerset):
        slopes = slopes @ _class_shares(learner, features, label)
    else:
        slopes = slopes[:, label]
    names = [module.tfidf.weights.vocabulary[column] for column in features.indices]
    effects = features.data * slopes
    return [Influence(str(name), float(e)) for name, e in zip(names, effects, strict=True)]


def _class_shares(learner: LabelPowerset, features: SparseRows, label: int) -> np.ndarray:
    """Return (C,): how the log-odds of a label grow with the margin of each class."""
    probabilities = softmax(learner.margins(features)[0].astype(np.float64))
    own = learner.members[:, label] > 0
    shares = np.where(own, probabilities, 0.0), np.where(own, 0.0, probabilities)
    with_label, without = (part / max(part.sum(), np.finfo(float).tiny) for part in shares)
    difference: np.ndarray = with_label - without
    return difference


def _by_leaving_out(
    recommender: Recommender, read: str, labels: Sequence[int]
) -> list[list[Influence]]:
    words = read.split()
    shorter = [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
    inputs = pl.Series([read, *shorter], dtype=pl.String)
    scores = recommender.scores_of_labels(inputs, labels).astype(np.float64)
    log_odds = logit(np.clip(scores, CLOSEST, 1 - CLOSEST))
    effects = log_odds[0] - log_odds[1:]
    return [
        [Influence(word, float(effect)) for word, effect in zip(words, column, strict=True)]
        for column in effects.T
    ]
