"""A corpus does not depend on its partitions or on the engine that prepares it."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
import pytest
from composed import configured
from polars.testing import assert_frame_equal

from tagfinder.configuration.executors import Executor
from tagfinder.configuration.executors.local import LocalExecutor
from tagfinder.corpus import prepare as preparing
from tagfinder.corpus.encoding import Encoder
from tagfinder.corpus.prepared import PARTS, PreparedCorpus
from tagfinder.runs.corpus import recipe_of

sys.path.insert(0, str(Path(__file__).parents[1] / "executors"))
from engines import ENGINES, engine

ROWS = 900
OVERRIDES = {
    "by time, near-duplicates": ("protocol=honest",),
    "at random, exact copies": ("protocol=report", "split.group=exact"),
}


def corpus(
    monkeypatch: pytest.MonkeyPatch,
    cache: Path,
    overrides: tuple[str, ...],
    executor: Executor,
    partition_rows: int,
    rejects: Path | None = None,
) -> PreparedCorpus:
    monkeypatch.setenv("TAGFINDER_CACHE", str(cache))
    recipe = recipe_of(configured("data=synthetic", f"data.rows={ROWS}", *overrides))
    return preparing.prepare(recipe, rejects, executor, partition_rows)


def assert_same(one: PreparedCorpus, other: PreparedCorpus) -> None:
    assert_frame_equal(one.posts.collect(), other.posts.collect())
    assert one.label_set == other.label_set
    assert one.manifest == other.manifest
    for part in PARTS:
        columns = ["id", "labels", "group"]
        assert_frame_equal(one.part(part, columns), other.part(part, columns))


@pytest.mark.parametrize("overrides", OVERRIDES.values(), ids=OVERRIDES)
@pytest.mark.parametrize("partition_rows", [7, 250, ROWS])
def test_the_number_of_partitions_changes_nothing(
    overrides: tuple[str, ...],
    partition_rows: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if partition_rows < 250:  # a file for each post takes its time
        overrides = (*overrides, "data.rows=120", "selection.top_n=3")
    here = LocalExecutor(jobs=1)
    whole = corpus(monkeypatch, tmp_path / "whole", overrides, here, 10 * ROWS)
    pieces = corpus(monkeypatch, tmp_path / "pieces", overrides, here, partition_rows)
    assert_same(whole, pieces)
    assert (whole.folder / "posts.parquet").is_file()
    assert (pieces.folder / "posts.parquet").is_dir() == (partition_rows < ROWS)
    # Nothing of the work is left.
    for made in (whole, pieces):
        assert [path.name for path in made.folder.parent.iterdir()] == [made.folder.name]


@pytest.mark.parametrize("name", ENGINES[1:])
def test_each_engine_makes_the_same_corpus(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = OVERRIDES["by time, near-duplicates"]
    whole = corpus(monkeypatch, tmp_path / "whole", overrides, LocalExecutor(jobs=1), 10 * ROWS)
    with engine(name, tmp_path) as executor:
        made = corpus(monkeypatch, tmp_path / "made", overrides, executor, 300)
    assert_same(whole, made)


def test_an_interrupted_preparation_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = (monkeypatch, tmp_path / "cache", OVERRIDES["by time, near-duplicates"])
    here = LocalExecutor(jobs=1)
    write, calls = Encoder.write, []

    def stopped_in_the_second(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Encoder, "write", stopped_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        corpus(*given, here, 300)
    monkeypatch.setattr(preparing, "stage_partition", None)  # everything is cleaned already
    made = corpus(*given, here, 300)
    assert len(calls) == 1 + 3  # the first partition was not encoded again
    monkeypatch.undo()
    assert_same(corpus(monkeypatch, tmp_path / "whole", given[2], here, 10 * ROWS), made)


def test_rejected_posts_do_not_depend_on_the_partitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = []
    for name, partition_rows in (("whole", 10 * ROWS), ("pieces", 200)):
        file = tmp_path / f"{name}.parquet"
        made = corpus(
            *(monkeypatch, tmp_path / name, OVERRIDES["by time, near-duplicates"]),
            *(LocalExecutor(jobs=1), partition_rows, file),
        )
        written = pl.read_parquet(file)
        assert written.height == sum(made.manifest["rows_left_out"].values())
        rows.append(written.sort(pl.all()))
    assert_frame_equal(rows[0], rows[1])
