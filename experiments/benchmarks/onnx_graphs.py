"""What an ONNX graph saves and costs: size, posts per second, NDCG@5, against PyTorch in one run.

    python experiments/benchmarks/onnx_graphs.py RUN BUNDLE [--posts 1000]

BUNDLE was exported from RUN with `--onnx --int8`; the posts are test posts of RUN's corpus.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import polars as pl
import torch

from tagfinder import Recommender
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.data.ragged import Ragged
from tagfinder.evaluation.metrics import ranking_scores
from tagfinder.evaluation.rankings import PADDING, hits, top_k
from tagfinder.files import read_json
from tagfinder.recommend.onnx_runtime import GRAPHS

SIZES = {"torch": ("model.safetensors", "features/encoder/model.safetensors")} | {
    runtime: (graph,) for runtime, graph in GRAPHS.items()
}


def main() -> None:
    """Print one line for each runtime."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--posts", type=int, default=1000)
    arguments = parser.parse_args()
    corpus = PreparedCorpus(Path(read_json(arguments.run / "run.json")["corpus"]["folder"]))
    posts = corpus.part("test", ["text", "labels"]).head(arguments.posts)
    for runtime, files in SIZES.items():
        recommender = Recommender.load(arguments.bundle, runtime=runtime)
        recommender.scores(posts["text"][:64].to_list())
        started = time.perf_counter()
        scores = recommender.scores(posts["text"].to_list())
        seconds = time.perf_counter() - started
        bundle = arguments.bundle
        size = sum((bundle / f).stat().st_size for f in files if (bundle / f).is_file()) / 1e6
        print(
            f"{runtime:10s} {size:7.1f} MB  {len(posts) / seconds:7.0f} posts/s  "
            f"NDCG@5 {ndcg(scores, posts['labels']):.4f}",
            flush=True,
        )


def ndcg(scores: np.ndarray, labels: pl.Series) -> float:
    """Return the mean NDCG@5 over posts with labels."""
    truth = Ragged.from_series(labels)
    true_labels = torch.from_numpy(truth.padded(np.arange(len(labels)), fill=PADDING))
    best, _ = top_k(torch.from_numpy(scores), 5)
    found = ranking_scores(hits(best, true_labels), torch.from_numpy(truth.lengths.copy()), [5])
    return float(found["ndcg@5"].nanmean())


if __name__ == "__main__":
    main()
