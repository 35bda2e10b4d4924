"""The words that are said to have spoken for a hashtag did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import logit

from tagfinder import Recommender
from tagfinder.errors import InputError
from tagfinder.recommend.explain import influences

RunOf = Callable[[str], Path]
TEXT = "Look at the tote bag and the boots in my closet"


def log_odds(recommender: Recommender, read: str, label: int) -> float:
    return float(logit(float(recommender.scores_of_input(pl.Series([read]))[0, label])))


def test_summands_of_a_linear_model_make_up_its_margin(run_of: RunOf) -> None:
    recommender = Recommender.load(run_of("tfidf_svm"))
    [one] = recommender.suggest(TEXT)
    best = one.hashtags[0].hashtag
    module = recommender.module
    [margins] = module.learner.margins(module.tfidf.weights.transform([one.model_input]))
    label = recommender.label_of(best)
    total = sum(influence.effect for influence in influences(recommender, TEXT, best))
    assert total == pytest.approx(margins[label] - module.learner.intercepts[label], rel=1e-4)


def test_slopes_of_sets_of_hashtags_are_those_of_the_log_odds(linear_run: Path) -> None:
    recommender = Recommender.load(linear_run)
    [one] = recommender.suggest(TEXT)
    best = one.hashtags[1].hashtag
    label = recommender.label_of(best)
    module, learner = recommender.module, recommender.module.learner
    learner.weights = learner.weights.astype(np.float64)
    features = module.tfidf.weights.transform([one.model_input])
    names = [module.tfidf.weights.vocabulary[column] for column in features.indices]
    effects = {i.word: i.effect for i in influences(recommender, TEXT, best)}
    for column, name in enumerate(names):
        step = np.zeros(len(names))
        step[column] = 1e-3
        data = features.data.astype(np.float64)
        more, less = (replace(features, data=data + sign * step) for sign in (1, -1))
        high, low = (logit(learner.scores(x)[0, label]) for x in (more, less))
        slope = (high - low) / 2e-3
        assert effects[name] == pytest.approx(slope * features.data[column], rel=0.02, abs=1e-3)


@pytest.mark.parametrize("kind", ["lstm", "fasttext"])
def test_leaving_the_strongest_word_out_changes_the_score_most(run_of: RunOf, kind: str) -> None:
    recommender = Recommender.load(run_of(kind))
    [one] = recommender.suggest(TEXT)
    best = one.hashtags[0].hashtag
    label = recommender.label_of(best)
    assert label is not None
    found = influences(recommender, TEXT, best)
    assert sorted(i.word for i in found) == sorted(one.model_input.split())
    rest = one.model_input.replace(found[0].word, "", 1)
    change = log_odds(recommender, one.model_input, label) - log_odds(recommender, rest, label)
    assert change == pytest.approx(found[0].effect, rel=1e-3, abs=1e-4)


def test_an_empty_text_has_no_words_that_spoke(linear_run: Path) -> None:
    recommender = Recommender.load(linear_run)
    assert influences(recommender, "", recommender.label_set.hashtags[0]) == []


def test_an_unknown_hashtag_is_refused(linear_run: Path) -> None:
    with pytest.raises(InputError, match="#nonesuch is not among"):
        influences(Recommender.load(linear_run), TEXT, "nonesuch")
