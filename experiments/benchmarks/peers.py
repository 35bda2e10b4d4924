"""`model=tfidf_svm` against LibMultiLabel's linear one-vs-rest and a plain scikit-learn pipeline.

All train on the same posts and are judged on the same test posts by TagFinder's NDCG@5. Each gets
the column of the corpus that is best for it (on validation posts; `clean` for all three) and keeps
its own preprocessing and settings; LibMultiLabel's are its defaults. Ours and LibMultiLabel's take
turns, so that what else runs on the machine slows both alike; the fastest turn of each counts.
Seconds to train hold everything from texts to a fitted model. `cores` is processor time on all
cores, which other work affects least. LibMultiLabel trains with a thread for each core, TagFinder
with one, because threads would make the solver's random numbers unrepeatable.

    python -m venv PEER && PEER/bin/pip install libmultilabel==0.10.0
    python experiments/benchmarks/peers.py [CORPUS.parquet] --peer-python PEER/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from tagfinder.configuration.application import register_resolvers
from tagfinder.configuration.build import build
from tagfinder.data.ragged import Ragged
from tagfinder.evaluation import metrics
from tagfinder.evaluation.rankings import hits, top_k
from tagfinder.models.base import sparse_labels
from tagfinder.models.tfidf import TfidfRecommender
from tagfinder.paths import conf_dir
from tagfinder.runs.corpus import corpus_of

SHARED = Path(os.environ.get("TAGFINDER_SHARED", Path(__file__).parents[3] / "shared"))
CORPUS = SHARED / "data" / "us_congress_2022.parquet"
PEER = Path(__file__).with_name("libmultilabel_peer.py")
PEER_COLUMN = "clean"


@dataclass
class Task:
    """Training and test posts of one prepared corpus, labels as padded label numbers."""

    train: pl.DataFrame
    test: pl.DataFrame
    n_labels: int

    def labels(self, part: pl.DataFrame) -> torch.Tensor:
        """Return (N, M) label numbers padded with -1."""
        rows = Ragged.from_series(part["labels"])
        return torch.from_numpy(rows.padded(np.arange(len(rows)), fill=-1))

    def truth(self) -> csr_matrix:
        """Return the (N, L) bool labels of the training posts."""
        return sparse_labels(self.labels(self.train), self.n_labels)

    def ndcg(self, scores: np.ndarray) -> float:
        """Return the NDCG@5 of (N, L) scores of the test posts."""
        labels = self.labels(self.test)
        found = hits(top_k(torch.from_numpy(scores), 5)[0], labels)
        return float(metrics.ndcg(found, (labels >= 0).sum(1), 5).nanmean())


@dataclass
class Result:
    """The result of one training: seconds from texts to model (wall, all cores), and NDCG@5."""

    seconds: float
    cores: float
    ndcg: float


def configuration(corpus: Path, inline_hashtags: str) -> DictConfig:
    """Return the configuration of `tagfinder train model=tfidf_svm` on a corpus file."""
    overrides = [
        *("model=tfidf_svm", "data=files", f"data.path={corpus}", f"data.name={corpus.stem}"),
        *("protocol=report", f"cleaning.inline_hashtags={inline_hashtags}"),
    ]
    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("config", overrides=overrides)


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what `work` returns, its seconds, and the processor's seconds on all cores."""
    start, core_start = time.perf_counter(), time.process_time()
    value = work()
    return value, time.perf_counter() - start, time.process_time() - core_start


def ours(config: DictConfig, corpus: Any, task: Task) -> Result:
    """Train and score TagFinder's support vector machine as configured."""
    features = build(config.features)
    model: TfidfRecommender = build(config.model)(label_set=corpus.label_set, features=features)
    texts, truth = task.train[features.column].to_list(), task.truth()
    _, seconds, cores = timed(lambda: model.learn(texts, truth))
    scores = model.scores(task.test[features.column].to_list())
    return Result(seconds, cores, task.ndcg(scores.numpy()))


def plain_sklearn(task: Task) -> Result:
    """Train and score scikit-learn's linear SVM on word 1-2-grams with default settings."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2))
    model = OneVsRestClassifier(LinearSVC(random_state=1))
    truth = task.truth().astype(int)

    def train() -> None:
        model.fit(vectorizer.fit_transform(task.train[PEER_COLUMN].to_list()), truth)

    _, seconds, cores = timed(train)
    scores = model.decision_function(vectorizer.transform(task.test[PEER_COLUMN].to_list()))
    return Result(seconds, cores, task.ndcg(scores))


def peer(python: Path, task: Task) -> Result:
    """Train and score LibMultiLabel in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder) / "task.json", Path(folder) / "scores.npy"
        content = {
            "train": task.train[PEER_COLUMN].to_list(),
            "labels": task.train["labels"].to_list(),
            "test": task.test[PEER_COLUMN].to_list(),
            "n_labels": task.n_labels,
        }
        question.write_text(json.dumps(content))
        command = [str(python), str(PEER), str(question), str(answer)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        seconds = json.loads(done.stdout.splitlines()[-1])["seconds"]
        return Result(seconds["total"], seconds["cores"], task.ndcg(np.load(answer)))


def why_not(python: Path | None) -> str | None:
    """Return why LibMultiLabel cannot run, or None."""
    if python is None:
        return "no --peer-python and no TAGFINDER_PEER_PYTHON"
    if not python.is_file():
        return f"{python} is not there"
    probe = [str(python), "-c", "import libmultilabel.linear"]
    done = subprocess.run(probe, check=False, capture_output=True, text=True)
    return done.stderr.strip().splitlines()[-1] if done.returncode else None


def fastest(turns: list[Result]) -> Result:
    """Return the turn that took the fewest seconds."""
    return min(turns, key=lambda result: result.seconds)


def show(name: str, result: Result, base: Result | None = None) -> None:
    """Print one row, with ratios to a baseline."""
    row = f"{name:<38}{result.seconds:8.2f} s {result.cores:8.2f} s {result.ndcg:8.4f}"
    if base is not None:
        row += (
            f"   x{result.seconds / base.seconds:.2f} wall, x{result.cores / base.cores:.2f} cores"
        )
        row += f", {result.ndcg - base.ndcg:+.4f}"
    print(row, flush=True)


def compare(corpus_file: Path, inline_hashtags: str, python: Path | None, turns: int) -> None:
    """Print the rows of one corpus."""
    config = configuration(corpus_file, inline_hashtags)
    corpus = corpus_of(config)
    columns = ["clean", "deep_clean", "labels"]
    parts = {part: corpus.part(part, columns) for part in ("train", "test")}
    task = Task(parts["train"], parts["test"], len(corpus.label_set))
    print(
        f"\n{corpus.name}, inline hashtags {inline_hashtags}: {len(task.train)} to train, "
        f"{len(task.test)} to test\n{'':38}{'train':>8}   {'cores':>8}   {'NDCG@5':>8}"
    )
    own, other = [], []
    for _ in range(turns):
        own.append(ours(config, corpus, task))
        if python is not None:
            other.append(peer(python, task))
    base = fastest(other) if other else None
    if base is not None:
        show("LibMultiLabel one-vs-rest", base)
    show("tagfinder model=tfidf_svm", fastest(own), base)
    show("scikit-learn LinearSVC, 1-2-grams", plain_sklearn(task), base)


def main() -> None:
    """Read the arguments and compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("corpus", nargs="?", type=Path, default=CORPUS)
    parser.add_argument("--peer-python", default=os.environ.get("TAGFINDER_PEER_PYTHON"))
    parser.add_argument("--inline", nargs="+", default=["keep", "drop"], choices=["keep", "drop"])
    parser.add_argument("--turns", type=int, choices=range(1, 11), default=3)
    arguments = parser.parse_args()
    python = Path(arguments.peer_python) if arguments.peer_python else None
    reason = why_not(python)
    if reason:
        print(f"LibMultiLabel is skipped: {reason}")
        python = None
    warnings.filterwarnings("ignore", category=UserWarning)
    for inline_hashtags in arguments.inline:
        compare(arguments.corpus, inline_hashtags, python, arguments.turns)


if __name__ == "__main__":
    main()
