"""Corpora of real export files: the prepared posts, and the messages about them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from composed import prepared

from tagfinder.cli import main
from tagfinder.errors import InputError


def case(shared: Path, name: str) -> str:
    return f"data.path={shared / 'field' / 'cases' / name}"


def test_the_rule_that_leaves_no_label_is_named(shared: Path) -> None:
    with pytest.raises(InputError) as caught:
        prepared("data=files", case(shared, "labels_none_left.csv"))
    for part in ("hashtags.letters_only=true", "#covid19 (60 posts)", "hashtags=any"):
        assert part in str(caught.value)


def test_a_test_part_whose_hashtags_are_newer_says_so(shared: Path) -> None:
    settings = ("protocol=honest", "split.group=none")
    with pytest.raises(InputError, match="brandnew.* newer"):
        prepared("data=files", case(shared, "test_labels_new.jsonl"), *settings)


def test_a_corpus_without_words_has_no_word_cloud(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "numbers=1.jsonl"
    rows = [{"text": f"12 {n} 34 56 #{'ab'[n % 2]}", "created_at": 1.6e9 + n} for n in range(20)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "no post\n")
    settings = ("protocol=honest", "split.group=none", f"run_dir={tmp_path / 'run'}")
    with pytest.raises(SystemExit) as ended:
        main(["prepare", "data=files", f"data.path={path}", *settings])
    assert ended.value.code == 0
    out, err = capsys.readouterr()
    assert "numbers_1: 21 rows read, 20 kept, 1 left out: 1 not a JSON object" in err
    description = Path(out.strip()) / "description"
    assert not (description / "words.svg").exists()
    assert "words.svg" not in (description / "corpus.md").read_text()


def test_frequent_hashtags_that_a_rule_leaves_out_are_named_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [f"the river rises in town {n} #flood #covid19 #now" for n in range(20)]
    pl.DataFrame({"text": texts}).write_parquet(tmp_path / "posts.parquet")
    for _ in range(2):
        prepared("data=files", f"data.path={tmp_path / 'posts.parquet'}",
                 "selection.min_tokens_per_hashtag=0")  # fmt: skip
        said = capsys.readouterr().err
        assert "hashtags.letters_only=true leaves out #covid19 (20 posts)" in said
        assert "hashtags.stop_words=true leaves out #now (20 posts)" in said


def test_labels_that_no_post_has_are_shown(tmp_path: Path) -> None:
    rows = [f"the river rises in town number {n} again #flood" for n in range(20)]
    rows += ["rain #storm #wind #night"] * 5
    pl.DataFrame({"text": rows}).write_parquet(tmp_path / "posts.parquet")
    path = f"data.path={tmp_path / 'posts.parquet'}"
    with pytest.raises(InputError) as caught:
        prepared("data=files", path)
    for part in ("#night, #storm, #wind", "fewer tokens per hashtag", "selection.count_on=train"):
        assert part in str(caught.value)
    labels = prepared("data=files", path, "selection.count_on=train").label_set
    assert labels.hashtags == ["flood"]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json", "parquet"])
def test_rejects_are_written_in_the_format_of_their_name_also_when_all_are(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / "posts.csv"
    path.write_text('id,text\n1,\n2,"=open\n3\n')
    file = tmp_path / f"rejects.{suffix}"
    with pytest.raises(InputError, match="none of the 3 rows"):
        prepared("data=files", f"data.path={path}", f"rejects={file}")
    read = {
        "csv": lambda: pl.read_csv(file).to_dicts(),
        "jsonl": lambda: [json.loads(line) for line in file.read_text().splitlines()],
        "json": lambda: json.loads(file.read_text()),
        "parquet": lambda: pl.read_parquet(file).to_dicts(),
    }[suffix]
    found = sorted((row["reason"], int(row["row"])) for row in read())
    assert found == [
        ("broken CSV quoting", 3), ("no text", 2), ("wrong number of CSV fields", 4)
    ]  # fmt: skip


def test_a_name_that_says_no_format_of_rejects_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="rejects.txt: the name must end with"):
        prepared("data=synthetic", "data.rows=100", f"rejects={tmp_path / 'rejects.txt'}")
