"""Recommending imports what its kind of recommender computes with, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tagfinder.corpus.words import FEW_TEXTS, map_words

SCRIPT = """
import sys
from tagfinder.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print(code, *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""
TRAINING = {"pytorch_lightning", "torchmetrics", "hydra", "matplotlib"}
LEARNING = TRAINING | {"torch", "sklearn", "scipy", "omegaconf"}


def imported_by(*arguments: str) -> tuple[int, set[str], str]:
    """Run a command in a process of its own; return its exit code, modules and last words."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=False
    )
    *words, last = ended.stderr.strip().splitlines()
    code, *modules = last.split()
    return int(code or 0), set(modules), "\n".join(words)


@pytest.mark.parametrize(
    ("kind", "unwanted"),
    [
        ("tfidf_lr", LEARNING | {"pyarrow"}),
        ("tfidf_svm", LEARNING | {"pyarrow"}),
        ("fasttext", LEARNING),
        ("lstm", TRAINING),
        ("bert", TRAINING | {"transformers", "sympy"}),
        ("bert_trained", TRAINING | {"transformers", "sympy"}),
        ("live", LEARNING - {"scipy"} | {"lightgbm"}),
    ],
)
def test_recommending_needs_no_trainer(
    kind: str, unwanted: set[str], run_of: Callable[[str], Path]
) -> None:
    code, modules, words = imported_by("recommend", str(run_of(kind)), "selling a vintage bag")
    assert code == 0, words
    assert not modules & unwanted


@pytest.mark.parametrize("command", ["recommend", "export", "evaluate", "demo", "serve"])
def test_a_wrong_path_is_answered_before_anything_heavy_is_imported(
    command: str, tmp_path: Path
) -> None:
    target = [str(tmp_path / "bundle")] if command == "export" else []
    code, modules, words = imported_by(command, str(tmp_path / "nowhere"), *target)
    assert code == 2
    assert "nowhere: there is no such folder" in words
    assert not modules & (LEARNING | {"polars", "numpy"})


def test_training_on_a_file_that_is_not_there_ends_before_a_trainer_is_imported(
    tmp_path: Path,
) -> None:
    code, modules, words = imported_by(
        "train", "data=files", "data.path=nowhere.csv", f"run_dir={tmp_path / 'run'}"
    )
    assert code == 2
    assert "data.path=nowhere.csv: there is no such file" in words
    assert not modules & {"torch", "pytorch_lightning", "sklearn"}


def test_few_and_many_texts_are_cleaned_alike() -> None:
    texts = ["", " ", "two  blanks", "Äpfel laufen ", None, "cats' dogs, run"]
    few = map_words(pl.Series(texts, dtype=pl.String), str.upper)
    many = map_words(pl.Series(texts * FEW_TEXTS, dtype=pl.String), str.upper)
    assert many.head(len(texts)).to_list() == few.to_list()
