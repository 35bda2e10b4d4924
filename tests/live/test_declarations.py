"""Declared columns and counts are what is computed, stored and documented."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tagfinder.live.counts.statistics import COUNTERS, PostStatistics
from tagfinder.live.counts.statistics_file import load_statistics, save_statistics
from tagfinder.live.features import (
    association,
    author,
    classifier,
    hashtag,
    neighbour_votes,
    neighbours,
    spelling,
    typed,
    whole_query,
)
from tagfinder.live.features.reference import as_markdown
from tagfinder.live.features.table import GROUPS, SOURCES, column_names
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.post import Post
from tagfinder.live.replay import Replay
from tagfinder.live.tokens import tokenize

pytest.importorskip("tantivy", reason="needs tantivy")
pytest.importorskip("faiss", reason="needs faiss")

from tagfinder.live.search.tantivy_index import TantivyIndex
from tagfinder.live.search.vector_index import VectorIndex

MODULES = (association, author, classifier, hashtag, spelling, typed, whole_query)
CLASSIFIER = {
    "interval_days": 5,
    "window_days": 60,
    "min_uses": 1,
    "dimension": 4,
    "epochs": 1,
    "warm_start_epochs": 1,
    "learning_rate": 0.05,
}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_constants_are_the_positions_of_the_declared_columns(module: ModuleType) -> None:
    for position, column in enumerate(module.COLUMNS):
        assert getattr(module, column.name.upper()) == position


def test_constants_of_votes_are_the_positions_of_the_declared_columns() -> None:
    for position, column in enumerate(neighbours.COLUMNS):
        assert getattr(neighbour_votes, column.name.upper()) == position


@pytest.fixture(scope="module")
def tables() -> dict[str, np.ndarray]:
    """Every column's values over queries of a small world, with typed hashtags and without."""
    draw = np.random.default_rng(1)
    posts = []
    for number in range(400):
        topic = int(draw.integers(0, 6))
        text = " ".join(f"w{topic}{word}" for word in draw.integers(0, 9, draw.integers(2, 8)))
        text += f" tag{topic}"
        tags = {f"Tag{topic}", f"Tag{topic}{draw.integers(0, 3)}", f"Tag{draw.integers(0, 6)}"}
        signed = f"a{topic}{draw.integers(0, 3)}" if draw.random() < 0.8 else None
        day = 18_000 + number if number < 60 else 18_000 + 300 + number / 4
        posts.append(Post(f"{number}", day, signed, text, tuple(sorted(tags))))
    vectors = draw.normal(size=(400, 3)).astype(np.float32)
    knowledge = Knowledge(TantivyIndex(), VectorIndex(3), classifier=CLASSIFIER)
    replay = Replay(knowledge, posts, 1.0, vectors)
    rows = []
    for position in range(200, 400, 3):
        known = replay.query(position, SOURCES)
        typed_query = knowledge.query(
            *(posts[position].text, posts[position].day, posts[position].author, SOURCES),
            vector=vectors[position],
            typed=posts[position].hashtags[:1],
        )
        rows += [
            known.candidates.features,
            replay.without_author(known, SOURCES).candidates.features,
        ]
        rows.append(knowledge.candidates(typed_query, SOURCES).features)
    return dict(zip(column_names(SOURCES), np.concatenate(rows).T, strict=True))


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.title)
def test_every_declared_column_is_written_and_within_its_range(
    tables: dict[str, np.ndarray], group: object
) -> None:
    for name, column in zip(group.names, group.columns, strict=True):  # type: ignore[attr-defined]
        values = tables[name]
        missing = np.isnan(values)
        assert missing.any() == column.optional, name
        assert np.ptp(values[~missing]) > 0, f"{name} is the same everywhere"
        assert values[~missing].min() >= column.low, name
        assert values[~missing].max() <= column.high, name


def test_the_documented_features_and_counts_are_the_declared_ones() -> None:
    page = Path(__file__).parents[2] / "docs" / "live-features.md"
    assert page.read_text(encoding="utf-8") == as_markdown(), (
        "run python -m tagfinder.live.features.reference"
    )


def test_every_declared_count_is_filled_and_survives_a_file(tmp_path: Path) -> None:
    statistics = PostStatistics()
    for number in range(3_000):
        tags = (f"Tag{number % 1_500}", "Rain") if number % 3 else (f"tag{number % 1_500}",)
        author_name = f"a{number % 1_200}" if number % 5 else None
        post = Post(f"{number}", 18_000.5 + number, author_name, "rain tag1", tags)
        statistics.teach(post, tokenize(post.text))
    statistics.forget(7, tokenize("rain tag1"))
    save_statistics(statistics, tmp_path / "memory.npz")
    loaded = load_statistics(tmp_path / "memory.npz")
    for counter in COUNTERS:
        size = statistics.size(counter.axis)
        one, other = (getattr(each, counter.name) for each in (statistics, loaded))
        saved = one.saved(counter.name, size)
        for name, values in saved.items():
            np.testing.assert_array_equal(values, other.saved(counter.name, size)[name], name)
            assert (values != counter.create().saved(counter.name, size)[name][:1]).any(), name
        # Room for more is there in all of an axis.
        assert len(other.saved(counter.name, size + 1)) == len(saved)
    for each in (statistics, loaded):
        each.teach(Post("new", 22_000.0, "new", "rain", ("New", "Newer")), tokenize("rain"))
    assert loaded.users.values[loaded.hashtags.number_of["newer"]] == 1
