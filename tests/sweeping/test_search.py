"""Searching for good settings, with trials that fail, die, or fall behind."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from composed import configured
from omegaconf import DictConfig
from optuna.trial import TrialState

from tagfinder.commands.sweep import command
from tagfinder.errors import InputError, WorkError
from tagfinder.paths import conf_dir
from tagfinder.sweeping.search import ANY_NETWORK, Search, load_search, ready_searches, search
from tagfinder.sweeping.study import STUDY_FILE, open_study

SPACE = """
overrides: [model=lstm]
space:
  optimizer.learning_rate:
    _target_: optuna.distributions.FloatDistribution
    low: 0.001
    high: 0.1
    log: true
"""


def described(folder: Path, text: str = SPACE, **settings: Any) -> Search:
    file = folder / "own.yaml"
    file.write_text(text)
    return load_search(str(file), ["data.rows=1000"], **settings)


def near_a_hundredth(config: DictConfig) -> float:
    return 1 - abs(math.log10(config.optimizer.learning_rate) + 2)


@pytest.mark.parametrize("name", ready_searches())
def test_every_key_of_a_ready_search_is_one_of_its_recommender(name: str) -> None:
    what = load_search(name, [])
    for ends in (0, -1):
        values = {
            key: getattr(d, "choices", (getattr(d, "low", None), getattr(d, "high", None)))[ends]
            for key, d in what.space.items()
        }
        configured(*what.overrides, *(f"{key}={value}" for key, value in values.items()))


def test_a_network_without_a_search_of_its_own_takes_the_one_for_any_network() -> None:
    with pytest.raises(InputError, match="tagfinder sweep neural model=cnn"):
        load_search("cnn", [])
    what = load_search("neural", ["model=text_resnet", "data.rows=1000"])
    assert what.overrides == ["model=text_resnet", "data.rows=1000"]
    assert "optimizer.learning_rate" in what.space


def test_there_is_a_search_for_every_recommender_that_has_settings() -> None:
    texts = {file.stem: file.read_text() for file in (conf_dir() / "model").glob("*.yaml")}
    # Networks have `neural`, and options that only choose other features have no settings.
    models = {name for name, text in texts.items() if f"tagfinder.models.{ANY_NETWORK}" not in text}
    without_search = models - set(ready_searches())
    assert without_search <= {"omikuji", "random", "live_minilm", "bert_minilm"}


def test_a_search_finds_good_settings_and_survives_failed_trials(tmp_path: Path) -> None:
    def sometimes(config: DictConfig) -> float:
        number = int(config.run_dir[-3:])
        if number == 1:
            raise ZeroDivisionError("in the middle of a trial")
        return math.nan if number == 2 else near_a_hundredth(config)

    study = search(described(tmp_path, trials=6), tmp_path / "study", sometimes)
    states = [trial.state for trial in study.trials]
    assert states[1:3] == [TrialState.FAIL, TrialState.FAIL]
    assert states.count(TrialState.COMPLETE) == 4
    assert study.best_value == max(t.value for t in study.trials if t.value is not None)
    assert "ZeroDivisionError" in (tmp_path / "study" / "trial-001" / "error.txt").read_text()
    assert not (tmp_path / "study" / "trial-002" / "error.txt").exists()


def test_an_interrupted_search_continues(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    search(described(tmp_path, trials=2), folder, near_a_hundredth)
    what = described(tmp_path, trials=4)
    died = open_study(folder / STUDY_FILE).ask(what.space)
    seen: list[float] = []

    def noting(config: DictConfig) -> float:
        seen.append(config.optimizer.learning_rate)
        return near_a_hundredth(config)

    study = search(what, folder, noting)
    assert len(study.trials) == 4
    assert len(seen) == 2
    assert seen[0] == pytest.approx(died.params["optimizer.learning_rate"])
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    values = [trial.params["optimizer.learning_rate"] for trial in study.trials]
    assert len(set(values)) == 4


def test_another_search_does_not_go_into_the_same_folder(tmp_path: Path) -> None:
    search(described(tmp_path, trials=1), tmp_path / "study", near_a_hundredth)
    other = described(tmp_path, SPACE.replace("0.1", "0.2"), trials=2)
    with pytest.raises(InputError, match="holds another search"):
        search(other, tmp_path / "study", near_a_hundredth)


def test_a_key_that_is_not_there_ends_the_search_at_once(tmp_path: Path) -> None:
    what = described(tmp_path, SPACE.replace("learning_rate", "learning_rat"), trials=5)
    with pytest.raises(InputError, match=r"did you mean optimizer.learning_rate"):
        search(what, tmp_path / "study", near_a_hundredth)


def test_the_command_prunes_what_falls_behind(tmp_path: Path) -> None:
    hopeless = SPACE + "pruner: {_target_: optuna.pruners.ThresholdPruner, lower: 0.999}\n"
    described(tmp_path, hopeless)
    arguments = [
        *(str(tmp_path / "own.yaml"), "--out", str(tmp_path / "study"), "--trials", "1"),
        *("data.rows=1000", "embedding=scratch", "trainer.max_epochs=5"),
    ]
    with pytest.raises(WorkError, match="no trial of .* came to its end"):
        CliRunner().invoke(command, arguments, catch_exceptions=False, standalone_mode=False)
    row = pl.read_csv(tmp_path / "study" / "sweep.csv").row(0, named=True)
    assert row["status"] == "pruned"
    assert "after epoch 1 is below that of other trials" in row["error"]


def test_a_search_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(InputError, match=r"it is one of .*lstm.*, or a path"):
        load_search("lstn", [])
