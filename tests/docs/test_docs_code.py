"""The code of README and docs does what the pages say: it is run, or at least composed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from composed import configured, prepared
from made_up import write_tiny_encoder

from tagfinder.cli import cli, main
from tagfinder.sweeping.search import load_search

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^    (tagfinder .*)$", re.MULTILINE)
HYDRA = ("train", "prepare")
# Stand for something that a reader has to fill in.
PLACEHOLDER = re.compile(r"…|\.\.\.|\b[A-Z]{3,}\b(?!=)")


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a page in one language."""
    found = FENCED.findall(page.read_text(encoding="utf-8"))
    return [code for name, code in found if name == language]


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the arguments of each `tagfinder` command on a page that has nothing to fill in."""
    text = "\n".join([*blocks(page, "sh"), *INDENTED.findall(page.read_text(encoding="utf-8"))])
    for line in text.replace("\\\n", " ").splitlines():
        code = re.split(r"\s#\s|\s[|&]\s?|\s>\s?", line.strip() + " ")[0].strip()
        if code.startswith("tagfinder ") and not PLACEHOLDER.search(code):
            yield shlex.split(code)[1:]


CASES = [
    pytest.param(arguments, id=f"{page.stem}: {' '.join(arguments)[:90]}")
    for page in PAGES
    for arguments in commands(page)
]


@pytest.mark.parametrize("arguments", CASES)
def test_each_command_has_options_and_keys_that_exist(arguments: list[str]) -> None:
    verb, *rest = arguments
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None, verb
    if verb in HYDRA:
        if not {"--config-dir", "--multirun"} & set(rest):
            configured(*(argument for argument in rest if not argument.startswith("-")))
    elif verb == "sweep":
        load_search(rest[0], [])
    else:
        if isinstance(command, click.Group):
            command = command.commands[rest[0]]
        options = {option for p in command.params for option in p.opts} | {"--help"}
        used = {argument.partition("=")[0] for argument in rest if argument.startswith("--")}
        assert used <= options


@pytest.mark.parametrize("name", ["index", "python", "benchmark"])
def test_the_python_of_a_page_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ROOT / "docs" / f"{name}.md"
    monkeypatch.chdir(tmp_path)
    write_tiny_encoder(tmp_path / "encoder")
    if "runs/first" in page.read_text(encoding="utf-8"):
        with pytest.raises(SystemExit, match="0"):
            main(["train", "run_dir=runs/first", "data.rows=2000"])
    if name == "benchmark":
        copied(prepared("data.rows=2000", "protocol=live").folder, tmp_path, "corpus")
    namespace: dict[str, object] = {}
    for code in blocks(page, "python"):
        exec(compile(code, str(page), "exec"), namespace)


def test_parts_from_outside_the_package_train_score_and_recommend(tmp_path: Path) -> None:
    """Install the worked example of docs/extending.md and use it as its page says."""
    example = ROOT / "examples/own_parts"
    site = tmp_path / "site"
    install = ["pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    source = copied(example, tmp_path, "source")
    shell(tmp_path, sys.executable, "-m", *install, str(site), str(source))
    topics = {"flood": "water river rain rescue", "jazz": "sax band night club"}
    lines = [
        f"{words} {words.split()[i % 4]} {i} #{tag}"
        for i in range(60)
        for tag, words in topics.items()
    ]
    (tmp_path / "notes.txt").write_text("\n".join(lines))
    train = ["train", "--config-dir", str(example / "conf"), "model=cnn", "data=notes"]
    quick = ["data.path=notes.txt", "run_dir=run", "trainer.max_epochs=3", "batches.batch_size=8"]
    table = tagfinder(tmp_path, site, *train, *quick)
    assert re.search(r"f1@5 +[0-9.]+", table)
    suggested = tagfinder(tmp_path, site, "recommend", "run", "--trust", "own_parts", "water river")
    assert re.search(r"%\s+#flood", suggested)


def copied(folder: Path, target: Path, name: str) -> Path:
    """Copy a folder, so that its use leaves the original unchanged."""
    return Path(shutil.copytree(folder, target / name))


def tagfinder(folder: Path, site: Path, *arguments: str) -> str:
    """Run a command with another package installed; return its standard output."""
    return shell(folder, sys.executable, "-m", "tagfinder", *arguments, PYTHONPATH=f"{site}:{ROOT}")


def shell(folder: Path, *command: str, **environment: str) -> str:
    """Run a program that must succeed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
