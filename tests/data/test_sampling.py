"""Sampling of the training part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from made_up import small_corpus

from tagfinder.data.datamodule import CorpusDataModule
from tagfinder.data.features import PlainTexts
from tagfinder.data.ragged import Ragged
from tagfinder.data.sampling import DownSampling, OverSampling, sampling_counts


def ragged(rows: list[list[int]]) -> Ragged:
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Ragged(np.array([label for row in rows for label in row], dtype=np.int32), offsets)


def counts(rows: list[list[int]]) -> list[int]:
    return np.bincount([label for row in rows for label in row], minlength=4).tolist()


rows_of_labels = st.lists(
    st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True).map(sorted),
    min_size=1,
    max_size=60,
)


@given(rows=rows_of_labels, floor=st.integers(0, 20))
def test_down_sampling_takes_no_hashtag_below_the_floor(rows: list[list[int]], floor: int) -> None:
    before = counts(rows)
    kept = DownSampling(floor=floor).rows(ragged(rows), before)
    after = counts([rows[i] for i in kept])
    assert all(a >= min(b, floor) for a, b in zip(after, before, strict=True))
    assert (np.diff(kept) > 0).all()
    gone = set(range(len(rows))) - set(kept.tolist())
    assert all(before[label] > floor for row in gone for label in rows[row])


def test_down_sampling_brings_a_frequent_hashtag_down_to_the_floor() -> None:
    rows = [[0]] * 50 + [[1]] * 5
    kept = DownSampling(floor=10).rows(ragged(rows), counts(rows))
    assert counts([rows[i] for i in kept])[:2] == [10, 5]


@given(rows=rows_of_labels)
def test_over_sampling_keeps_every_post_and_repeats_only_rare_ones(rows: list[list[int]]) -> None:
    before = counts(rows)
    times = np.bincount(OverSampling(target=10, most=3).rows(ragged(rows), before))
    assert len(times) == len(rows)
    for row, n in zip(rows, times, strict=True):
        expected = round(10 / min([10, *(before[label] for label in row)]))
        assert n == min(max(expected, 1), 3)


def test_what_was_done_is_counted() -> None:
    rows = [[0]] * 6 + [[1]] * 2
    chosen = OverSampling(target=6, most=5).rows(ragged(rows), counts(rows))
    assert sampling_counts(chosen, ragged(rows), [6, 2]) == {
        "posts_before": 8,
        "posts_after": 12,
        "posts_left_out": 0,
        "posts_repeated": 2,
        "rarest_before": 2,
        "rarest_after": 6,
        "most_frequent_before": 6,
        "most_frequent_after": 6,
    }


def test_only_the_training_part_is_sampled(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path / "corpus")
    data = CorpusDataModule(corpus, PlainTexts(), batch_size=16, sampling=DownSampling(floor=5))
    rows = {
        name: np.concatenate([batch.rows for batch in loader()])
        for name, loader in (("train", data.train_dataloader), ("val", data.val_dataloader))
    }
    assert len(rows["train"]) <= data.sampled()["posts_after"] < corpus.manifest["rows"]["train"]
    assert len(rows["val"]) == len(corpus.part("val", ["id"]))
