"""Label trees: through a real trainer, saved and damaged, and from raw posts to a page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from fitted_baselines import POSTS, reloaded, train
from made_up import TOPICS, write_posts_with_many_hashtags
from scipy.sparse import csr_matrix

import tagfinder
from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.cli import cli
from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.features import PlainTexts
from tagfinder.data.tokens import TokenFeatures
from tagfinder.data.word_vectors import EmbeddingTables, Scratch
from tagfinder.errors import InputError
from tagfinder.models import linear
from tagfinder.models.base import MOST_SCORED_LABELS
from tagfinder.models.label_trees import FILES, LabelTrees
from tagfinder.models.omikuji import LabelTreeRecommender
from tagfinder.models.random import RandomRecommender
from tagfinder.recommend.explain import influences_on
from tagfinder.sweeping.task import run_configured

pytest.importorskip("omikuji", reason="needs omikuji")


def make(**keywords: object) -> LabelTreeRecommender:
    trees = LabelTrees(min_branch_size=2, linear_c=10.0)
    return LabelTreeRecommender(trees=trees, top_k=4, min_posts=1, **keywords)  # type: ignore[arg-type]


def test_it_finds_the_topics_and_a_reloaded_checkpoint_ranks_alike(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model, results, checkpoint = train(make, tmp_path)
    assert isinstance(model, LabelTreeRecommender)
    assert results["ndcg@3"] > 0.62  # frequencies alone give 0.51
    assert 0 < results["micro_f1"] <= 1
    twin = reloaded(make, model, checkpoint)
    assert isinstance(twin, LabelTreeRecommender)
    labels, scores = model.top(POSTS, 3)
    assert labels[0, 0] == TOPICS.index("flood")
    assert bool(((scores >= 0) & (scores <= 1)).all())
    twin_labels, twin_scores = twin.top(POSTS, 3)
    assert np.array_equal(twin_labels, labels)
    np.testing.assert_allclose(twin_scores, scores, rtol=1e-5, atol=1e-7)
    with pytest.raises(InputError, match="ranks the best of 5 hashtags"):
        model.score(POSTS)
    # The package writes a log of its own, which must not get among results.
    assert "omikuji" not in capfd.readouterr().out


def test_it_says_which_features_it_reads() -> None:
    tokens = TokenFeatures(EmbeddingTables(Scratch(dimension=4)))
    labels = LabelSet(["flood"], ["flood"], [1], [1], 1)
    with pytest.raises(InputError, match="choose features=plain"):
        make(label_set=labels, features=tokens)


def test_a_post_is_ranked_alike_in_any_batch(tmp_path: Path) -> None:
    model, _, _ = train(make, tmp_path)
    assert isinstance(model, LabelTreeRecommender)
    together = model.top(POSTS, 3)
    for row, post in enumerate(POSTS):
        for one, all_of_them in zip(model.top([post], 3), together, strict=True):
            assert np.array_equal(one[0], all_of_them[row])


def test_damaged_trees_are_refused(tmp_path: Path) -> None:
    model, _, _ = train(make, tmp_path)
    learned = model.learned()
    for name, content in learned["trees"][FILES].items():
        broken = {**learned["trees"][FILES], name: content[: len(content) // 2]}
        with pytest.raises(InputError, match="damaged"):
            make(label_set=model.label_set, features=model.features).restore(
                {**learned, "trees": {FILES: broken}}
            )
    fewer = {**learned, "vocabulary": learned["vocabulary"][:-1], "idf": learned["idf"][:-1]}
    with pytest.raises(InputError, match="read .* features and the vocabulary has"):
        make(label_set=model.label_set, features=model.features).restore(fewer)


def test_a_recommender_that_scores_every_hashtag_says_how_many_it_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    n = MOST_SCORED_LABELS + 1
    names = [f"tag{i}" for i in range(n)]
    many = LabelSet(names, names, [1] * n, [1] * n, n)
    with pytest.raises(InputError, match=r"at most 20,000, not 20,001.*model=omikuji"):
        RandomRecommender(many, PlainTexts())
    LabelTreeRecommender(many, PlainTexts(), LabelTrees())
    monkeypatch.setattr(linear, "MOST_WEIGHT_BYTES", 100)
    features = csr_matrix(np.eye(10, 20, dtype=np.float32))
    labels = csr_matrix(np.eye(10, 5, dtype=bool))
    with pytest.raises(InputError, match="weights of 5 hashtags by 20 n-grams would take"):
        linear.OneVsRest().fit(features, labels)


N_HASHTAGS = 3000


def trained(folder: Path, *overrides: str) -> RunFolder:
    posts = folder.parent / "posts.parquet"
    if not posts.is_file():
        write_posts_with_many_hashtags(posts, N_HASHTAGS, n=4000)
    shared = [
        *("data=files", f"data.path={posts}", "protocol=honest", "split.group=none"),
        *("split.train=0.8", "split.val=0.1", "selection.top_n=100000", "hashtags=any"),
        *("selection.min_tokens_per_hashtag=0", f"run_dir={folder}"),
    ]
    run_configured("tagfinder.runs.train:train", [*shared, *overrides], "train")
    return RunFolder.open(folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run over thousands of hashtags, from raw posts to its scores."""
    folder = tmp_path_factory.mktemp("many")
    smaller = ("model.trees.n_trees=1", "model.ngram_range=[1,1]", "model.top_k=20")
    return trained(folder / "run", "model=omikuji", *smaller)


def test_a_run_over_thousands_of_hashtags_is_whole(run: RunFolder) -> None:
    assert len(run.label_set) > 2400
    test = run.metrics["test"]
    assert test["ndcg@5"] > 0.5
    assert 0 < test["micro_f1"] < 1
    assert "mrr" not in test
    per_label = pl.read_csv(run.path / "per_label.csv")
    assert per_label["hashtag"].to_list() == run.label_set.hashtags
    assert per_label["support"].sum() > 0
    calibration = json.loads((run.path / "calibration.json").read_text())
    assert calibration["test"]["log_loss"] < calibration["test_before"]["log_loss"]


def test_it_suggests_from_the_run_and_from_a_bundle_alike(run: RunFolder, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    invoke("export", str(run.path), str(bundle))
    tag = run.label_set.hashtags[0]
    text = f"all about{tag} near{tag}"
    first = tagfinder.load(run.path).suggest([text, f"{text} #{tag}", "unknown"], k=3)
    second = tagfinder.load(bundle).suggest([text, f"{text} #{tag}", "unknown"], k=3)
    for one, other in zip(first, second, strict=True):
        assert [tag.hashtag for tag in one.hashtags] == [tag.hashtag for tag in other.hashtags]
        scores = [[tag.score for tag in suggested.hashtags] for suggested in (one, other)]
        assert scores[0] == pytest.approx(scores[1], rel=1e-5)
    assert first[0].hashtags[0].hashtag.lower() == tag
    # A hashtag of the text is not suggested, and others take its place.
    assert tag not in [one.hashtag.lower() for one in first[1].hashtags]
    assert len(first[1].hashtags) == 3
    assert first[2].hashtags == []
    recommender = tagfinder.load(run.path)
    assert influences_on(recommender, text, [tag])[0][0].word in text.split()  # type: ignore[arg-type]


def test_it_is_compared_with_another_run(run: RunFolder, tmp_path: Path) -> None:
    other = trained(run.path.parent / "other", "model=random")
    invoke("compare", str(run.path), str(other.path), "--out", str(tmp_path / "compared"))
    written = json.loads((tmp_path / "compared" / "comparison.json").read_text())
    [difference] = [row for row in written["differences"] if row["metric"] == "ndcg@5"]
    means = [one.metrics["test"]["ndcg@5"] for one in (run, other)]
    assert abs(difference["difference"]) == pytest.approx(means[0] - means[1], abs=1e-6)


def invoke(*arguments: str) -> None:
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
