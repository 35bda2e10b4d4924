"""`tagfinder recommend` as the shell sees it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from polars.testing import assert_frame_equal

from tagfinder import Recommender
from tagfinder.cli import cli
from tagfinder.errors import InputError


def run(*arguments: object, lines: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["recommend", *map(str, arguments)], input=lines)


def test_each_argument_gives_one_json_object_a_line(linear_run: Path) -> None:
    result = run(linear_run, "a tote bag in my closet", "zzz", "--k", 2, "--json")
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["text"] == "a tote bag in my closet"
    assert len(first["hashtags"]) == 2
    assert 0 <= first["hashtags"][0]["score"] <= 1
    assert second == {
        "text": "zzz",
        "hashtags": [],
        "note": "nothing in this text is known to the model",
    }


def test_words_without_quotes_are_answered_one_by_one_with_a_hint(linear_run: Path) -> None:
    result = run(linear_run, "it's", "a", "bag", "--json")
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == ["it's", "a", "bag"]
    assert result.stderr.count("quote it: 'it'\"'\"'s a bag'") == 1
    assert "quote" not in run(linear_run, "a bag", "closet").stderr
    assert "quote" not in run(linear_run, "closet").stderr


def test_each_line_of_standard_input_gives_one_line(linear_run: Path) -> None:
    result = run(linear_run, "--json", lines=b"closet\n\n\xff\xfe bag\nlast")
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == [
        "closet",
        "",
        "�� bag",
        "last",
    ]


def test_people_see_percent_and_what_the_model_reads(linear_run: Path) -> None:
    text = "The bags in my CLOSET https://t.co/a"
    result = run(linear_run, text, "--model-input", "--k", 1)
    [one] = Recommender.load(linear_run).suggest(text)
    assert f"the model reads: {one.model_input}\n" in result.stdout
    assert "bag" in one.model_input.split()
    assert "t.co" not in one.model_input
    assert "%  #" in result.stdout


def test_a_file_of_posts_comes_back_with_suggestions(linear_run: Path, tmp_path: Path) -> None:
    posts = pl.DataFrame({"id": [1, 2, 3], "body": ["tote bag closet", None, "zzz"]})
    posts.write_parquet(tmp_path / "posts.parquet")
    files = ("--input", tmp_path / "posts.parquet", "--output", tmp_path / "out.parquet")
    result = run(linear_run, *files, "--column", "body", "--k", 2)
    assert result.exit_code == 0, result.output
    written = pl.read_parquet(tmp_path / "out.parquet")
    assert written.select("id", "body").equals(posts)
    assert written["suggested_hashtags"].list.len().to_list() == [2, 0, 0]
    asked = json.loads(run(linear_run, "tote bag closet", "--k", 2, "--json").stdout)
    assert written["suggested_hashtags"][0].to_list() == [h["hashtag"] for h in asked["hashtags"]]
    scores = written["suggested_scores"][0].to_list()
    assert scores == pytest.approx([h["score"] for h in asked["hashtags"]], abs=1e-5)


def test_a_folder_of_posts_is_answered_file_by_file_and_existing_files_are_kept(
    linear_run: Path, tmp_path: Path
) -> None:
    texts = [f"{word} tote bag closet" for word in "a red new old blue".split()]
    (tmp_path / "in" / "2021").mkdir(parents=True)
    pl.DataFrame({"text": texts[:2]}).write_parquet(tmp_path / "in" / "first.parquet")
    pl.DataFrame({"text": texts[2:4]}).write_parquet(tmp_path / "in" / "2021" / "next.parquet")
    (tmp_path / "in" / "last.jsonl").write_text(json.dumps({"text": texts[4]}) + "\n")
    call = (linear_run, "--input", tmp_path / "in", "--output", tmp_path / "out", "--jobs", 1)
    result = run(*call, "--k", 2)
    assert result.exit_code == 0, result.output
    assert "5 posts written" in result.stderr
    names = ["first.parquet", "2021/next.parquet", "last.jsonl.parquet"]
    written = pl.concat(
        [
            pl.read_parquet(tmp_path / "out" / name).select("text", "^suggested_.*$")
            for name in names
        ]
    )
    pl.DataFrame({"text": texts}).write_parquet(tmp_path / "all.parquet")
    one = ("--input", tmp_path / "all.parquet", "--output", tmp_path / "one.parquet")
    run(linear_run, *one, "--k", 2)
    assert_frame_equal(written, pl.read_parquet(tmp_path / "one.parquet"), rel_tol=1e-5)
    before = (tmp_path / "out" / names[0]).stat().st_mtime_ns
    pl.DataFrame({"text": texts[:1]}).write_parquet(tmp_path / "in" / "new.parquet")
    assert "6 posts written" in run(*call, "--k", 2).stderr
    assert (tmp_path / "out" / "new.parquet").is_file()
    assert (tmp_path / "out" / names[0]).stat().st_mtime_ns == before
    with pytest.raises(InputError, match="of another run or other options"):
        CliRunner().invoke(cli, ["recommend", *map(str, call), "--k", "3"], catch_exceptions=False)


def test_a_folder_without_files_and_an_unknown_setting_of_an_executor_are_named(
    linear_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    call = (linear_run, "--input", tmp_path / "in", "--output", tmp_path / "out")
    assert "has no file of posts" in str(run(*call).exception)
    wrong = run(*call, "--executor-setting", "queue=long")
    assert "--executor local has no setting queue; choose one of jobs" in str(wrong.exception)


def test_an_empty_file_of_posts_gives_an_empty_file(linear_run: Path, tmp_path: Path) -> None:
    pl.DataFrame({"text": []}, schema={"text": pl.String}).write_parquet(tmp_path / "posts.parquet")
    run(linear_run, "--input", tmp_path / "posts.parquet", "--output", tmp_path / "out.parquet")
    written = pl.read_parquet(tmp_path / "out.parquet")
    assert written.height == 0
    assert "suggested_hashtags" in written.columns


def test_posts_of_an_export_get_suggestions_and_left_out_rows_are_counted(
    linear_run: Path, tmp_path: Path
) -> None:
    page = {"data": [{"id": "7", "text": "tote bag closet", "author_id": "1"}], "meta": {}}
    (tmp_path / "pages.jsonl").write_text(json.dumps(page) + "\nno page\n")
    files = ("--input", tmp_path / "pages.jsonl", "--output", tmp_path / "out.parquet")
    result = run(linear_run, *files, "--k", 2)
    assert result.exit_code == 0, result.output
    written = pl.read_parquet(tmp_path / "out.parquet")
    assert written["id"].to_list() == ["7"]
    assert written["suggested_hashtags"].list.len().to_list() == [2]
    assert "2 rows read, 1 kept, 1 left out: 1 not a JSON object" in result.stderr


def test_how_a_file_is_read_can_be_said(linear_run: Path, tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text("a/b\n1/tote bag closet\n")
    files = ("--input", tmp_path / "posts.csv", "--output", tmp_path / "out.parquet")
    said = ("--data", "separator=/", "--data", "columns.text=b")
    result = run(linear_run, *files, *said)
    assert result.exit_code == 0, result.output
    assert pl.read_parquet(tmp_path / "out.parquet")["text"].to_list() == ["tote bag closet"]
    assert "--data" in str(run(linear_run, *files, "--data", "seperator=/").exception)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--input", "posts.parquet"), "together with --output"),
        (("--input", "absent.parquet", "--output", "o.parquet"), "there is no such file"),
        (
            ("--input", "posts.parquet", "--output", "o.parquet", "--column", "txt"),
            "no column for text (looked for txt)",
        ),
        (("--input", "posts.parquet", "--output", "o.csv"), "as Parquet; name it o.parquet"),
    ],
)
def test_a_wrong_request_names_its_error(
    linear_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"text": ["a"]}).write_parquet(tmp_path / "posts.parquet")
    result = run(linear_run, *arguments)
    assert isinstance(result.exception, InputError)
    assert sentence in str(result.exception)
