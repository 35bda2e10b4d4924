"""`tagfinder compare` on finished runs."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result
from made_up_runs import made_up_corpus, made_up_run, random_labels, rankings

from tagfinder.commands.compare import command
from tagfinder.errors import InputError
from tagfinder.runs.compare import Statistics, compare_runs
from tagfinder.runs.finished_runs import open_runs

N = 300
LABELS = random_labels(N)


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    corpus = made_up_corpus(tmp_path / "corpus", LABELS, np.arange(N) * 3 // 4)
    skills = {"weak": 0.1, "twin": 0.1, "strong": 0.9}
    return [
        made_up_run(tmp_path / name, LABELS, rankings(LABELS, skill), corpus)
        for name, skill in skills.items()
    ]


def compare(runs: list[Path], out: Path, *options: str) -> Result:
    arguments = [*map(str, runs), "--out", str(out), "--k", "3", "--k", "5", *options]
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_the_better_run_beats_the_others_and_equal_ones_do_not_differ(runs, tmp_path):
    compare(runs, tmp_path / "out")
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    pairs = {
        (row["first"], row["second"]): row
        for row in written["differences"]
        if row["metric"] == "ndcg@5"
    }
    assert pairs["weak", "strong"]["difference"] < 0
    assert pairs["weak", "strong"]["high"] < 0
    assert pairs["weak", "strong"]["p_holm"] < 0.001
    assert pairs["weak", "twin"]["difference"] == 0
    assert pairs["weak", "twin"]["p_holm"] == 1
    cluster = "near-duplicates as the corpus was split by"
    clusters = {"clusters": 225, "cluster": cluster, "resamples": 10_000, "seed": 1}
    assert written["bootstrap"] == clusters


def test_every_format_is_written_and_says_the_same(runs, tmp_path):
    shown = compare(runs, tmp_path / "out", "--resamples", "200").stdout
    markdown = (tmp_path / "out" / "comparison.md").read_text()
    latex = (tmp_path / "out" / "comparison.tex").read_text()
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    with (tmp_path / "out" / "scores.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert shown.strip() == markdown.strip()
    assert {"intervals.svg", "intervals.png"} <= {f.name for f in (tmp_path / "out").iterdir()}
    assert "strong beats weak by" in markdown
    assert "200 bootstrap resamples (seed 1) of 225 clusters" in markdown
    for row, cell in zip(written["scores"], rows, strict=True):
        assert float(cell["mean"]) == row["mean"]
        if row["metric"].partition("@")[0] in {"ndcg", "map", "report_ndcg", "report_map"}:
            assert f"{row['mean']:.4f}" in markdown
            assert f"{row['mean']:.4f}" in latex
    assert latex.count("\\begin{table}") == latex.count("\\end{table}") == markdown.count("**") / 2
    assert "95 \\% interval" in latex


def test_runs_on_other_posts_are_refused_with_the_number_of_posts(runs, tmp_path):
    rows = pl.read_parquet(runs[1] / "predictions.parquet")
    rows.head(N - 10).write_parquet(runs[1] / "predictions.parquet")
    with pytest.raises(InputError, match=r"different posts: 10 of 300 posts of the first and 0 of"):
        compare(runs, tmp_path / "out")


def test_runs_against_another_truth_are_refused_with_an_example(runs, tmp_path):
    other = json.loads((runs[2] / "labels.json").read_text())
    other["hashtags"][0] = "omega"
    (runs[2] / "labels.json").write_text(json.dumps(other))
    with pytest.raises(
        InputError, match=r"different true hashtags: \d+ posts differ, such as post"
    ):
        compare(runs, tmp_path / "out")


def test_label_sets_in_another_order_are_the_same_truth(runs, tmp_path):
    order = [5, 4, 3, 2, 1, 0]
    labels = json.loads((runs[2] / "labels.json").read_text())
    labels["hashtags"] = [labels["hashtags"][i] for i in order]
    (runs[2] / "labels.json").write_text(json.dumps(labels))
    rows = pl.read_parquet(runs[2] / "predictions.parquet")
    names = ("labels", "top_labels")
    lists = [pl.col(name).list.eval((5 - pl.element()).cast(pl.Int32)) for name in names]
    rows.with_columns(lists).write_parquet(runs[2] / "predictions.parquet")
    assert compare(runs, tmp_path / "out").exit_code == 0


def test_near_duplicates_are_looked_for_where_the_corpus_was_split_post_by_post(runs, tmp_path):
    config = runs[0] / "config.yaml"
    config.write_text(config.read_text().replace("minhash", "none"))
    compare(runs, tmp_path / "out", "--resamples", "10")
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    # Digits make no difference: the made-up posts differ in how often they say "word".
    assert written["bootstrap"]["clusters"] < 10
    assert written["bootstrap"]["cluster"] == "near-duplicates by MinHash"


def test_without_the_corpus_a_post_is_its_own_cluster_and_the_page_says_so(runs, tmp_path):
    shutil.rmtree(tmp_path / "corpus")
    compare(runs, tmp_path / "out")
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert written["bootstrap"]["clusters"] == N
    assert "the corpus of the run is gone" in written["bootstrap"]["cluster"]


def test_a_metric_that_there_is_not_is_refused_with_those_that_there_are(runs, tmp_path):
    with pytest.raises(InputError, match=r"expected one of hit_rate@3, .* report_ndcg@5"):
        compare(runs, tmp_path / "out", "--metric", "ndgc@5")


def test_a_rank_that_was_not_kept_is_refused_unless_rankings_are_whole(runs, tmp_path):
    assert compare(runs, tmp_path / "out", "--k", "7", "--resamples", "10").exit_code == 0
    config = runs[0] / "config.yaml"
    config.write_text(config.read_text().replace("top_k: 6", "top_k: 5"))
    with pytest.raises(InputError, match="keeps 5 ranks of each post; ask for at most that"):
        compare(runs, tmp_path / "out", "--k", "7")


def test_a_single_run_or_the_same_twice_is_refused(runs, tmp_path):
    with pytest.raises(InputError, match="at least two runs"):
        compare(runs[:1], tmp_path / "out")
    with pytest.raises(InputError, match="more than once"):
        compare([runs[0], runs[0]], tmp_path / "out")


def test_the_published_bert_ranking_has_the_intervals_of_table_6(shared, tmp_path):
    truth, best = (
        json.loads(gzip.decompress((shared / "report" / f"{name}.json.gz").read_bytes()))
        for name in ("truth", "bert_top10")
    )
    frequency = json.loads((shared / "report" / "tables.json").read_text())[
        "table3_label_frequency"
    ]
    by_frequency = sorted(range(50), key=lambda label: -frequency[str(label)])[:10]
    labels = list(truth.values())
    runs = [
        made_up_run(tmp_path / "bert", labels, np.array([best[row] for row in truth]), tmp_path),
        made_up_run(tmp_path / "random", labels, np.tile(by_frequency, (len(truth), 1)), tmp_path),
    ]
    for run in runs:
        stored = json.loads((run / "labels.json").read_text())
        names = [f"tag{i}" for i in range(50)]
        stored |= {"hashtags": names, "spellings": names}
        stored |= {"counts": [1] * 50, "train_counts": [1] * 50}
        (run / "labels.json").write_text(json.dumps(stored))
    compare(runs, tmp_path / "out", "--k", "10", "--resamples", "100")
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    published = json.loads((shared / "report" / "tables.json").read_text())["table6_statistical"]
    for row in written["scores"]:
        name = row["metric"].removeprefix("report_")
        if row["run"] == "bert" and row["metric"].startswith("report_"):
            found = [row[f"samples_{part}"] for part in ("mean", "low", "high")]
            expected = [published["bert"][name]["mean"], *published["bert"][name]["ci95"]]
            assert found == pytest.approx(expected, abs=0.00006)


def test_a_run_without_any_hit_has_no_report_map_rather_than_no_number(runs, tmp_path):
    misses = np.array([[h for h in range(6) if h not in row][:2] for row in LABELS])
    corpus = made_up_corpus(tmp_path / "other", LABELS, np.arange(N))
    blind = made_up_run(tmp_path / "blind", LABELS, misses, corpus)
    arguments = [str(runs[0]), str(blind), "--out", str(tmp_path / "out"), "--k", "2"]
    options = ["--metric", "ndcg@2", "--resamples", "100"]
    CliRunner().invoke(command, [*arguments, *options], catch_exceptions=False)
    text = (tmp_path / "out" / "comparison.json").read_text()
    written = json.loads(text, parse_constant=pytest.fail)
    means = {(row["run"], row["metric"]): row["mean"] for row in written["scores"]}
    assert means["blind", "report_map@2"] is None
    assert means["blind", "ndcg@2"] == 0
    page = (tmp_path / "out" / "comparison.md").read_text()
    assert "not defined" in page
    assert "nan" not in page


def seeds_of(tmp_path: Path, name: str, skills: dict[int, float]) -> list[Path]:
    """Write runs of one recommender whose seeds have so much skill."""
    corpus = tmp_path / "corpus of seeds"
    if not corpus.is_dir():
        made_up_corpus(corpus, LABELS, np.arange(N))
    runs = []
    for seed, skill in skills.items():
        run = tmp_path / f"{name}-{seed}"
        top = rankings(LABELS, skill, seed=seed)
        made_up_run(run, LABELS, top, corpus, model=name, seed=seed)
        config = (run / "config.yaml").read_text().replace("seed: 1", f"seed: {seed}")
        (run / "config.yaml").write_text(config)
        runs.append(run)
    return runs


def ndcg_of(out: Path) -> dict[str, dict]:
    written = json.loads((out / "comparison.json").read_text())
    return {row["run"]: row for row in written["scores"] if row["metric"] == "ndcg@5"}


def test_runs_that_differ_only_in_their_seed_are_one_recommender(tmp_path):
    weak = seeds_of(tmp_path, "weak", {1: 0.1, 2: 0.1, 3: 0.1})
    strong = seeds_of(tmp_path, "strong", {1: 0.9, 2: 0.9, 3: 0.9})
    shown = compare([*weak, *strong], tmp_path / "out", "--resamples", "2000").stdout
    scores = ndcg_of(tmp_path / "out")
    assert scores.keys() == {"weak", "strong"}
    assert scores["weak"]["seeds"] == 3
    means = []
    for run in weak:
        compare([run, strong[0]], tmp_path / "alone", "--resamples", "50")
        means.append(ndcg_of(tmp_path / "alone")["weak"]["mean"])
    assert scores["weak"]["mean"] == pytest.approx(np.mean(means))
    assert scores["weak"]["seed_sd"] == pytest.approx(np.std(means, ddof=1))
    assert scores["weak"]["seed_range"] == pytest.approx(np.ptp(means))
    assert "strong beats weak by" in shown
    assert "one seed" not in shown.partition("Intervals are")[0]
    assert "6 runs compared, 2 recommenders" in shown


def test_a_difference_that_seeds_make_is_not_sure(tmp_path):
    lucky = seeds_of(tmp_path, "lucky", {1: 0.1, 2: 0.5, 3: 0.9})
    steady = seeds_of(tmp_path, "steady", {4: 0.4})
    by_posts = compare([lucky[2], *steady], tmp_path / "single").stdout
    assert "lucky beats steady by" in by_posts
    assert "one seed each" in by_posts
    by_seeds = compare([*lucky, *steady], tmp_path / "several").stdout
    assert "lucky surely beats no other" in by_seeds
    assert "steady surely beats no other" in by_seeds


def test_runs_with_other_settings_are_separate(tmp_path):
    runs = seeds_of(tmp_path, "one", {1: 0.3, 2: 0.3})
    changed = (runs[1] / "config.yaml").read_text().replace("threshold: 0.3", "threshold: 0.4")
    (runs[1] / "config.yaml").write_text(changed)
    compare(runs, tmp_path / "out", "--resamples", "50")
    assert ndcg_of(tmp_path / "out").keys() == {"one seed 1", "one seed 2"}


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_shows_every_cell_without_wrapping(runs, width):
    compared = compare_runs(open_runs(runs), Statistics(n_resamples=50))
    lines = compared.text(width).splitlines()
    assert max(map(len, lines)) <= width
    shown = " ".join(compared.text(width).split())
    for table in compared.tables():
        for cell in [*table.header, *(cell for row in table.rows for cell in row)]:
            assert " ".join(cell.split()) in shown
