"""The code of README and docs does what the pages say: its options exist, and it runs."""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import numpy as np
import polars as pl
import pytest
from composed import configured, prepared
from made_up import write_tiny_encoder

from tagfinder.cli import cli, main
from tagfinder.sweeping.search import load_search

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CODE = re.compile(
    r"^```(?P<language>\w+)\n(?P<fenced>(?:.*\n)*?)```"
    r"|^    (?P<indented>(?:tagfinder|pip|curl) (?:.*\\\n)*.*)$",
    re.MULTILINE,
)
HYDRA = ("train", "prepare")
# Something that a reader has to fill in.
PLACEHOLDER = re.compile(r"…|\.\.\.|\b[A-Z]{3,}\b(?!=)")

# Code that is not run here, by a piece of it.
NOT_RUN = {
    "make ": "installs, or runs all tests",
    "pip install": "needs the network; the example of docs/extending.md has a test of its own",
    "own_parts": "has a test of its own",
    "tagfinder serve": "runs until it is stopped; tests/serve starts it",
    "http.server": "runs until it is stopped; tests/serve opens the composer from another site",
    "curl ": "asks a running service; tests/serve does",
    "tagfinder demo": "runs until it is stopped; tests/demo opens the page",
    "tagfinder.demo.page": "runs in Streamlit; tests/demo opens the page",
    "data=crisislex": "downloads a corpus",
    "data=world_leaders": "downloads a corpus",
    "data=congresstweets": "downloads a corpus",
    "tagfinder collect": "asks a network; tests/collect has servers that speak its protocol",
    "hf auth": "needs an account",
    "tagfinder push": "needs an account; tests/recommend has a hub of its own",
    "from_pretrained": "downloads a bundle; tests/recommend has a hub of its own",
    "docker ": "needs Docker",
    "TAGFINDER_CACHE=": "is the folder of a cluster",
    "executor=slurm": "needs a cluster; tests/executors has a rehearsal",
    "--executor slurm": "needs a cluster; tests/executors has a rehearsal",
    "ray ": "needs a cluster; tests/executors starts Ray on this machine",
    "executor=ray": "needs a cluster; tests/executors starts Ray on this machine",
    "--executor ray": "needs a cluster; tests/executors starts Ray on this machine",
    "model=live_minilm": "encodes for minutes; tests/live has a small encoder",
}
# Pieces of commands, and what a test takes instead: less work, or what a reader has to fill in.
INSTEAD = {
    "--trials 40": "--trials 1",
    "sweep neural": "sweep neural --trials 1",
    "model=random,tfidf_lr,lstm seed=1,2,3": "model=random,tfidf_lr seed=1,2",
    "model=tfidf_lr,fasttext seed=1,2,3": "model=tfidf_lr seed=1,2",
    "[words,author,classifier,trends],[words,author,trends],": "[words,author],",
    "data.path=FOLDER": "data.path=posts",
    "data.path=POSTS": "data.path=posts.csv",
    "--input POSTS --output SUGGESTED --jobs 8": "--input posts --output suggested --jobs 1",
}
# Overrides that make a training small, by a piece of its command.
SMALL = {
    "lstm": ("trainer.max_epochs=1",),
    "model=bert": ("trainer.max_epochs=1", "encoder.name=encoder", "encoder.sha256=null"),
    "model=live": (
        "size=small",
        "model.train_posts_val=40",
        "model.ranker.num_iterations=5",
        "model.knowledge.classifier.interval_days=365",
    ),
}
# Runs of posts.csv that the pages' readers have already: the overrides of each.
RUNS = {
    "tfidf": ("model=tfidf_lr",),
    "svm": ("model=tfidf_svm",),
    "lstm": ("model=lstm",),
    "bert": ("model=bert", "encoder=minilm"),
    "live": ("model=live", "protocol=live"),
}
GIVEN = {
    "README": {"a": "tfidf", "b": "svm"},
    "comparing": {"a": "tfidf", "b": "svm", "c": "lstm"},
    "data": {"live": "live"},
    "recommending": {
        "mine": "tfidf",
        "mine-lstm": "lstm",
        "svm": "svm",
        "bert": "bert",
        "lstm": "lstm",
    },
    "scale": {"mine": "tfidf"},
}
TOPICS = {
    "flood": "sandbags needed at the town hall the river keeps rising",
    "CometNight": "the comet over the harbour tonight is bright and slow",
    "garden": "my tomato seeds are up after a week of rain",
    "jazz": "sax and drums in the club until the morning",
}


def code_of(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the language and the text of each block of a page, in order."""
    for found in CODE.finditer(page.read_text(encoding="utf-8")):
        yield found["language"] or "sh", found["fenced"] or found["indented"] or ""


def lines_of(code: str) -> Iterator[str]:
    """Yield the commands of a block without their comments."""
    for line in code.replace("\\\n", " ").splitlines():
        yield re.split(r"\s#\s", line.strip() + " ")[0].strip()


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the arguments of each `tagfinder` command on a page that has nothing to fill in."""
    for language, code in code_of(page):
        for line in lines_of(code) if language == "sh" else ():
            command = re.split(r"\s[|&]\s?|\s>\s?", line + " ")[0].strip()
            if command.startswith("tagfinder ") and not PLACEHOLDER.search(command):
                yield shlex.split(command)[1:]


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


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Train a kind of run on made-up posts and return its folder."""
    base = tmp_path_factory.mktemp("pages")
    write_posts(base)

    def run_of(kind: str) -> Path:
        folder = base / "runs" / kind
        if not folder.exists():
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(base)
                overrides = " ".join(RUNS[kind])
                run_line(
                    f"tagfinder train data=files data.path=posts.csv {overrides} run_dir={folder}"
                )
        return folder

    return run_of


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs_in_its_order(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trained: Callable[[str], Path],
) -> None:
    runs = {name: trained(kind) for name, kind in GIVEN.get(page.stem, {}).items()}
    monkeypatch.chdir(tmp_path)
    write_posts(tmp_path)
    for name, folder in runs.items():
        copied(folder, tmp_path, f"runs/{name}")
    if page.stem == "benchmark":
        copied(prepared("data.rows=2000", "protocol=live").folder, tmp_path, "corpus")
    namespace: dict[str, object] = {}
    for language, code in code_of(page):
        if language == "python" and not left_out(code) and "--8<--" not in code:
            exec(compile(code, str(page), "exec"), namespace)
        elif language == "sh":
            for line in lines_of(code):
                if line and not left_out(line):
                    run_line(line)


def test_every_reason_to_leave_code_out_is_still_needed() -> None:
    everything = "\n".join(code for page in PAGES for _, code in code_of(page))
    assert [piece for piece in {**NOT_RUN, **INSTEAD} if piece not in everything] == []


def left_out(code: str) -> bool:
    """Whether the table says why this code is not run."""
    return any(piece in code for piece in NOT_RUN)


def run_line(line: str) -> None:
    """Run one line of a page in this process, small; its command must succeed."""
    for piece, other in INSTEAD.items():
        line = line.replace(piece, other)
    source, _, command = line.rpartition("|")
    words = shlex.split(command)
    program, *arguments = [one for word in words for one in expanded(word)]
    assert program == "tagfinder", f"{line}: run it, or say in NOT_RUN why not"
    if arguments[0] in (*HYDRA, "sweep"):
        arguments += [one for piece, given in SMALL.items() if piece in line for one in given]
        if "data=" not in line:
            arguments.append("data.rows=400" if "model=live" in line else "data.rows=1000")
    with pytest.MonkeyPatch.context() as patch:
        if source:
            given = subprocess.run(source, shell=True, capture_output=True, check=True).stdout
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
        with pytest.raises(SystemExit) as ended:
            main(arguments)
    assert ended.value.code in (None, 0), line


def expanded(word: str) -> list[str]:
    """Return what a shell makes of a word, the names of folders for a pattern of them."""
    return sorted(map(str, Path().glob(word))) if word.endswith("*/") else [word]


def write_posts(folder: Path, n: int = 300) -> None:
    """Write the files of posts, rankings and texts that the pages name."""
    rng = np.random.default_rng(0)
    tags = [list(TOPICS)[topic] for topic in rng.integers(len(TOPICS), size=n)]
    posts = pl.DataFrame(
        {
            "id": [f"post {i}" for i in range(n)],
            "created_at": [datetime(2021, 1, 1, tzinfo=UTC) + timedelta(days=i) for i in range(n)],
            "entity_name": rng.choice(["ann", "ben", "cat"], n),
            "text": [f"{' '.join(rng.choice(TOPICS[tag].split(), 6))} #{tag}" for tag in tags],
        }
    )
    posts.write_parquet(folder / "posts.parquet")
    posts.write_csv(folder / "posts.csv")
    shutil.make_archive(str(folder / "archive"), "zip", folder, "posts.csv")
    today = posts.head(9).with_columns(id="new " + pl.col("id"))
    today.write_parquet(folder / "today.parquet")
    today.rename({"text": "body"}).write_csv(folder / "today.csv")
    for several in ("posts", "collected"):
        (folder / several).mkdir()
        posts.write_parquet(folder / several / "part.parquet")
    (folder / "posts.txt").write_text("\n".join(TOPICS.values()))
    (folder / "rankings.json").write_text('{"a": ["flood", "jazz"], "b": ["garden"]}')
    (folder / "best.json").write_text('{"a": ["flood", "jazz"], "b": ["garden"]}')
    (folder / "truth.json").write_text('{"a": ["jazz"], "b": ["garden", "rain"]}')
    write_tiny_encoder(folder / "encoder")


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


def test_the_page_on_own_parts_includes_each_file_of_the_example() -> None:
    page = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    files = [file for file in (ROOT / "examples/own_parts").rglob("*") if file.suffix != ".pyc"]
    missing = [
        name
        for name in (file.relative_to(ROOT).as_posix() for file in files if file.is_file())
        if f'--8<-- "{name}"' not in page
    ]
    assert missing == []


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
