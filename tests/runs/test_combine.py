"""Several runs as one: scored, exported and asked like any other, or refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from trained import run_of  # noqa: F401 - a fixture

from tagfinder import Recommender
from tagfinder.cli import cli
from tagfinder.errors import InputError
from tagfinder.recommend.export import export_bundle
from tagfinder.runs.combine import combine

TEXTS = ["a tote bag in my closet", "stocks and the market", ""]
RunOf = Callable[[str], Path]


def test_a_combination_is_a_run_like_any_other(run_of: RunOf, tmp_path: Path) -> None:  # noqa: F811
    out = tmp_path / "combined"
    runs = [str(run_of(kind)) for kind in ("tfidf_lr", "tfidf_svm")]
    done = CliRunner().invoke(cli, ["combine", *runs, "--out", str(out)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    metrics = json.loads((out / "metrics.json").read_text())
    assert [member["model"] for member in metrics["members"].values()] == ["tfidf_lr", "tfidf_svm"]
    assert metrics["test"]["n"] > 0
    export_bundle(out, tmp_path / "bundle")
    ours, theirs = Recommender.load(tmp_path / "bundle"), Recommender.load(out)
    np.testing.assert_array_equal(ours.scores(TEXTS), theirs.scores(TEXTS))
    [bag, *_] = theirs.suggest(TEXTS)
    assert 0 < bag.hashtags[0].probability <= 1


def test_runs_that_do_not_go_together_are_refused(run_of: RunOf, tmp_path: Path) -> None:  # noqa: F811
    run = run_of("tfidf_lr")
    with pytest.raises(InputError, match="at least two runs"):
        combine([run], tmp_path / "out")
    with pytest.raises(InputError, match="is there already"):
        combine([run, run], tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    for file in run.iterdir():
        if file.is_file() and file.name != "files.json":
            (other / file.name).write_bytes(file.read_bytes())
    facts = json.loads((other / "run.json").read_text())
    facts["corpus"]["digest"] = "another"
    (other / "run.json").write_text(json.dumps(facts))
    with pytest.raises(InputError, match="another corpus or split"):
        combine([run, other], tmp_path / "out")
