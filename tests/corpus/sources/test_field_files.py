"""Files as the world exports them, kept beside the project, and what is right for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.sources.files import FileSource
from tagfinder.errors import InputError

AUTO: dict[str, Any] = dict.fromkeys(
    ("id", "created_at", "text", "hashtags", "entity_name", "lang"), "auto"
)


def read(path: Path, **options: Any) -> tuple[pl.DataFrame, Rejects]:
    rejects = Rejects()
    columns = AUTO | options.pop("columns", {})
    source = FileSource(path=str(path), columns=columns, **options)
    return pl.concat(source.batches(rejects)), rejects


@pytest.mark.parametrize(
    ("name", "options", "rows", "hashtags_of_first"),
    [
        ("backslash_quotes.csv", {}, 60, None),
        ("cp1252_excel.csv", {"columns": {"text": "Text", "id": "ID"}, "separator": ";"}, 60, None),
        ("cp1252_excel.csv", {"encoding": "cp1252"}, 60, None),
        ("list_kinds_parquet.parquet", {}, 60, ["flood"]),
        ("mastodon_outbox.json", {}, 60, ["flood"]),
        ("no_header_latin1.csv", {"header": False, "columns": {"text": 6, "id": 2}}, 60, None),
        ("pandas_to_json.json", {}, 60, None),
        ("tab_separator.csv", {"separator": r"\t"}, 60, None),
        ("tab_separator.csv", {"separator": "tab"}, 60, None),
        ("tags_hash.csv", {}, 60, ["flood", "town"]),
        ("tags_lists_of_dicts.jsonl", {}, 60, ["flood"]),
        ("tsv_open_quote.csv", {"separator": "\t"}, 60, None),
        ("tsv_open_quote.csv", {"separator": "\t", "quote": None}, 60, None),
        ("twarc1_stream.jsonl", {}, 60, None),
        ("twarc2_responses.jsonl", {}, 60, ["flood"]),
        ("twarc_json2csv.csv", {}, 60, ["flood"]),
        ("twitter_archive.json", {}, 60, ["flood"]),
        ("japanese.jsonl", {}, 120, None),
        ("path_equals.csv", {}, 60, None),
    ],
)
def test_every_post_of_an_export_is_read(
    shared: Path, name: str, options: dict[str, Any], rows: int, hashtags_of_first: list[str] | None
):
    posts, rejects = read(shared / "field" / "cases" / name, **options)
    assert posts.height == rows
    assert rejects.counts == {}
    assert not posts["text"].str.contains("\n").any()
    first = posts["hashtags"][0]
    assert (None if first is None else first.to_list()) == hashtags_of_first
    assert posts["id"].n_unique() == rows


def test_the_whole_text_of_a_streamed_post_is_taken(shared: Path):
    posts, _ = read(shared / "field" / "cases" / "twarc1_stream.jsonl")
    assert not posts["text"].str.contains("…").any()
    assert posts["text"][0].endswith("#flood")


def test_hashtags_of_a_table_are_split_at_blanks(shared: Path):
    posts, _ = read(shared / "field" / "cases" / "twarc_json2csv.csv")
    assert posts["hashtags"].head(2).to_list() == [["flood"], ["coffee", "Town"]]


def test_letters_of_an_old_encoding_are_right_and_the_encoding_is_named(shared: Path):
    posts, rejects = read(shared / "field" / "cases" / "cp1252_excel.csv")
    assert "für Köln" in posts["text"][0]
    assert rejects.notes == [
        "cp1252_excel.csv: read as cp1252 (data.encoding=cp1252)",
        "cp1252_excel.csv: posts have no times; if Datum has them, set "
        "data.columns.created_at=Datum",
    ]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("no_header_latin1.csv", ["no header", "data.header=false", "data.columns.text=6"]),
        ("null_text_parquet.parquet", ["none of the 60 rows can be used (60 no text)"]),
    ],
)
def test_unreadable_input_is_answered_with_what_to_do(shared: Path, name: str, parts: list[str]):
    with pytest.raises(InputError) as caught:
        read(shared / "field" / "cases" / name)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        (
            "dotted_names.parquet",
            {"columns": {"text": "data.text", "id": "tweet.id", "hashtags": "data.hashtags"}},
        ),
        ("large_and_view.parquet", {}),
        ("one_label.jsonl", {}),
        ("twarc1_extended.jsonl", {}),
        ("tz_tokyo.parquet", {}),
    ],
)
def test_what_was_read_stays_right(shared: Path, name: str, options: dict[str, Any]):
    posts, rejects = read(shared / "field" / "passing" / name, **options)
    assert (posts.height, rejects.counts) == (60, {})
    if name in ("twarc1_extended.jsonl", "tz_tokyo.parquet"):
        assert str(posts["created_at"][0]) == "2020-08-27 13:08:45+00:00"
