"""What has an open vocabulary is told by its own word, not by its class."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import own_live
import polars as pl
import pytest

import tagfinder
from tagfinder.artifacts.trust import trusting
from tagfinder.cli import main
from tagfinder.corpus.schema import RAW_SCHEMA
from tagfinder.errors import InputError
from tagfinder.recommend.export import export_bundle
from tagfinder.recommend.saved import is_live

pytest.importorskip("tantivy", reason="needs tantivy")
pytest.importorskip("lightgbm", reason="needs lightgbm")

SMALL = (
    *("protocol=live", "data.rows=300", "model.train_posts_val=40", "model.sources=[words,trends]"),
    *("model.train_posts_before_val=40", "model.ranker.num_iterations=5"),
    "model.ranker.min_data_in_leaf=5",
)


@pytest.fixture(scope="module", params=["Backwards", "Delegating"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "run"
    target = f"model._target_={own_live.__name__}.{request.param}"
    with (
        pytest.MonkeyPatch.context() as patch,
        trusting(own_live.__name__),
        pytest.raises(SystemExit) as ended,
    ):
        patch.setenv("TAGFINDER_CACHE", str(folder.parent / "cache"))
        main(["train", "model=live", target, *SMALL, f"run_dir={folder}"])
    assert ended.value.code == 0
    return folder


def test_a_recommender_from_outside_is_trained_calibrated_and_keeps_its_posts(run: Path) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["test"]["open_n"] == metrics["rows"]["test"]
    assert 0 < metrics["test_without_author"]["ndcg@5"] <= 1
    assert json.loads((run / "calibration.json").read_text())["fitted_on"] == "val"


def test_a_recommender_from_outside_suggests_and_is_taught(run: Path) -> None:
    suggester = tagfinder.load(run, teach=True, trust=own_live.__name__)
    post = {
        "id": "1",
        "text": "a comet #CometNight",
        "created_at": datetime(2030, 1, 1, tzinfo=UTC),
    }
    suggester.teach(pl.DataFrame([post], schema=RAW_SCHEMA))
    [suggested] = suggester.suggest("a comet tonight", 5)
    scores = [one.score for one in suggested.hashtags]
    assert "CometNight" in [one.hashtag for one in suggested.hashtags]
    assert scores == sorted(scores)
    suggester.close()


def test_a_recommender_from_outside_is_not_exported_without_its_posts(
    run: Path, tmp_path: Path
) -> None:
    with (
        trusting(own_live.__name__),
        pytest.raises(InputError, match="which a bundle does not hold"),
    ):
        export_bundle(run, tmp_path / "bundle")


def test_other_classes_are_treated_as_closed() -> None:
    assert is_live({"model": {"_target_": "own_live.Backwards"}})
    assert is_live({"model": {"_target_": "own_live.Delegating"}})
    assert not is_live({"model": {"_target_": "tagfinder.models.random.RandomRecommender"}})
    assert not is_live({"model": {"_target_": "own_live.Missing"}})
