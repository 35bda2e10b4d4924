"""Characters are counted as X counts them; files of posts are read or refused."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import polars as pl
import pytest

from tagfinder import Recommender
from tagfinder.demo.bulk import read_posts, suggest_for_posts
from tagfinder.demo.characters import characters_left
from tagfinder.errors import InputError


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", 280),
        ("a" * 280, 0),
        ("a" * 281, -1),
        ("日本", 276),
        ("🔥", 278),
        ("café “quoted” …", 280 - 16),
        ("see https://example.org/a/very/long/path?with=much&more=1", 280 - 4 - 23),
    ],
)
def test_characters_left(text: str, left: int) -> None:
    assert characters_left(text) == left


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


def test_every_post_of_a_file_gets_its_suggestions(linear_run: Path) -> None:
    recommender = Recommender.load(linear_run)
    posts = pl.DataFrame({"text": ["tote bag closet", None, "zzz"]})
    shares: list[float] = []
    scored = suggest_for_posts(recommender, posts, 2, shares.append)
    assert [len(s.split()) for s in scored["suggested"]] == [2, 0, 0]
    assert shares[-1] == 1.0
