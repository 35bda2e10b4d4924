"""How fast runs are compared: intervals and all pairs' differences, by paired bootstrap.

The baseline is a plain NumPy loop: draw rows with replacement, take the means of all runs and
metrics, once for each resample; then the same intervals and p-values. It is timed on fewer
resamples, in the same process, and scaled up. Scores are made up; clusters are pairs and singles.

    python experiments/benchmarks/comparing.py [--rows 50000] [--runs 10] [--resamples 10000]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from tagfinder.evaluation.comparison import compare

METRICS = [
    f"{name}@{k}" for name in ("ndcg", "map", "report_ndcg", "report_map") for k in (3, 5, 10)
]
BASELINE_RESAMPLES = 50


def made_up_scores(n_rows: int, n_runs: int) -> dict[str, dict[str, np.ndarray]]:
    """Return scores in [0, 1]; a tenth of the posts takes no part in the last three metrics."""
    rng = np.random.default_rng(0)
    difficulty = rng.random(n_rows)
    scores = {}
    for run in range(n_runs):
        values = {m: np.clip(difficulty + rng.normal(0, 0.2, n_rows), 0, 1) for m in METRICS}
        for metric in METRICS[-3:]:
            values[metric][rng.random(n_rows) < 0.1] = np.nan
        scores[f"run {run}"] = values
    return scores


def plain_loop(values: np.ndarray, n_resamples: int) -> np.ndarray:
    """Return (n_resamples, J) means of (N, J) values, one resample after the other."""
    rng = np.random.default_rng(1)
    return np.array(
        [
            np.nanmean(values[rng.integers(len(values), size=len(values))], 0)
            for _ in range(n_resamples)
        ]
    )


def main() -> None:
    """Time both and print their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--resamples", type=int, default=10_000)
    sizes = parser.parse_args()
    scores = made_up_scores(sizes.rows, sizes.runs)
    clusters = np.arange(sizes.rows) * 3 // 4  # every third cluster holds two posts

    start, cpu = time.perf_counter(), time.process_time()
    judged = dict.fromkeys(METRICS, np.ones(sizes.rows, dtype=bool))
    compare(scores, judged, clusters, n_samples=50, n_resamples=sizes.resamples, seed=1)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu

    values = np.stack([run[metric] for run in scores.values() for metric in METRICS], axis=1)
    start = time.perf_counter()
    plain_loop(values, BASELINE_RESAMPLES)
    baseline = (time.perf_counter() - start) * sizes.resamples / BASELINE_RESAMPLES

    print(f"{sizes.rows:,} rows, {sizes.runs} runs, {len(METRICS)} metrics")
    print(f"{sizes.resamples:,} resamples")
    print(f"tagfinder compare: {seconds:.1f} s ({cpu_seconds:.1f} s of CPU time)")
    print(f"plain NumPy loop:  {baseline:.0f} s (scaled up from {BASELINE_RESAMPLES} resamples)")
    print(f"ratio: {baseline / seconds:.0f} times as fast")


if __name__ == "__main__":
    main()
