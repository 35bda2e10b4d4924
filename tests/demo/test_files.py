"""Files of posts are read or refused, and scored with every model."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import polars as pl
import pytest

from tagfinder import Recommender
from tagfinder.demo.bulk import as_csv, read_posts, suggest_for_posts
from tagfinder.errors import InputError


def parquet(frame: pl.DataFrame) -> bytes:
    stream = BytesIO()
    frame.write_parquet(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b'id,text\n1,"a, b"\n2,c\n'),
        ("a.jsonl", b'{"data": [{"id": "1", "text": "a, b"}, {"id": "2", "text": "c"}]}'),
        ("a.txt", b"a, b\nc\n"),
        ("a.parquet", parquet(pl.DataFrame({"text": ["a, b", "c"]}))),
    ],
)
def test_files_of_each_kind_are_read(name: str, content: bytes) -> None:
    assert read_posts(name, content)["text"].to_list() == ["a, b", "c"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", b"id\n1\n"), ("a.parquet", b"text\na\n"), ("a.txt", b"\xff\xfe\x00")],
)
def test_files_that_are_none_are_refused(name: str, content: bytes) -> None:
    with pytest.raises(InputError, match=name):
        read_posts(name, content)


def test_every_post_gets_hashtags_and_probabilities_of_every_model(linear_run: Path) -> None:
    recommender = Recommender.load(linear_run)
    posts = pl.DataFrame({"text": ["tote bag closet", None, "zzz"]})
    shares: list[float] = []
    two = {"one": recommender, "other": recommender}
    scored = suggest_for_posts(two, posts, 2, done=shares.append)
    assert scored["one: hashtags"].to_list() == scored["other: hashtags"].to_list()
    assert [len(s.split()) for s in scored["one: hashtags"]] == [2, 0, 0]
    [expected] = recommender.suggest("tote bag closet", 2)
    shown = [float(one) for one in scored["other: probabilities"][0].split()]
    assert shown == pytest.approx([one.probability for one in expected.hashtags], abs=0.005)
    assert shares == [0.5, 1.0]


def test_hashtags_below_the_threshold_are_left_out(linear_run: Path) -> None:
    posts = pl.DataFrame({"text": ["tote bag closet"]})
    models = {"one": Recommender.load(linear_run)}
    scored = suggest_for_posts(models, posts, 50, threshold=0.3)
    shown = [float(one) for one in scored["one: probabilities"][0].split()]
    assert shown
    assert min(shown) >= 0.3


def test_the_download_keeps_lists_as_json() -> None:
    posts = pl.DataFrame({"text": ["a"], "tags": [["x", "y"]], "place": [{"lat": 1.5}]})
    again = pl.read_csv(as_csv(posts))
    assert again.row(0) == ("a", '["x", "y"]', '{"lat": 1.5}')
