from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from tagfinder.corpus.rejects import LONGEST_VALUE, RecordedRejects, Rejects


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_rows_are_counted_by_reason_without_a_file():
    rejects = Rejects()
    rejects.add("no text", pl.DataFrame({"row": [1, 2]}))
    rejects.add("no date", 3)
    rejects.add("no text", 1)
    assert rejects.counts == {"no text": 3, "no date": 3}
    assert rejects.total == 6


def test_a_reason_that_nothing_was_rejected_for_is_not_listed():
    rejects = Rejects()
    rejects.add("no text", 0)
    rejects.add("no text", pl.DataFrame({"row": []}))
    assert rejects.counts == {}


def test_the_file_holds_each_row_with_its_reason(tmp_path: Path):
    path = tmp_path / "rejects.jsonl"
    when = datetime(2022, 10, 10, tzinfo=UTC)
    with Rejects(path) as rejects:
        rejects.add("no text", pl.DataFrame({"row": [7], "created_at": [when], "tags": [["a"]]}))
        rejects.add("retweet", pl.DataFrame({"text": ['RT @a: é\n"b"'], "reason": ["older"]}))
        rejects.add("unknown", 5)
    first, second, third = _lines(path)
    assert (first["reason"], first["row"], first["tags"]) == ("no text", 7, ["a"])
    assert second == {"reason": "retweet", "text": 'RT @a: é\n"b"'}
    assert third == {"reason": "unknown", "rows": 5}


def test_a_megabyte_long_value_is_cut_in_the_file(tmp_path: Path):
    with Rejects(tmp_path / "rejects.jsonl") as rejects:
        rejects.add("too long", pl.DataFrame({"text": ["x" * 1_000_000]}))
    assert _lines(tmp_path / "rejects.jsonl")[0]["text"] == "x" * LONGEST_VALUE


def test_a_run_that_fails_leaves_no_file_and_keeps_an_older_one(tmp_path: Path):
    path = tmp_path / "rejects.jsonl"
    path.write_text("older\n")
    with pytest.raises(RuntimeError), Rejects(path) as rejects:
        rejects.add("no text", 1)
        raise RuntimeError
    assert path.read_text() == "older\n"
    assert [file.name for file in tmp_path.iterdir()] == ["rejects.jsonl"]


def test_a_run_without_rejects_leaves_an_empty_file(tmp_path: Path):
    with Rejects(tmp_path / "rejects.jsonl"):
        pass
    assert (tmp_path / "rejects.jsonl").read_bytes() == b""


def test_rows_of_a_partition_may_have_a_column_in_several_types(tmp_path: Path):
    recorded = RecordedRejects(with_rows=True)
    recorded.add("no text", pl.DataFrame({"row": [1], "hashtags": [["a", "b"]]}))
    recorded.add("too long", pl.DataFrame({"row": [2], "hashtags": ["a b"], "text": ["x"]}))
    facts = recorded.save(tmp_path / "rows.parquet")
    with Rejects(tmp_path / "rejects.jsonl") as rejects:
        rejects.take_over(facts, tmp_path / "rows.parquet")
    first, second = _lines(tmp_path / "rejects.jsonl")
    assert (first["row"], first["hashtags"]) == (1, "[a, b]")
    assert (second["row"], second["hashtags"], second["text"]) == (2, "a b", "x")


def test_a_spreadsheet_finds_no_formula_in_a_table_of_rejects(tmp_path: Path):
    with Rejects(tmp_path / "rejects.csv") as rejects:
        rejects.add("too few tokens", pl.DataFrame({"row": [7], "text": ["=1+1"]}))
    written = pl.read_csv(tmp_path / "rejects.csv", infer_schema=False)
    assert written.select("row", "text").row(0) == ("7", "'=1+1")
