"""Linear learners over sparse features."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random_array
from sklearn.linear_model import LogisticRegression

from tagfinder.models.linear import LabelPowerset, LinearLearner, OneVsRest, powerset_classes


def labelled(*posts: tuple[int, ...], n_labels: int = 3) -> csr_matrix:
    dense = np.zeros((len(posts), n_labels), dtype=bool)
    for row, labels in enumerate(posts):
        dense[row, list(labels)] = True
    return csr_matrix(dense)


@pytest.fixture
def features() -> csr_matrix:
    return csr_matrix(random_array((60, 8), density=0.4, rng=np.random.default_rng(0)), dtype="f4")


def posts_for(features: csr_matrix) -> csr_matrix:
    dense = features.toarray()
    return csr_matrix(np.stack([dense[:, 0] > 0.2, dense[:, 1] > 0.2, dense[:, 2] > 2], axis=1))


def test_each_frequent_set_is_a_class_and_rare_sets_fall_into_their_labels() -> None:
    labels = labelled((0,), (0, 1), (0, 1), (1, 2), (2,))
    rows, classes, members = powerset_classes(labels, min_posts=2)
    assert members.tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert list(zip(rows.tolist(), classes.tolist(), strict=True)) == [
        *((0, 0), (1, 1), (2, 1), (3, 2), (3, 3), (4, 3)),
    ]


def test_powerset_scores_are_sums_of_the_probabilities_of_the_sets(features: csr_matrix) -> None:
    labels = posts_for(features)
    rows, classes, members = powerset_classes(labels, min_posts=1)
    reference = LogisticRegression(C=10, max_iter=100).fit(features[rows], classes)
    learner = LabelPowerset(C=10, max_iterations=100, solver="lbfgs", tolerance=1e-4)
    learner.fit(features, labels)
    expected = reference.predict_proba(features) @ members
    np.testing.assert_allclose(learner.scores(features), expected, atol=1e-5)


def test_two_classes_are_scored_as_scikit_learn_does(features: csr_matrix) -> None:
    first = features.toarray()[:, 0] > 0.2
    labels = csr_matrix(np.stack([first, ~first], axis=1))
    learner = LabelPowerset(max_iterations=100, solver="lbfgs", tolerance=1e-4)
    learner.fit(features, labels)
    reference = LogisticRegression(C=10, max_iter=100).fit(features, first)
    expected = reference.predict_proba(features)[:, 1]
    np.testing.assert_allclose(learner.scores(features)[:, 0], expected, atol=1e-5)


def test_a_hashtag_without_a_training_post_is_never_suggested(features: csr_matrix) -> None:
    learner = OneVsRest()
    learner.fit(features, posts_for(features))
    scores = learner.scores(features)
    assert (scores[:, 2] == 0).all()
    assert (scores[:, 0] > 0).all()


@pytest.mark.parametrize(
    "make",
    [LabelPowerset, OneVsRest, partial(OneVsRest, loss="squared_hinge")],
)
def test_a_restored_learner_scores_alike(make: object, features: csr_matrix) -> None:
    learner: LinearLearner = make()  # type: ignore[operator]
    learner.fit(features, posts_for(features))
    twin: LinearLearner = make()  # type: ignore[operator]
    twin.restore(learner.learned())
    np.testing.assert_array_equal(twin.scores(features), learner.scores(features))
