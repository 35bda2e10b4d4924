"""A command that is killed, or whose disk is full, does as if nothing had been at the next call."""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from commands import Commands
from tally import PERCENT, Tally, outcome_of, tally, trials

import tagfinder
from tagfinder.artifacts.manifest import write_manifest
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.live.post_store import PostStore

SMALL = ("data.rows=1000", "trainer.enable_progress_bar=false", "logger=[]")
RUNS = Path(__file__).parents[1] / "fixtures" / "0.1.0"
LIVE_RUN, FINISHED_RUN = RUNS / "live", RUNS / "tfidf_lr"
logger = logging.getLogger(__name__)


def corpus_of(folder: Path) -> Any:
    (made,) = [path for path in (folder / "cache" / "corpora").iterdir() if path.name[0] != "."]
    corpus = PreparedCorpus(made)
    return corpus.manifest, corpus.part("train", ["id", "clean", "labels"]).hash_rows().to_list()


def run_of(folder: Path) -> Any:
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    return metrics["test"], suggested(folder)


def suggested(folder: Path) -> Any:
    [found] = tagfinder.load(folder / "run").suggest(["new in my closet"])
    return [(one.hashtag, one.score) for one in found.hashtags]


def runs_of(folder: Path) -> Any:
    metrics = sorted((folder / "run").rglob("metrics.json"))
    return [json.loads(file.read_text())["test"] for file in metrics]


def errors_of(folder: Path) -> Any:
    errors = json.loads((folder / "run" / "errors.json").read_text())
    return errors, run_of(folder)


def suggestions_of(folder: Path) -> Any:
    files = sorted((folder / "suggested").glob("*.parquet"))
    return [(file.name, pl.read_parquet(file).to_dicts()) for file in files]


def taught_of(folder: Path) -> Any:
    with PostStore(folder / "run" / "knowledge" / "posts.sqlite", writable=False) as store:
        posts = [post for block in store.blocks() for post in block.posts]
    return posts, suggested(folder)


def new_posts(count: int) -> list[dict[str, str]]:
    return [
        {
            "id": f"new{n}",
            "text": f"new in my closet {n} #closet{n % 9}",
            "entity_name": f"a{n % 7}",
            "created_at": f"2030-01-{1 + n % 28:02d}T00:00:00Z",
        }
        for n in range(count)
    ]


def written(posts: list[dict[str, str]], file: Path) -> str:
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(map(json.dumps, posts)))
    return str(file)


def copy_live_run(folder: Path) -> None:
    """Copy a live run, and list its files: without, its trees are tried in a process first."""
    shutil.copytree(LIVE_RUN, folder)
    write_manifest(folder)


def a_live_run(folder: Path) -> list[str]:
    """Copy a run, and write posts for it; return the command's arguments."""
    copy_live_run(folder / "run")
    return [str(folder / "run"), written(new_posts(600), folder / "posts.jsonl")]


def a_live_run_with_unwanted_posts(folder: Path) -> list[str]:
    """Copy a run, and write which of its posts shall be forgotten."""
    copy_live_run(folder / "run")
    with PostStore(folder / "run" / "knowledge" / "posts.sqlite") as store:
        ids = [post.id for block in store.blocks() for post in block.posts]
    (folder / "unwanted.txt").write_text("\n".join(ids[::3]))
    return [str(folder / "run"), "--delete-file", str(folder / "unwanted.txt")]


def posts_to_suggest_for(folder: Path) -> list[str]:
    """Write files of posts; return the command's arguments."""
    for number in range(3):
        written(new_posts(400), folder / "posts" / f"{number}.jsonl")
    arguments = [str(FINISHED_RUN), "--input", str(folder / "posts")]
    return [*arguments, "--output", str(folder / "suggested"), "--jobs", "2"]


def a_trained_run(folder: Path) -> list[str]:
    """Copy a run that is trained once, with its corpus; return the command's arguments."""
    trained = folder.with_name("trained")
    if not trained.is_dir():
        command = [sys.executable, "-m", "tagfinder", "train", "model=tfidf_lr", *SMALL]
        environment = os.environ | {"TAGFINDER_CACHE": str(trained / "cache")}
        command.append(f"run_dir={trained / 'run'}")
        subprocess.run(command, env=environment, check=True, capture_output=True)
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    return [str(folder / "run")]


@dataclass(frozen=True)
class Kind:
    """A command that is interrupted.

    Attributes:
        arguments: of the command.
        result_of: what it leaves in a folder.
        prepared: what is made in the folder before, with more arguments; None needs nothing.
    """

    arguments: list[str]
    result_of: Callable[[Path], Any]
    prepared: Callable[[Path], list[str]] | None = None


def training(*arguments: str) -> Kind:
    return Kind(["train", "resume=auto", *SMALL, *arguments], run_of)


KINDS = {
    "train model=random": training("model=random"),
    "train model=tfidf_lr": training("model=tfidf_lr"),
    "train model=lstm": training("model=lstm", "trainer.max_epochs=3"),
    "train model=text_resnet": training("model=text_resnet", "trainer.max_epochs=3"),
    "train model=live": training("model=live", "size=small", "protocol=live"),
    "train --multirun": Kind(["train", "--multirun", "model=random,tfidf_lr", *SMALL], runs_of),
    "prepare": Kind(["prepare", *SMALL], corpus_of),
    "update": Kind(["update"], taught_of, a_live_run),
    "update --delete-file": Kind(["update"], taught_of, a_live_run_with_unwanted_posts),
    "recommend --input": Kind(["recommend"], suggestions_of, posts_to_suggest_for),
    "evaluate": Kind(["evaluate"], errors_of, a_trained_run),
}
# Each trial takes seconds: by itself the campaign does one kind.
TRIED = list(KINDS) if PERCENT else list(KINDS)[:1]
# Seconds that a command may take to end after SIGTERM; a machine that runs all tests is busy.
PATIENCE = 5.0 if PERCENT else 60.0


def started(
    kind: str, processes: ForkServerContext, folder: Path
) -> tuple[Commands, Callable[[], Any]]:
    """Return a command that has not run yet, and what gives its result."""
    folder.mkdir(exist_ok=True)
    one = KINDS[kind]
    more = one.prepared(folder) if one.prepared else [f"run_dir={folder / 'run'}"]
    log = folder.with_name(f"{folder.name}.txt")
    return Commands(processes, [*one.arguments, *more], folder, log), lambda: one.result_of(folder)


def whole_run(kind: str, processes: ForkServerContext, folder: Path) -> tuple[float, Any]:
    """Run a command without interruption; return its seconds and its result."""
    commands, result = started(kind, processes, folder)
    code, output = commands.run()
    assert code == 0, output
    return commands.seconds, result()


def outcome_after(commands: Commands, result: Callable[[], Any], expected: Any) -> str:
    """Run an interrupted command to its end, and tell what became of it."""
    code, output = commands.run()
    if code or "Traceback" in output:
        logger.error("exit code %s: %s", code, output)
        return "tracebacks"
    return outcome_of(result, expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", TRIED)
def test_kills_of_a_command(kind: str, processes: ForkServerContext, tmp_path: Path) -> None:
    seconds, expected = whole_run(kind, processes, tmp_path / "whole")
    counts, chance = tally(f"kills of {kind}"), random.Random(kind)
    for number in range(trials(2, 30)):
        commands, result = started(kind, processes, tmp_path / str(number))
        commands.seconds = seconds
        for _ in range(1 + chance.randrange(2)):
            commands.kill(chance)
        counts.count(outcome_after(commands, result, expected))
        shutil.rmtree(tmp_path / str(number))
    assert counts.is_clean(), counts


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize("kind", TRIED)
def test_sigterm_ends_a_command(kind: str, processes: ForkServerContext, tmp_path: Path) -> None:
    seconds, expected = whole_run(kind, processes, tmp_path / "whole")
    counts, chance = tally(f"SIGTERM to {kind}"), random.Random(kind)
    for number in range(trials(1, 20)):
        commands, result = started(kind, processes, tmp_path / str(number))
        commands.seconds = seconds
        in_time = commands.terminate(chance, PATIENCE)
        output = commands.log.read_text(errors="replace") if commands.log.exists() else ""
        if not in_time or "Traceback" in output:
            logger.error("%s: %s", "ended with" if in_time else f"late, after {seconds} s", output)
            counts.count("tracebacks" if in_time else "late")
        else:
            counts.count(outcome_after(commands, result, expected))
        shutil.rmtree(tmp_path / str(number))
    assert counts.is_clean(), counts


@pytest.mark.slow
@pytest.mark.parametrize("kind", TRIED)
def test_full_disks_under_a_command(
    kind: str, processes: ForkServerContext, tmp_path: Path
) -> None:
    _, expected = whole_run(kind, processes, tmp_path / "whole")
    counts, chance = tally(f"full disks under {kind}"), random.Random(kind)
    for number in range(trials(2, 20)):
        commands, result = started(kind, processes, tmp_path / str(number))
        count_full_disk(counts, commands, int(10 ** chance.uniform(2, 5)))
        counts.count(outcome_after(commands, result, expected))
        shutil.rmtree(tmp_path / str(number))
    assert counts.is_clean(), counts


def count_full_disk(counts: Tally, commands: Commands, most: int | None = None) -> None:
    """Run a command that has too little disk, and count what it said."""
    code, output = commands.run(most)
    if "Traceback" in output or "unexpected " in output:
        logger.error("on a full disk: %s", output)
        counts.count("tracebacks")
    elif code:
        counts.count("refused" if "tagfinder: error: " in output else "tracebacks")


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Callable[[int], None]]:
    """Mount a disk of some bytes at a folder; yield what gives it another size."""

    def mount(*options: str) -> None:
        subprocess.run(["mount", *options, str(folder)], check=True, capture_output=True)

    folder.mkdir()
    try:
        mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"mounting is not allowed: {error}")
    try:
        yield lambda size: mount("-o", f"remount,size={size}")
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root mounts")
@pytest.mark.parametrize("kind", list(KINDS) if PERCENT else ["update"])
def test_a_full_disk_under_a_command(
    kind: str, processes: ForkServerContext, tmp_path: Path
) -> None:
    _, expected = whole_run(kind, processes, tmp_path / "whole")
    files = [file for file in (tmp_path / "whole").rglob("*") if file.is_file()]
    needed = sum(file.stat().st_size for file in files)
    counts, chance = tally(f"a full tmpfs under {kind}"), random.Random(kind)
    for number in range(trials(2, 10)):
        folder = tmp_path / str(number)
        with small_disk(folder, 2 * needed + (64 << 20)) as resize:
            commands, result = started(kind, processes, folder)
            there = shutil.disk_usage(folder).used
            resize(there + int(chance.uniform(0.02, 1.0) * (needed - there)) + 8192)
            count_full_disk(counts, commands)
            resize(2 * needed + (64 << 20))
            counts.count(outcome_after(commands, result, expected))
    assert counts.is_clean(), counts


@pytest.mark.slow
def test_two_that_prepare_one_corpus_at_once_leave_it_whole(
    processes: ForkServerContext, tmp_path: Path
) -> None:
    _, expected = whole_run("prepare", processes, tmp_path / "alone")
    counts = tally("two prepare at once")
    for number in range(trials(2, 10)):
        folder = tmp_path / str(number)
        both = [started("prepare", processes, folder)[0] for _ in range(2)]
        both[1].log = tmp_path / "second.txt"
        running = [one.start() for one in both]
        for one, process in zip(both, running, strict=True):
            process.join(300)
            assert process.exitcode == 0, one.log.read_text()
        counts.count(outcome_of(lambda folder=folder: corpus_of(folder), expected))
        left = [path.name for path in (folder / "cache" / "corpora").iterdir()]
        assert len(left) == 1, left
    assert counts.is_clean(), counts
