"""A command that is killed, or whose disk is full, does as if nothing had been at the next call."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
from commands import Commands
from tally import FACTOR, outcome_of, tally

import tagfinder
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.live.post_store import PostStore

SMALL = ("data.rows=1000", "trainer.enable_progress_bar=false", "logger=[]")
LIVE_RUN = Path(__file__).parents[1] / "fixtures" / "0.1.0" / "live"


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


def taught_of(folder: Path) -> Any:
    with PostStore(folder / "run" / "knowledge" / "posts.sqlite", writable=False) as store:
        posts = [post for block in store.blocks() for post in block.posts]
    return posts, suggested(folder)


def a_live_run(folder: Path) -> list[str]:
    """Copy a run, and write posts for it; return the command's arguments."""
    shutil.copytree(LIVE_RUN, folder / "run")
    day = "2030-01-{:02d}T00:00:00Z"
    posts = [
        {
            "id": f"new{n}",
            "text": f"new in my closet {n} #closet{n % 9}",
            "entity_name": f"a{n % 7}",
        }
        | {"created_at": day.format(1 + n % 28)}
        for n in range(600)
    ]
    (folder / "posts.jsonl").write_text("\n".join(map(json.dumps, posts)))
    return [str(folder / "run"), str(folder / "posts.jsonl")]


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
    "prepare": Kind(["prepare", *SMALL], corpus_of),
    "update": Kind(["update"], taught_of, a_live_run),
}
# Each trial takes seconds: by itself the campaign does one kind.
TRIED = list(KINDS)[: 1 if FACTOR == 1 else None]


def started(
    kind: str, workers: ForkServerContext, folder: Path
) -> tuple[Commands, Callable[[], Any]]:
    """Return a command that has not run yet, and what gives its result."""
    folder.mkdir(exist_ok=True)
    one = KINDS[kind]
    more = one.prepared(folder) if one.prepared else [f"run_dir={folder / 'run'}"]
    log = folder.with_name(f"{folder.name}.txt")
    return Commands(workers, [*one.arguments, *more], folder, log), lambda: one.result_of(folder)


@pytest.mark.slow
@pytest.mark.parametrize("kind", TRIED)
def test_kills_of_a_command(kind: str, workers: ForkServerContext, tmp_path: Path) -> None:
    whole, result = started(kind, workers, tmp_path / "whole")
    code, output = whole.run()
    assert code == 0, output
    expected = result()
    counts, chance = tally(f"kills of {kind}"), random.Random(kind)
    for number in range(2 * FACTOR):
        commands, result = started(kind, workers, tmp_path / str(number))
        commands.seconds = whole.seconds
        for _ in range(1 + chance.randrange(2)):
            commands.kill(chance)
        code, output = commands.run()
        assert "Traceback" not in output, output
        assert code == 0, output
        counts.count(outcome_of(result, expected))
        shutil.rmtree(tmp_path / str(number))
    assert counts.is_clean(), counts


@pytest.mark.slow
@pytest.mark.parametrize("kind", TRIED)
def test_full_disks_under_a_command(kind: str, workers: ForkServerContext, tmp_path: Path) -> None:
    whole, result = started(kind, workers, tmp_path / "whole")
    code, output = whole.run()
    assert code == 0, output
    expected = result()
    counts, chance = tally(f"full disks under {kind}"), random.Random(kind)
    for number in range(2 * FACTOR):
        commands, result = started(kind, workers, tmp_path / str(number))
        code, output = commands.run(most=int(10 ** chance.uniform(2, 5)))
        if "Traceback" in output or "unexpected " in output:
            counts.count("tracebacks")
        elif code:
            counts.count("refused")
            assert "tagfinder: error: " in output
        code, output = commands.run()
        assert code == 0, output
        counts.count(outcome_of(result, expected))
        shutil.rmtree(tmp_path / str(number))
    assert counts.is_clean(), counts


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
@pytest.mark.parametrize("kind", list(KINDS) if FACTOR > 1 else ["update"])
def test_a_full_disk_under_a_command(kind: str, workers: ForkServerContext, tmp_path: Path) -> None:
    whole, result = started(kind, workers, tmp_path / "whole")
    code, output = whole.run()
    assert code == 0, output
    expected = result()
    files = [file for file in (tmp_path / "whole").rglob("*") if file.is_file()]
    needed = sum(file.stat().st_size for file in files)
    counts, chance = tally(f"a full tmpfs under {kind}"), random.Random(kind)
    for number in range(2 * FACTOR):
        folder = tmp_path / str(number)
        with small_disk(folder, 2 * needed + (64 << 20)) as resize:
            commands, result = started(kind, workers, folder)
            there = shutil.disk_usage(folder).used
            resize(there + int(chance.uniform(0.02, 1.0) * (needed - there)) + 8192)
            code, output = commands.run()
            if "Traceback" in output or "unexpected " in output:
                counts.count("tracebacks")
            elif code:
                counts.count("refused")
                assert "tagfinder: error: " in output
            resize(2 * needed + (64 << 20))
            code, output = commands.run()
            assert code == 0, output
            counts.count(outcome_of(result, expected))
    assert counts.is_clean(), counts


@pytest.mark.slow
def test_two_that_prepare_one_corpus_at_once_leave_it_whole(
    workers: ForkServerContext, tmp_path: Path
) -> None:
    alone, result = started("prepare", workers, tmp_path / "alone")
    code, output = alone.run()
    assert code == 0, output
    expected, counts = result(), tally("two prepare at once")
    for number in range(2 * FACTOR):
        folder = tmp_path / str(number)
        both = [started("prepare", workers, folder)[0] for _ in range(2)]
        both[1].log = tmp_path / "second.txt"
        processes = [one.start() for one in both]
        for one, process in zip(both, processes, strict=True):
            process.join(300)
            assert process.exitcode == 0, one.log.read_text()
        counts.count(outcome_of(lambda folder=folder: corpus_of(folder), expected))
        left = [path.name for path in (folder / "cache" / "corpora").iterdir()]
        assert len(left) == 1, left
    assert counts.is_clean(), counts
