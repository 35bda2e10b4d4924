"""`tagfinder score`: the published numbers, and its messages about files that do not fit."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tagfinder.cli import main


class Command:
    """Runs `tagfinder score` on files of its own and keeps its output."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.error = ""

    def file(self, name: str, content: Any) -> str:
        path = self.folder / name
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def __call__(self, predictions: Any, truth: Any, *flags: str) -> tuple[int, str]:
        """Return the exit code and standard output; paths may stand for contents."""
        paths = []
        for name, content in (("predictions", predictions), ("truth", truth)):
            suffix = "parquet" if isinstance(content, pl.DataFrame) else "json"
            known = isinstance(content, Path)
            paths.append(str(content) if known else self.file(f"{name}.{suffix}", content))
        arguments = ["score", "--predictions", paths[0], "--truth", paths[1], *flags]
        with pytest.raises(SystemExit) as end:
            main(arguments)
        output, self.error = self.capsys.readouterr()
        return int(end.value.code or 0), output

    def scores(self, predictions: Any, truth: Any, *flags: str) -> dict[str, Any]:
        code, output = self(predictions, truth, *flags)
        assert code == 0, self.error
        return json.loads(output)

    def refusal(self, predictions: Any, truth: Any, *flags: str) -> str:
        code, output = self(predictions, truth, *flags)
        assert (code, output) == (2, "")
        assert "Traceback" not in self.error
        return self.error


@pytest.fixture
def score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


TRUTH = {"a": [0, 1], "b": [2]}
RANKINGS = {"a": [1, 3, 0], "b": [0, 3, 1]}


def test_the_published_bert_ranking_scores_as_published(score, shared):
    report = shared / "report"
    scores = score.scores(
        report / "bert_top10.json.gz", report / "truth.json.gz", "--samples", "50"
    )
    published = json.loads((report / "tables.json").read_text())["table6_statistical"]["bert"]
    assert scores["n"] == 27_703
    for name, value in published.items():
        assert round(scores[f"report_{name}"], 4) == value["mean"]
        sampled = scores["samples"][f"report_{name}"]
        assert round(sampled["mean"], 4) == value["mean"]
        assert [round(end, 4) for end in sampled["ci95"]] == value["ci95"]
    standard = [round(scores[f"ndcg@{k}"], 4) for k in (3, 5, 10)]
    assert standard == [0.8773, 0.8894, 0.9006]


def test_known_rankings_have_known_scores(score):
    scores = score.scores(RANKINGS, TRUTH, "--k", "3", "--k", "1")
    assert scores["n"] == 2
    assert scores["precision@1"] == 0.5
    assert scores["map@3"] == pytest.approx((1 + 2 / 3) / 2 / 2)
    assert scores["report_map@3"] == pytest.approx((1 + 2 / 3) / 2)
    assert scores["recall@3"] == 0.5
    assert scores["n_without_hits@3"] == 1
    assert score.error == ""


def test_rows_are_matched_by_name_and_in_any_order(score):
    turned = dict(reversed(RANKINGS.items()))
    assert score.scores(turned, TRUTH, "--k", "3") == score.scores(RANKINGS, TRUTH, "--k", "3")


def test_the_samples_follow_the_order_of_the_truth(score):
    truth = {"a": [0], "b": [1], "c": [0], "d": [1], "e": [0]}
    rankings = {row: [0, 1] for row in reversed(truth)}
    scores = score.scores(rankings, truth, "--k", "1", "--samples", "2")
    assert (scores["n_samples"], scores["rows_per_sample"]) == (2, 2)
    assert scores["samples"]["precision@1"]["mean"] == 0.5  # samples a, c and b, d; e is dropped
    assert scores["samples"]["report_map@1"] is None  # no row of b, d is hit
    assert scores["precision@1"] == pytest.approx(3 / 5)


def test_rows_without_labels_are_left_out_and_counted(score):
    scores = score.scores(RANKINGS | {"c": [1, 2, 3]}, TRUTH | {"c": []}, "--k", "3")
    expected = score.scores(RANKINGS, TRUTH, "--k", "3")
    assert (scores["n"], scores["n_without_labels"]) == (2, 1)
    assert scores["ndcg@3"] == expected["ndcg@3"]


def test_ranks_that_a_ranking_does_not_have_are_misses_and_are_mentioned(score):
    short = score.scores({"a": [1], "b": []}, TRUTH, "--k", "3")
    assert "2 of 2 rankings hold fewer than 3 labels" in score.error
    missed = score.scores({"a": [1, 8, 9], "b": [8, 9, 7]}, TRUTH, "--k", "3")
    assert short == missed


def test_nothing_hit_gives_null_for_the_mean_over_hit_rows(score):
    scores = score.scores({"a": [5], "b": [6]}, TRUTH, "--k", "1")
    assert scores["ndcg@1"] == 0.0
    assert scores["report_map@1"] is None


def test_label_names_do_as_well_as_numbers(score):
    names = ["news", "covid19", "#ff", "ünï"]
    rankings = {row: [names[label] for label in labels] for row, labels in RANKINGS.items()}
    truth = {row: [names[label] for label in labels] for row, labels in TRUTH.items()}
    assert score.scores(rankings, truth) == score.scores(RANKINGS, TRUTH)


@pytest.mark.parametrize("kind", ["csv", "txt", "parquet"])
def test_names_and_numbers_are_matched_by_a_file_of_labels(score, kind):
    names = ["news", "covid19", "ff", "ds106"]
    contents = {
        "csv": "Hashtag,Count\n" + "".join(f"{name},9\n" for name in names),
        "txt": "\n".join(names) + "\n",
        "parquet": pl.DataFrame({"index": range(4), "hashtag": names}),
    }
    labels = score.file(f"labels.{kind}", contents[kind])
    rankings = {row: [names[label] for label in ranked] for row, ranked in RANKINGS.items()}
    assert score.scores(rankings, TRUTH, "--labels", labels) == score.scores(RANKINGS, TRUTH)


def test_compressed_json_and_simple_parquet_are_read(score):
    compressed = score.folder / "rankings.json.gz"
    compressed.write_bytes(gzip.compress(json.dumps(RANKINGS).encode()))
    table = pl.DataFrame({"tweet": list(TRUTH), "hashtags": list(TRUTH.values())})
    assert score.scores(compressed, table) == score.scores(RANKINGS, TRUTH)


def test_a_runs_rankings_hold_the_truth_too_even_where_posts_have_no_ids(score):
    run = pl.DataFrame(
        {
            "id": [None, None],
            "labels": list(TRUTH.values()),
            "top_labels": list(RANKINGS.values()),
            "n_hashtags": [4, 1],
        },
        schema_overrides={"id": pl.String},
    )
    scores = score.scores(run, run, "--open", "--k", "3")
    assert scores["recall@3"] == 0.5
    assert scores["open_recall@3"] == 0.25
    assert scores["coverage"] == 1.0


def test_a_label_that_the_truth_repeats_counts_once(score):
    scores = score.scores(RANKINGS, {"a": [0, 1, 0], "b": [2]})
    assert scores == score.scores(RANKINGS, TRUTH)


@pytest.mark.parametrize(
    ("predictions", "truth", "sentence"),
    [
        ({"a": [1]}, TRUTH, "1 of the 2 rows of .*truth.json are not in it, such as 'b'"),
        (RANKINGS | {"c": [1]}, TRUTH, "truth.json: 1 of the 3 rows of .* such as 'c'"),
        (RANKINGS | {"b": [3, 3]}, TRUTH, "ranking of row 'b' holds a label twice"),
        (RANKINGS, {"a": [], "b": []}, "no row with labels"),
        ({"a": ["x"], "b": ["y"]}, TRUTH, "--labels FILE"),
        ({"a": [1], "b": ["y"]}, TRUTH, "row 'b' holds a label of type str"),
        ({"a": [1], "b": [True]}, TRUTH, "row 'b' holds a label of type bool"),
        ({"a": [1], "b": [0.5]}, TRUTH, "row 'b' holds a label of type float"),
        ({"a": [1], "b": [[0]]}, TRUTH, "row 'b' holds a label of type list"),
        ({"a": [1], "b": [-1]}, TRUTH, "row 'b' holds a label that is null or negative"),
        (
            {"a": [1], "b": [10**30]},
            TRUTH,
            "predictions.json: row 'b' holds a label that is too large",
        ),
        ({"a": [1], "b": 2}, TRUTH, "row 'b' is 2; expected"),
        ([[1], [2]], TRUTH, "expected {.* found a list"),
        ('{"a": [1], "a": [2]}', TRUTH, "row 'a' is in it more than once"),
        ('{"a": [1, }', TRUTH, "not a readable JSON file .*line 1 column"),
        ("", TRUTH, "not a readable JSON file"),
        (b"\xff\xfe{}", TRUTH, "not a readable JSON file"),
        ("[" * 100_000, TRUTH, "not a readable JSON file"),
        (Path("missing.json"), TRUTH, "missing.json: there is no such file"),
        (pl.DataFrame({"id": ["a"], "text": ["b"]}), TRUTH, "no column 'top_labels'"),
        (pl.DataFrame({"top_labels": [[0.5]]}), TRUTH, "'top_labels' is List.Float64."),
        (pl.DataFrame({"top_labels": [[1], [2]]}), TRUTH, "add one called 'id'"),
        (pl.DataFrame({"id": ["a", "a"], "top_labels": [[1], [2]]}), TRUTH, "such as 'a'"),
        (RANKINGS, pl.DataFrame({"labels": [[1]], "id": "a", "n_hashtags": "x"}), "truth.parquet"),
    ],
)
def test_files_that_do_not_fit_are_refused_in_one_sentence(score, predictions, truth, sentence):
    error = score.refusal(predictions, truth)
    assert re.search(sentence, error), error
    assert error.count("\n") == 1


def test_broken_compressed_and_parquet_files_are_refused(score):
    cut = score.folder / "cut.json.gz"
    cut.write_bytes(gzip.compress(json.dumps(RANKINGS).encode())[:-12])
    assert "not a readable JSON file" in score.refusal(cut, TRUTH)
    broken = score.folder / "broken.parquet"
    broken.write_bytes(b"PAR1 and nothing more")
    assert "not a readable Parquet file" in score.refusal(broken, TRUTH)


def test_labels_that_the_file_of_labels_does_not_have_are_refused(score):
    labels = score.file("labels.txt", "news\ncovid19\n")
    error = score.refusal(
        {"a": ["news"], "b": ["nwes"]}, {"a": ["news"], "b": ["news"]}, "--labels", labels
    )
    assert "row 'b' holds the label 'nwes', which is not among the 2 of --labels" in error
    assert "row 'a' holds the label 3" in score.refusal(RANKINGS, TRUTH, "--labels", labels)
    twice = score.file("twice.txt", "news\nnews\n")
    assert "'news' is in it more than once" in score.refusal(RANKINGS, TRUTH, "--labels", twice)


@pytest.mark.parametrize("flags", [["--k", "0"], ["--k", "x"], ["--samples", "1"], ["--sample"]])
def test_flags_out_of_range_are_refused(score, flags):
    assert "Error" in score.refusal(RANKINGS, TRUTH, *flags)


def test_more_samples_than_rows_are_refused(score):
    assert "from 2 to the 2 rows" in score.refusal(RANKINGS, TRUTH, "--samples", "3")


def test_open_scores_need_the_number_of_hashtags(score):
    assert "n_hashtags" in score.refusal(RANKINGS, TRUTH, "--open")
    table = pl.DataFrame({"id": ["a", "b"], "labels": [[0, 1], [2]], "n_hashtags": [1, 1]})
    assert "row 'a' has fewer hashtags" in score.refusal(RANKINGS, table, "--open")


def test_labels_that_the_two_files_write_differently_are_pointed_out(score):
    scores = score.scores({"a": ["#Flood"], "b": ["#Jazz"]}, {"a": ["flood"], "b": ["jazz"]})
    assert scores["ndcg@3"] == 0
    assert "no label of the rankings is in the truth" in score.error
    assert "'#Flood', '#Jazz'" in score.error


def test_posts_and_tables_of_suggestions_can_be_scored(score, tmp_path):
    posts = [{"id": "1", "text": "rain #Flood"}, {"id": "2", "text": "swing #jazz #night"}]
    truth = tmp_path / "posts.jsonl"
    truth.write_text("".join(json.dumps(post) + "\n" for post in posts) + "no post\n")
    rankings = tmp_path / "rankings.csv"
    rankings.write_text("id,suggested\n2,#jazz #town\n1,#flood #town\n")
    scores = score.scores(rankings, truth, "--k", "1")
    assert (scores["n"], scores["precision@1"]) == (2, 1.0)
    suggested = tmp_path / "suggested.parquet"
    lists = {"suggested_hashtags": [["Flood"], ["jazz"]], "suggested_scores": [[0.5], [0.5]]}
    pl.DataFrame({"id": ["1", "2"], "text": ["a", "b"]} | lists).write_parquet(suggested)
    assert score.scores(suggested, truth, "--k", "1")["precision@1"] == 1
    assert "3 rows read, 2 kept, 1 left out" in score.error
