"""Suggestions have the evaluator's scores, in a form for people."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from trained import CLOSED

from tagfinder import Recommender
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.errors import InputError
from tagfinder.files import read_json

RunOf = Callable[[str], Path]


def test_part(run: Path) -> pl.DataFrame:
    """Return the test posts with what the evaluator kept of their scores."""
    corpus = PreparedCorpus(Path(read_json(run / "run.json")["corpus"]["folder"]))
    posts = corpus.part("test", ["id", "text"])
    return posts.with_columns(pl.read_parquet(run / "predictions.parquet").drop("id"))


test_part.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", CLOSED)
def test_scores_from_raw_text_equal_those_that_the_evaluator_judged(
    run_of: RunOf, kind: str
) -> None:
    run = run_of(kind)
    posts = test_part(run)
    scores = Recommender.load(run).scores(posts["text"].to_list())
    judged_labels = np.array(posts["top_labels"].to_list())
    judged_scores = np.array(posts["top_scores"].to_list())
    found = np.take_along_axis(scores, judged_labels, axis=1)
    np.testing.assert_allclose(found, judged_scores, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["tfidf_lr", "lstm"])
def test_suggestions_are_ranked_as_the_evaluator_ranked(run_of: RunOf, kind: str) -> None:
    run = run_of(kind)
    recommender = Recommender.load(run)
    posts = test_part(run)
    suggested = recommender.suggest(posts["text"].to_list(), k=3, repeat=True)
    spellings = recommender.label_set.spellings
    for one, judged in zip(suggested, posts["top_labels"], strict=True):
        if one.note is None:
            assert [s.hashtag for s in one.hashtags] == [spellings[i] for i in judged[:3]]


def test_a_text_gets_the_same_scores_alone_and_among_others(run_of: RunOf) -> None:
    recommender = Recommender.load(run_of("lstm"))
    texts = ["a tote bag in my closet", "stocks", "win a speaker from the clinic in ten days " * 9]
    together = recommender.scores(texts)
    alone = np.concatenate([recommender.scores([text]) for text in texts])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-7)


def test_probabilities_keep_the_order_of_the_scores(linear_run: Path) -> None:
    [one] = Recommender.load(linear_run).suggest("a tote bag in my closet", k=50)
    assert len(one.hashtags) == len(Recommender.load(linear_run).label_set)
    scores = [s.score for s in one.hashtags]
    probabilities = [s.probability for s in one.hashtags]
    assert scores == sorted(scores, reverse=True)
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 <= p <= 1 for p in probabilities)


def test_hashtags_in_the_text_are_suggested_again_only_if_asked(linear_run: Path) -> None:
    recommender = Recommender.load(linear_run)
    [first] = recommender.suggest("a tote bag in my closet", k=3)
    best = first.hashtags[0].hashtag
    text = f"a tote bag in my closet #{best.upper()}"
    [without] = recommender.suggest(text, k=50)
    assert best not in [s.hashtag for s in without.hashtags]
    [again] = recommender.suggest(text, k=3, repeat=True)
    assert best in [s.hashtag for s in again.hashtags]


@pytest.mark.parametrize("kind", ["tfidf_lr", "fasttext", "lstm", "bert"])
@pytest.mark.parametrize("text", ["", " \n ", "🔥🔥", "ⵣⵣⵣⵣ"])
def test_a_text_with_nothing_known_in_it_says_so(run_of: RunOf, kind: str, text: str) -> None:
    [one] = Recommender.load(run_of(kind)).suggest([text])
    assert one.hashtags == []
    assert one.note == "nothing in this text is known to the model"


def test_the_spelling_that_people_use_most_is_shown(linear_run: Path) -> None:
    labels = read_json(linear_run / "labels.json")
    suggested = Recommender.load(linear_run).suggest("tote bag closet", k=50)[0].hashtags
    assert {s.hashtag for s in suggested} == set(labels["spellings"])
    assert {s.hashtag.lower() for s in suggested} == set(labels["hashtags"])
    assert labels["spellings"] != labels["hashtags"]


def test_a_threshold_leaves_less_probable_hashtags_out(linear_run: Path) -> None:
    recommender = Recommender.load(linear_run)
    [every] = recommender.suggest("a tote bag in my closet", k=50)
    [some] = recommender.suggest("a tote bag in my closet", k=50, threshold=0.1)
    assert some.hashtags == [s for s in every.hashtags if s.probability >= 0.1]
    assert 0 < len(some.hashtags) < len(every.hashtags)


@pytest.mark.parametrize("kind", ["tfidf_lr", "bert"])
def test_threads_get_what_one_thread_gets(run_of: RunOf, kind: str) -> None:
    recommender = Recommender.load(run_of(kind))
    texts = [f"a tote bag number {i} in my closet" for i in range(40)]
    expected = [recommender.scores(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(recommender.scores, texts))
    np.testing.assert_allclose(np.concatenate(found), np.concatenate(expected), rtol=1e-5)


@pytest.mark.parametrize("texts", [[1], [None], ["fine", b"bytes"]])
def test_a_value_that_is_not_a_text_is_refused(linear_run: Path, texts: list) -> None:
    with pytest.raises(InputError, match="is not a text"):
        Recommender.load(linear_run).suggest(texts)


def test_any_text_that_a_program_can_hold_gets_an_answer(linear_run: Path) -> None:
    recommender = Recommender.load(linear_run)
    odd = ["\ud800 closet", "\x00", "a" * 100_000, "#" * 1000, "\n".join("ab"), "closet\u202ebag"]
    assert [one.text for one in recommender.suggest(odd)][1:] == odd[1:]
    assert recommender.suggest([]) == []


def test_importing_tagfinder_imports_nothing_heavy() -> None:
    code = "import sys, tagfinder; print([m for m in ('torch', 'polars') if m in sys.modules])"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"


def test_a_linear_model_imports_no_other_models_library(linear_run: Path) -> None:
    code = (
        "import sys; from tagfinder import Recommender; "
        f"Recommender.load({str(linear_run)!r}).suggest('closet'); "
        "print([m for m in ('fasttext', 'gensim', 'fastapi') if m in sys.modules])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.yaml or run\.json is missing"):
        Recommender.load(tmp_path)


def test_a_run_without_a_checkpoint_is_refused(linear_run: Path, tmp_path: Path) -> None:
    for name in ("config.yaml", "run.json", "labels.json"):
        (tmp_path / name).write_bytes((linear_run / name).read_bytes())
    with pytest.raises(InputError, match=r"no checkpoints/last\.ckpt"):
        Recommender.load(tmp_path)


def test_json_of_a_suggestion_has_the_fixed_form(linear_run: Path) -> None:
    [one] = Recommender.load(linear_run).suggest("a tote bag in my closet", k=2)
    found = json.loads(json.dumps(one.as_dict()))
    assert found["text"] == "a tote bag in my closet"
    assert {"hashtag", "score"} <= found["hashtags"][0].keys()
    assert len(found["hashtags"]) == 2
