"""`model=omikuji` against omikuji's own Python package and LibMultiLabel's tree, on equal features.

    python experiments/benchmarks/label_trees.py CORPUS [--peer-python PEER/bin/python]

CORPUS is a prepared corpus's folder with many labels (`tagfinder prepare … selection.top_n=100000
selection.min_count=2`). TF-IDF is made once, for all. Ours is trained and queried as in a run.
omikuji's own gets its file of training data and is queried post by post, as in its documentation
(the package has no command line; `omikuji train` is built by cargo). Each is a process of its own,
which reads the features and ends with its scores over the same test posts. The settings are those
of `conf/model/omikuji.yaml`, which are omikuji's defaults; LibMultiLabel's are its own.

    python -m venv PEER && PEER/bin/pip install libmultilabel
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from processes import in_a_process
from scipy.sparse import csr_matrix, load_npz, save_npz

from tagfinder.corpus.prepared import Part, PreparedCorpus
from tagfinder.data.ragged import Ragged
from tagfinder.evaluation.metrics import ndcg, precision
from tagfinder.evaluation.rankings import hits
from tagfinder.models.base import sparse_labels
from tagfinder.models.label_trees import SETTINGS, LabelTrees, write_training_file
from tagfinder.models.tfidf import Tfidf

K = 50
PEER = Path(__file__).with_name("libmultilabel_tree_peer.py")


def write_task(corpus: PreparedCorpus, folder: Path, max_features: int, most: int) -> None:
    """Write features and labels of training posts, and of test posts with a label."""
    tfidf = Tfidf((1, 2), max_features, 2, True)
    for part in ("train", "test"):
        posts, labels = _posts(corpus, part, most)
        if part == "train":
            features = tfidf.fit(posts)
        else:
            rows = tfidf.transform(posts)
            shape = (len(posts), features.shape[1])
            features = csr_matrix((rows.data, rows.indices, rows.indptr), shape=shape)
        save_npz(folder / f"{part}_features.npz", features)
        save_npz(folder / f"{part}_labels.npz", labels)


def _posts(corpus: PreparedCorpus, part: Part, most: int) -> tuple[list[str], csr_matrix]:
    posts = corpus.part(part, ["clean", "labels"])
    posts = posts.filter(posts["labels"].list.len() > 0)
    if part == "test":
        posts = posts.gather_every(max(posts.height // most, 1))
    labels = Ragged.from_series(posts["labels"]).padded(np.arange(posts.height), fill=-1)
    matrix = sparse_labels(torch.from_numpy(labels), len(corpus.label_set))
    return posts["clean"].to_list(), matrix


def ours(folder: Path) -> dict[str, Any]:
    """Train and rank as `model=omikuji` does."""
    trees = LabelTrees()
    train, labels, test = _task(folder)
    begun = time.perf_counter()
    trees.fit(train, labels)
    trained = time.perf_counter()
    ranked, _ = trees.top(test, K)
    return _result(folder, ranked, begun, trained)


def omikuji_alone(folder: Path) -> dict[str, Any]:
    """Train on a file and rank post by post, as the package's documentation shows."""
    import omikuji

    train, labels, test = _task(folder)
    parameters = omikuji.Model.default_hyper_param()
    settings = LabelTrees().settings
    for name in SETTINGS:
        setattr(parameters, name, settings[name])
    begun = time.perf_counter()
    file = folder / "train.txt"
    write_training_file(file, train, labels)
    model = omikuji.Model.train_on_data(str(file), parameters)
    trained = time.perf_counter()
    ranked = np.full((test.shape[0], K), -1)
    for row in range(test.shape[0]):
        inside = slice(test.indptr[row], test.indptr[row + 1])
        pairs = list(zip(test.indices[inside].tolist(), test.data[inside].tolist(), strict=True))
        found = model.predict(pairs, top_k=K)
        ranked[row, : len(found)] = [label for label, _ in found]
    return _result(folder, ranked, begun, trained)


def libmultilabel(folder: Path, python: str) -> dict[str, Any]:
    """Train and rank with LibMultiLabel's tree, in its own environment."""
    output = subprocess.run(
        [python, str(PEER), str(folder), str(K)], check=True, capture_output=True, text=True
    ).stdout
    result = json.loads(output.splitlines()[-1])
    return {**result, **_scores(folder, np.load(folder / "ranked.npy"))}


def _task(folder: Path) -> tuple[csr_matrix, csr_matrix, csr_matrix]:
    names = ("train_features", "train_labels", "test_features")
    train, labels, test = (load_npz(folder / f"{name}.npz") for name in names)
    return train, labels, test


def _result(folder: Path, ranked: np.ndarray, begun: float, trained: float) -> dict[str, Any]:
    ended = time.perf_counter()
    cores = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "train_seconds": trained - begun,
        "posts_per_second": len(ranked) / (ended - trained),
        "core_seconds": cores.ru_utime + cores.ru_stime,
        "peak_mb": cores.ru_maxrss / 1024,
        **_scores(folder, ranked),
    }


def _scores(folder: Path, ranked: np.ndarray) -> dict[str, float]:
    labels = load_npz(folder / "test_labels.npz")
    lists = [labels.indices[a:b] for a, b in zip(labels.indptr, labels.indptr[1:], strict=False)]
    truth = np.full((len(lists), max(map(len, lists))), -1)
    for row, of_post in enumerate(lists):
        truth[row, : len(of_post)] = of_post
    found = hits(torch.from_numpy(ranked.astype(np.int64)), torch.from_numpy(truth))
    n_labels = torch.from_numpy((truth >= 0).sum(1))
    return {
        "ndcg@5": float(ndcg(found, n_labels, 5).mean()),
        "p@1": float(precision(found, n_labels, 1).mean()),
    }


def main() -> None:
    """Print a row for each, and what ours costs beside omikuji's own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--max-features", type=int, default=100_000)
    parser.add_argument("--test-posts", type=int, default=5_000)
    parser.add_argument("--peer-python")
    given = parser.parse_args()
    corpus = PreparedCorpus(given.corpus)
    os.environ.setdefault("RUST_LOG", "off")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_task(corpus, folder, given.max_features, given.test_posts)
        shape = load_npz(folder / "train_features.npz").shape
        print(
            f"{shape[0]:,} training posts, {shape[1]:,} n-grams, {len(corpus.label_set):,} labels"
        )
        rows = {
            "model=omikuji": in_a_process(ours, folder),
            "omikuji, Python": in_a_process(omikuji_alone, folder),
        }
        if given.peer_python:
            rows["LibMultiLabel, tree"] = libmultilabel(folder, given.peer_python)
    print("| | s to train | posts/s | core s, all | peak MB | NDCG@5 | P@1 |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for title, row in rows.items():
        print(
            f"| {title} | {row['train_seconds']:.1f} | {row['posts_per_second']:,.0f} | "
            f"{row['core_seconds']:.1f} | {row['peak_mb']:,.0f} | {row['ndcg@5']:.4f} | "
            f"{row['p@1']:.4f} |"
        )
    first, second = rows["model=omikuji"], rows["omikuji, Python"]
    for what in ("train_seconds", "core_seconds", "peak_mb"):
        print(f"{what}: ours / omikuji's own = {first[what] / second[what]:.2f}")


if __name__ == "__main__":
    main()
