"""A command that is killed, or whose disk is full, does as if nothing had been at the next call."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
from commands import Commands
from tally import FACTOR, outcome_of, tally

import tagfinder
from tagfinder.corpus.prepared import PreparedCorpus

SMALL = ("data.rows=1000", "trainer.enable_progress_bar=false", "logger=[]")


def corpus_of(folder: Path) -> Any:
    (made,) = [path for path in (folder / "cache" / "corpora").iterdir() if path.name[0] != "."]
    corpus = PreparedCorpus(made)
    return corpus.manifest, corpus.part("train", ["id", "clean", "labels"]).hash_rows().to_list()


def run_of(folder: Path) -> Any:
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    [found] = tagfinder.load(folder / "run").suggest(["new in my closet"])
    return metrics["test"], [(one.hashtag, one.score) for one in found.hashtags]


KINDS: dict[str, tuple[list[str], Callable[[Path], Any]]] = {
    "train model=random": (["train", "model=random", "resume=auto", *SMALL], run_of),
    "train model=tfidf_lr": (["train", "model=tfidf_lr", "resume=auto", *SMALL], run_of),
    "prepare": (["prepare", *SMALL], corpus_of),
}
# Each trial takes seconds: by itself the campaign does one kind.
TRIED = list(KINDS)[: 1 if FACTOR == 1 else None]


def started(
    kind: str, workers: ForkServerContext, folder: Path
) -> tuple[Commands, Callable[[], Any]]:
    folder.mkdir()
    arguments, result_of = KINDS[kind]
    commands = Commands(workers, [*arguments, f"run_dir={folder / 'run'}"], folder)
    return commands, lambda: result_of(folder)


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
