"""TF-IDF with each of its learners, through a real trainer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fitted_baselines import reloaded, scores, train
from scipy.sparse import csr_matrix
from scipy.special import expit

from tagfinder.models.linear import LabelPowerset, Learner, OneVsRest
from tagfinder.models.platt import PlattScaling
from tagfinder.models.tfidf import TfidfRecommender

LEARNERS: dict[str, Callable[[], Learner]] = {
    "label powerset": partial(LabelPowerset, min_posts=2),
    "the report's solver": partial(LabelPowerset, solver="lbfgs"),
    "logistic one-vs-rest": OneVsRest,
    "support vector machine": partial(
        OneVsRest, loss="squared_hinge", C=1.0, max_iterations=1000, tolerance=0.1, intercept=False
    ),
}


@pytest.mark.parametrize("learner", LEARNERS.values(), ids=LEARNERS)
def test_it_finds_the_topics_and_a_reloaded_checkpoint_scores_alike(
    learner: Callable[[], Learner], tmp_path: Path
) -> None:
    def make(**keywords: object) -> TfidfRecommender:
        return TfidfRecommender(learner=learner(), **keywords)  # type: ignore[arg-type]

    model, results, checkpoint = train(make, tmp_path)
    # Frequencies alone give about 0.5; a post of few words may name no topic.
    assert results["ndcg@3"] > 0.62  # frequencies alone give 0.51
    twin = reloaded(make, model, checkpoint)
    assert np.array_equal(scores(twin), scores(model))
    assert model.label_set.hashtags[int(scores(model)[0].argmax())] == "flood"


def test_training_twice_gives_equal_scores(tmp_path: Path) -> None:
    make = partial(TfidfRecommender, learner=LEARNERS["support vector machine"]())
    first, _, _ = train(make, tmp_path)
    expected = scores(first)
    second, _, _ = train(make, tmp_path)
    assert np.array_equal(scores(second), expected)


def test_punctuation_parts_words_and_digits_stay(tmp_path: Path) -> None:
    model, _, _ = train(partial(TfidfRecommender, learner=LabelPowerset()), tmp_path)
    assert isinstance(model, TfidfRecommender)
    texts = pl.Series(["flood0, music1.", "flood0 music1", "nothing", ""])
    assert model.knows(texts).tolist() == [True, True, False, False]
    assert np.array_equal(scores(model, [texts[0]]), scores(model, [texts[1]]))


def topical(n: int = 300) -> tuple[csr_matrix, csr_matrix]:
    """Noisy features of posts, and two labels that depend on them."""
    rng = np.random.default_rng(0)
    features = rng.random((n, 6), dtype=np.float32)
    noisy = features[:, :2] + rng.normal(0, 0.2, (n, 2))
    return csr_matrix(features), csr_matrix(noisy > 0.7)


def test_scores_of_a_support_vector_machine_are_calibrated() -> None:
    features, labels = topical(1000)
    learner = OneVsRest(loss="squared_hinge", C=100.0, max_iterations=1000, intercept=True)
    learner.fit(features, labels)
    given = learner.scores(features)
    for low, high in ((0.05, 0.35), (0.35, 0.65), (0.65, 0.95)):
        chosen = (given > low) & (given < high)
        assert labels.toarray()[chosen].mean() == pytest.approx(given[chosen].mean(), abs=0.08)


def test_platt_scaling_recovers_the_line_that_the_truth_was_drawn_from() -> None:
    rng = np.random.default_rng(0)
    margins = rng.normal(0, 1, (20_000, 2))
    scaling = PlattScaling.fitted(margins, rng.random(margins.shape) < expit(3 * margins - 1))
    assert scaling.slope == pytest.approx(3, abs=0.15)
    assert scaling.offset == pytest.approx(-1, abs=0.1)


def test_platt_scaling_never_turns_an_order_round() -> None:
    margins = np.linspace(-1, 1, 50)
    assert PlattScaling.fitted(margins, margins < 0) == PlattScaling()
    assert PlattScaling.fitted(margins, np.zeros(50, dtype=bool)) == PlattScaling()
    assert PlattScaling.fitted(np.full(5, -np.inf), np.zeros(5, dtype=bool)) == PlattScaling()
