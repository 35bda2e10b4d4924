"""A training that was stopped continues with the same result, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tagfinder.live.features.table import SOURCES, column_names
from tagfinder.live.post import Post
from tagfinder.live.ranking.dataset import RankingDataset
from tagfinder.live.ranking.ensemble import RankerEnsemble
from tagfinder.live.ranking.ranker import Ranker, RankerSettings
from tagfinder.live.rankings import RankedPart
from tagfinder.live.replay import Replay
from tagfinder.live.timeline_ranking import ReplaySettings, TimelineRanking
from tagfinder.live.training_progress import TrainingProgress

pytest.importorskip("tantivy", reason="needs tantivy")
pytest.importorskip("lightgbm", reason="needs lightgbm")
pytest.importorskip("faiss", reason="needs faiss")

N_POSTS = 240
CLASSIFIER = {
    "interval_days": 4,
    "window_days": 60,
    "min_uses": 2,
    "dimension": 4,
    "epochs": 1,
    "warm_start_epochs": 1,
    "learning_rate": 0.05,
}
RANKER = RankerSettings(
    *(8, 7, 0.1, 2, 0.5, 0.7),
    unknown_author_objectives=("lambdarank",),
    unknown_author_min_posts=5,
)


@pytest.fixture(scope="module")
def features() -> Any:
    draw = np.random.default_rng(4)
    posts = []
    # Often several in an hour, of which trends are kept for all.
    days = 18_000 + np.cumsum(draw.exponential(1 / 8, N_POSTS))
    for number, day in enumerate(days.tolist()):
        topic = int(draw.integers(0, 5))
        text = " ".join(f"w{topic}{word}" for word in draw.integers(0, 9, draw.integers(2, 8)))
        tags = tuple(f"Tag{topic}{n}" for n in np.unique(draw.integers(0, 4, 2)))
        author = f"a{topic}{draw.integers(0, 3)}" if draw.random() < 0.8 else None
        posts.append(Post(f"{number}", day, author, text, tags))
    borders = {"train": (0, 100), "val": (100, 170), "test": (170, N_POSTS)}
    timeline = SimpleNamespace(
        posts=posts, positions={part: np.arange(*border) for part, border in borders.items()}
    )
    vectors = draw.normal(size=(N_POSTS, 3)).astype(np.float32)
    return SimpleNamespace(timeline=timeline, vectors=vectors)


def ranking(
    features: Any, progress: TrainingProgress | None, processes: int = 1
) -> TimelineRanking:
    label_of = {f"tag{topic}{n}": topic * 4 + n for topic in range(5) for n in range(4)}
    settings = ReplaySettings(
        sources=frozenset(SOURCES),
        delay_days=1.0,
        author=True,
        also_without_author=True,
        hidden_author_share=0.7,
        top_k=5,
        knowledge={"classifier": CLASSIFIER},
        seed=1,
    )
    return TimelineRanking(features, label_of, settings, progress, processes)


def trained(features: Any, progress: TrainingProgress | None, processes: int = 1) -> dict[str, Any]:
    """Train as `LiveRecommender` does, and return everything that comes of it."""
    timeline, dataset = ranking(features, progress, processes), RankingDataset(6, seed=1)

    def ensemble(stage: str) -> RankerEnsemble:
        def remember(name: str, train: Any) -> Ranker:
            return progress.ranker(f"{stage}-{name}", train) if progress else train()

        names = column_names(SOURCES)
        return RankerEnsemble.learn(names, dataset, RANKER, 1, remember)

    timeline.collect(np.arange(40, 100), dataset)
    first = ensemble("before_val")
    val = timeline.rank("val", features.timeline.positions["val"], first, dataset)
    last = ensemble("val")
    test = timeline.rank("test", features.timeline.positions["test"], last)
    knowledge = timeline.teach_all()
    return {
        "examples": dataset.known_author + dataset.unknown_author,
        "rankers": [first.state(), last.state()],
        "val": val,
        "test": test,
        "classifiers": timeline.classifiers,
        "last classifiers": knowledge.classifiers_state(),
        "posts": knowledge.statistics.n_posts,
    }


def assert_same(one: Any, other: Any) -> None:
    if isinstance(one, RankedPart):
        for rankings in ("rankings", "without_author"):
            a, b = getattr(one, rankings), getattr(other, rankings)
            for name in ("labels", "scores", "asked"):
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def uninterrupted(features: Any) -> dict[str, Any]:
    return trained(features, None)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("tagfinder.live.timeline_ranking.BLOCK", 16)
    yield


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("stops", [[37], [70, 5], [130, 3, 20]], ids=str)
def test_a_stopped_training_has_the_result_of_an_uninterrupted_one(
    features: Any,
    uninterrupted: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stops: list[int],
) -> None:
    query = Replay.query
    for stop in stops:
        left = iter(range(stop))

        def watched(*arguments: Any, left: Iterator[int] = left, **keywords: Any) -> Any:
            if next(left, None) is None:
                raise StoppedError
            return query(*arguments, **keywords)

        with monkeypatch.context() as patch, pytest.raises(StoppedError):
            patch.setattr(Replay, "query", watched)
            trained(features, TrainingProgress(tmp_path / "progress", "same"))
    assert_same(trained(features, TrainingProgress(tmp_path / "progress", "same")), uninterrupted)


@pytest.mark.parametrize("processes", [2, 3])
def test_the_number_of_processes_does_not_change_the_result(
    features: Any,
    uninterrupted: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    processes: int,
) -> None:
    monkeypatch.setattr("tagfinder.live.timeline_ranking.POSTS_OF_A_PROCESS", 20)
    replayed: list[int] = []
    query = Replay.query

    def watched(replay: Replay, position: int, *arguments: Any, **keywords: Any) -> Any:
        replayed.append(position)
        return query(replay, position, *arguments, **keywords)

    monkeypatch.setattr(Replay, "query", watched)
    progress = TrainingProgress(tmp_path / "progress", "same")
    assert_same(trained(features, progress, processes), uninterrupted)
    # Others did the rest.
    assert len(replayed) < N_POSTS - 40
    assert not (tmp_path / "progress" / "processes").exists()


def test_finished_work_is_not_done_again(
    features: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(features, TrainingProgress(tmp_path / "progress", "same"))

    def refuse(*arguments: Any, **keywords: Any) -> None:
        raise AssertionError("this was done before")

    monkeypatch.setattr(Ranker, "learn", refuse)
    monkeypatch.setattr(Replay, "query", refuse)
    trained(features, TrainingProgress(tmp_path / "progress", "same"))


def test_work_of_another_training_is_not_used(tmp_path: Path) -> None:
    progress = TrainingProgress(tmp_path / "progress", "one")
    progress.keep_block("val", 0, {"rows": np.arange(3)})
    assert TrainingProgress(tmp_path / "progress", "one").has_block("val", 0)
    assert not TrainingProgress(tmp_path / "progress", "other").has_block("val", 0)
    assert not TrainingProgress(tmp_path / "progress", "one").has_block("val", 0)


@pytest.mark.parametrize("damaged", ["val-000001.npz", "val-000001.classifiers.npz"])
def test_damaged_blocks_are_computed_again(
    features: Any, uninterrupted: dict[str, Any], tmp_path: Path, damaged: str
) -> None:
    folder = tmp_path / "progress"
    trained(features, TrainingProgress(folder, "same"))
    for file in folder.glob("test-*"):
        file.unlink()
    if (folder / damaged).exists():
        (folder / damaged).write_bytes(b"PK\x03\x04 half")
    assert_same(trained(features, TrainingProgress(folder, "same")), uninterrupted)
