"""The command line as a shell sees it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tagfinder.cli import COMMANDS, cli
from tagfinder.commands.completion import complete_override


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tagfinder", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False
    )


def test_help_lists_every_command_and_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from tagfinder.cli import cli\n"
        "try: cli.main(['--help'], prog_name='tagfinder')\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'polars', 'sklearn', 'hydra', 'numpy', 'rich'} & set(sys.modules)\n"
        "print('HEAVY', heavy)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "HEAVY set()" in done.stdout
    for name in COMMANDS:
        assert f"  {name} " in done.stdout


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("modle=fasttext", "modle=fasttext: there is no key modle; did you mean model?"),
        ("model=fastext", "there is no such option; did you mean fasttext?"),
        ("split.sede=2", "did you mean split.seed?"),
        ("model.ngram=2", "did you mean model.ngram_range?"),
        ("model.C=10", "did you mean model.learner.C?"),
        ("batch_size=64", "did you mean batches.batch_size?"),
        ("epochs=3", "did you mean trainer.max_epochs?"),
        ("optimizer.lr=0.1", "; optimizer has encoder_lr_factor, learning_rate, lr_decay"),
        ("optimizer.learning_rate=0,1", "a decimal has a point, a list brackets ([1,2])"),
        ("posts.csv", "your own file is data=files data.path=posts.csv"),
        ("model=svm", "did you mean tfidf_svm?"),
        ("data=posts.csv", "your own file is data=files data.path=posts.csv"),
        ("data.path=posts.csv", "data=synthetic has no key data.path; data=files has it"),
        ("--epochs=5", "written without dashes, as in epochs=5"),
        ("model.dimensions=3", "model=tfidf_lr has no key model.dimensions; model=fasttext has it"),
        ("trainer.max_epochs=many", "trainer.max_epochs is a number, as in trainer.max_epochs=30"),
        ("split.order=newest", "split.order=newest: expected random or temporal"),
        ("selection.top_n=0", "selection.top_n=0: expected a whole number from 1 or null"),
        ("optimizer.decay=0.5", "optimizer.decay is called optimizer.lr_decay now"),
    ],
)
def test_a_wrong_override_ends_with_one_sentence_and_2(
    override: str, sentence: str, tmp_path: Path
) -> None:
    done = run("prepare", override, f"run_dir={tmp_path / 'run'}", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("tagfinder: error: ")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_of_several_overrides_the_wrong_one_is_named(tmp_path: Path) -> None:
    done = run("prepare", "data=files", "data.path=posts.csv", "data.rows=5", cwd=tmp_path)
    assert "has no key data.rows; data=synthetic has it" in done.stderr


def test_an_unknown_command_ends_with_2_and_the_one_that_was_meant(tmp_path: Path) -> None:
    done = run("trian", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "tagfinder: error: there is no command trian; did you mean train?\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    done = CliRunner().invoke(cli, ["completion", shell])
    assert done.exit_code == 0
    assert "_TAGFINDER_COMPLETE" in done.output


def test_keys_and_options_of_overrides_are_completed() -> None:
    def completed(word: str) -> list[str]:
        return [one.value for one in complete_override(None, None, word)]  # type: ignore[arg-type]

    assert "model=fasttext" in completed("model=fast")
    assert "trainer.max_epochs=" in completed("trainer.max")
    assert completed("nothing") == []


def test_show_prints_the_configuration_and_runs_nothing(tmp_path: Path) -> None:
    done = run("train", "--show", "model=fasttext", "note=a try", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "loss: ova" in done.stdout
    assert "note: a try" in done.stdout
    assert not list(tmp_path.iterdir())
