"""Texts of strangers stay texts in a terminal, in Markdown, in HTML and in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import logging
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tagfinder.commands.recommend import _for_people
from tagfinder.escaping import (
    PrintableLogRecord,
    fenced,
    for_csv,
    for_json,
    for_markdown,
    for_terminal,
)
from tagfinder.evaluation.error_counts import ScoredPredictions
from tagfinder.evaluation.error_report import worst_table
from tagfinder.evaluation.tables import Table
from tagfinder.recommend.suggestion import Suggestion, Suggestions
from tagfinder.runs.summary import score_table
from tagfinder.sweeping.records import JobRecord, write_sweep_file

ATTACKS = (
    "\x1b]0;title\x07",
    "\x1b[2J",
    "\x9b31m",
    "abc\rdef",
    "\u202egnp.exe",
    "<script>alert(1)</script>",
    "![x](http://a.example/x.png)",
    "[click](javascript:alert(1))",
    "<http://a.example>",
    "http://a.example/x",
    "www.a.example",
    "a | b\n---|---",
    "# heading",
    "`code`",
    "&lt;b&gt;",
    "$x$",
    "~~gone~~",
    '" onmouseover="alert(1)',
)
# Half a character cannot be written anywhere.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(ATTACKS)


@given(text=texts)
@example("\x1b[31m")
def test_a_terminal_obeys_nothing(text: str) -> None:
    shown = for_terminal(text)
    assert not [c for c in shown if unicodedata.category(c) == "Cc" and c not in "\n\t"]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert for_terminal("Grüße 👋 #täg") == "Grüße 👋 #täg"


@given(text=texts)
def test_markdown_shows_a_text_and_nothing_else(text: str) -> None:
    parser = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table")
    # Not at the beginning of a line, where the places of ours never are.
    tokens = parser.parse(f"by {for_markdown(text)} end")
    kinds = {token.type for token in tokens}
    assert kinds == {"paragraph_open", "inline", "paragraph_close"}
    assert {child.type for token in tokens for child in token.children or []} <= {
        "text",
        "text_special",
    }


@pytest.mark.parametrize("text", ATTACKS[5:])
def test_markdown_comes_out_as_it_went_in(text: str) -> None:
    page = MarkdownIt("commonmark").render(f"by {for_markdown(text)} end")
    seen: list[str] = []
    reader = HTMLParser(convert_charrefs=True)
    reader.handle_data = seen.append  # type: ignore[method-assign]
    reader.feed(page)
    one_line = " ".join(text.split())
    assert "".join(seen).strip() == f"by {one_line} end"


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1", '=cmd|"/c calc"!A1']
)
def test_a_spreadsheet_finds_no_formula(cell: str) -> None:
    written = for_csv(pl.DataFrame({"hashtag": [cell, "fine", None], "n": [-1, 2, 3]})).write_csv()
    rows = list(csv.DictReader(io.StringIO(written)))
    assert rows[0]["hashtag"] == f"'{cell}"
    assert rows[1]["hashtag"] == "fine"
    assert rows[0]["n"] == "-1", "numbers stay numbers"


def test_a_table_in_markdown_holds_no_tag_and_no_link_of_a_name() -> None:
    cells = ["<script>alert(1)</script>", "[x](http://a.example)", "a|b", "0.5 [0.4, 0.6] < 1"]
    table = Table("Runs", ["run", *"abc"], [cells])
    page = MarkdownIt("commonmark").enable("table").render(table.markdown())
    assert "<script" not in page
    assert "<a " not in page
    assert page.count("<td") == len(cells)
    assert "0.5 [0.4, 0.6] < 1" in table.markdown(), "numbers are as they were"


HOSTILE = "=1+1<script>\x1b[31m![x](http://a.example)"


def test_suggestions_in_a_terminal_obey_nothing() -> None:
    found = Suggestions("text\x1b[2J", "read\x07", [Suggestion(HOSTILE, 1.0, 1.0)], None)
    shown = _for_people(found, model_input=True)
    assert not set(shown) & set("\x1b\x07")
    assert r"#=1+1<script>\x1b[31m" in shown


def test_the_worst_posts_and_the_tables_of_a_run_obey_nothing(tmp_path: Path) -> None:
    posts = pl.DataFrame(
        {
            "id": [HOSTILE, "2"],
            "labels": [[0], [1]],
            "top_labels": [[1, 0], [0, 1]],
            "top_scores": [[0.9, 0.1], [0.8, 0.2]],
            "text": [HOSTILE, "fine"],
        }
    )
    judged = ScoredPredictions(name=HOSTILE, posts=posts, hashtags=[HOSTILE, "fine"])
    page = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .render(worst_table(judged).markdown())
    )
    assert "<script" not in page
    assert "<img" not in page
    write_sweep_file(tmp_path, {tmp_path / "run": JobRecord(["+model=lstm"])})
    (row,) = csv.DictReader(io.StringIO((tmp_path / "sweep.csv").read_text()))
    assert row["overrides"] == "'+model=lstm"


def test_names_in_the_header_of_a_table_are_no_formulas() -> None:
    table = pl.DataFrame({"=cmd|'/c calc'!A1: hashtags": ["#a"], "text": ["b"]})
    assert for_csv(table).columns == ["'=cmd|'/c calc'!A1: hashtags", "text"]


@given(text=texts)
def test_json_reads_as_it_was_and_a_terminal_obeys_nothing_of_it(text: str) -> None:
    line = for_json({text: [text]})
    assert json.loads(line) == {text: [text]}
    assert for_terminal(line) == line
    assert "\n" not in line


def test_a_line_of_a_log_obeys_nothing() -> None:
    record = PrintableLogRecord("a", logging.WARNING, "f", 1, "%s is damaged", (HOSTILE,), None)
    assert r"=1+1<script>\x1b[31m" in record.getMessage()


@given(text=texts | st.text("`\n x", max_size=20))
def test_a_block_of_code_ends_where_it_should(text: str) -> None:
    page = f"before\n\n{fenced(text, 'yaml')}\n\n<after>"
    tokens = MarkdownIt("commonmark").parse(page)
    assert [token.type for token in tokens][3] == "fence"
    assert tokens[3].content == f"{for_terminal(text)}\n".replace("\r", "\n")
    assert tokens[4].content.strip() == "<after>"


def test_titles_and_headers_of_tables_obey_nothing() -> None:
    run = "x\n# y\x1b[31m](http://a.example)|z <script>"
    table = Table(run, ["run", run], [[run, "note\nof two lines"]])
    for shown in (table.markdown(), table.text(80), table.latex()):
        assert "\x1b" not in shown
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(table.markdown())
    assert "<script" not in page
    assert "<a " not in page
    assert "<h1" not in page
    assert page.count("<td") == 2
    assert page.count("<th") == 3


def test_the_table_of_a_trained_run_shows_names_as_they_are() -> None:
    part = {"ndcg@5": 0.5, "n": 1}
    metrics = {
        **{"model": "[red]lr", "corpus": "[/x]\x1b[31m", "protocol": "report"},
        **{"val": part, "test": part, "train_seconds": 1.0, "posts_per_second": 1.0},
        "rows": {"train": 1},
    }
    shown = score_table(metrics)
    assert r"[red]lr on [/x]\x1b[31m, protocol report" in shown
    assert "\x1b" not in shown
