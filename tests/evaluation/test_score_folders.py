"""Rankings in many files are scored as if they were in one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tagfinder.configuration.executors.local import LocalExecutor
from tagfinder.errors import InputError
from tagfinder.evaluation.score import judge, score
from tagfinder.evaluation.score_folders import score_folders

KS = (1, 3, 5)
HERE = LocalExecutor(jobs=1)


@pytest.fixture
def rankings(tmp_path: Path) -> pl.DataFrame:
    """Forty rows, one of them without labels, in one file and in three."""
    rng = np.random.default_rng(4)
    labels = [rng.choice(9, rng.integers(1, 4), replace=False).tolist() for _ in range(40)]
    labels[3] = []
    frame = pl.DataFrame(
        {
            "id": [str(i) for i in range(40)],
            "labels": pl.Series(labels, dtype=pl.List(pl.Int32)),
            "top_labels": [rng.permutation(9)[:5].tolist() for _ in range(40)],
            "n_hashtags": [len(row) + 1 for row in labels],
        }
    )
    (tmp_path / "parts").mkdir()
    for number, (begin, end) in enumerate([(0, 11), (11, 12), (12, 40)]):
        frame[begin:end].write_parquet(tmp_path / "parts" / f"{number}.parquet")
    frame.write_parquet(tmp_path / "all.parquet")
    return frame


def test_the_scores_of_many_files_are_those_of_one(rankings: pl.DataFrame, tmp_path: Path) -> None:
    parts, whole = tmp_path / "parts", tmp_path / "all.parquet"
    found = score_folders(parts, parts, HERE, tmp_path / "work", ks=KS, with_open=True)
    expected = score(judge(whole, whole, max(KS)), KS, with_open=True)
    assert found == pytest.approx(expected, rel=1e-12)
    assert found["n"] == rankings.height - 1


def test_a_file_without_its_partner_is_named(rankings: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "truth").mkdir()
    rankings.write_parquet(tmp_path / "truth" / "0.parquet")
    with pytest.raises(InputError, match=r"1\.parquet has no file of the same name"):
        score_folders(tmp_path / "parts", tmp_path / "truth", HERE, tmp_path / "work", ks=KS)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="has no Parquet file"):
        score_folders(tmp_path / "none", tmp_path / "truth", HERE, tmp_path / "work", ks=KS)
