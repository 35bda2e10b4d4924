"""How fast rankings are scored, against torchmetrics' retrieval metrics and scikit-learn.

Made-up scores of N posts for 50 labels, 1 to 8 true ones each. Each baseline computes one score;
beside it is TagFinder's time for the same score from the same matrix. Both are checked to
agree where their definitions do. Baselines that would take minutes run on the first 27,703 rows
and are extrapolated in proportion, which is said.

    python experiments/benchmarks/metrics.py [--rows 27703 1000000] [--repeats 3] [--threads 1]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score
from torchmetrics.classification import MultilabelRankingAveragePrecision
from torchmetrics.retrieval import (
    RetrievalHitRate,
    RetrievalMAP,
    RetrievalMRR,
    RetrievalNormalizedDCG,
    RetrievalPrecision,
    RetrievalRecall,
)

from tagfinder.evaluation import metrics
from tagfinder.evaluation.rankings import hits, true_ranks
from tagfinder.evaluation.step_outputs import scored_blocks
from tagfinder.evaluation.tally import Tally

N_LABELS, KS, SAMPLE = 50, (1, 3, 5, 10), 27_703


@dataclass
class Posts:
    """Scores (N, L), the truth (N, L) bool, and the same as padded label indices (N, M)."""

    scores: torch.Tensor
    truth: torch.Tensor
    labels: torch.Tensor

    def first(self, n: int) -> Posts:
        """Return the first `n` rows."""
        return Posts(self.scores[:n], self.truth[:n], self.labels[:n])

    def outputs(self) -> dict[str, torch.Tensor]:
        """Return what a test step would."""
        n_true = self.truth.sum(1)
        rows = torch.arange(len(self.scores))
        return {
            "scores": self.scores,
            "labels": self.labels,
            "n_hashtags": n_true,
            "rows": rows,
        }


def make_posts(n: int) -> Posts:
    """Return scores without ties in a row, true labels among the higher ones."""
    generator = torch.Generator().manual_seed(1)
    scores = torch.rand(n, N_LABELS, generator=generator)
    chance = scores**4 * torch.rand(n, N_LABELS, generator=generator)
    best = chance.topk(8, dim=1).indices
    n_true = torch.randint(1, 9, (n, 1), generator=generator)
    labels = best.where(torch.arange(8) < n_true, -1)
    truth = torch.zeros(n, N_LABELS + 1, dtype=torch.bool)
    truth.scatter_(1, labels.where(labels >= 0, N_LABELS), True)
    return Posts(scores, truth[:, :N_LABELS], labels)


def ours(posts: Posts, score: Callable[..., torch.Tensor], k: int) -> float:
    """Return one of TagFinder's scores at `k` from the whole matrix."""
    total = 0.0
    for block in scored_blocks(posts.outputs(), k):
        found = hits(block.top_labels, block.labels)
        total += float(score(found, block.n_labels, k).sum())
    return total / len(posts.scores)


def over_ranks(posts: Posts, score: Callable[[torch.Tensor], torch.Tensor]) -> float:
    """Return one of TagFinder's scores that need the whole ranking."""
    blocks = zip(posts.scores.split(10_000), posts.labels.split(10_000), strict=True)
    return float(torch.cat([score(true_ranks(*block)) for block in blocks]).mean())


def our_lrap(posts: Posts) -> float:
    """Return TagFinder's label-ranking average precision."""
    return over_ranks(posts, metrics.label_ranking_average_precision)


def our_values(posts: Posts) -> int:
    """Compute all 24 standard ranking scores and return their number."""
    for block in scored_blocks(posts.outputs(), max(KS)):
        values = metrics.ranking_scores(hits(block.top_labels, block.labels), block.n_labels, KS)
    return len(values)


def our_evaluation(posts: Posts) -> int:
    """Compute all scores of the evaluator and return their number."""
    tally = Tally(KS, 0.3, True, N_LABELS)
    for block in scored_blocks(posts.outputs(), max(KS)):
        tally.update(block)
    return len(tally.compute().scores)


def retrieval(posts: Posts, metric: torch.nn.Module) -> float:
    """Return a retrieval metric of torchmetrics over posts as queries."""
    queries = torch.arange(len(posts.scores)).repeat_interleave(N_LABELS)
    metric.update(posts.scores.flatten(), posts.truth.flatten(), indexes=queries)
    return float(metric.compute())


def label_ranking(posts: Posts) -> float:
    """Return torchmetrics' label-ranking average precision."""
    metric = MultilabelRankingAveragePrecision(num_labels=N_LABELS, validate_args=False)
    return float(metric(posts.scores, posts.truth.long()))


def seconds(work: Callable[[], float], repeats: int) -> tuple[float, float]:
    """Return the best of several times, and the result."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


# name, the baseline, TagFinder's same score, whether both are the same number
PAIRS = [
    ("torchmetrics RetrievalNormalizedDCG(5)",
     lambda p: retrieval(p, RetrievalNormalizedDCG(top_k=5)),
     lambda p: ours(p, metrics.ndcg, 5), True),
    ("torchmetrics RetrievalMAP(5), over hits", lambda p: retrieval(p, RetrievalMAP(top_k=5)),
     lambda p: ours(p, metrics.average_precision, 5), False),
    ("torchmetrics RetrievalPrecision(5)", lambda p: retrieval(p, RetrievalPrecision(top_k=5)),
     lambda p: ours(p, metrics.precision, 5), True),
    ("torchmetrics RetrievalRecall(5)", lambda p: retrieval(p, RetrievalRecall(top_k=5)),
     lambda p: ours(p, metrics.recall, 5), True),
    ("torchmetrics RetrievalHitRate(5)", lambda p: retrieval(p, RetrievalHitRate(top_k=5)),
     lambda p: ours(p, metrics.hit_rate, 5), True),
    ("torchmetrics RetrievalMRR", lambda p: retrieval(p, RetrievalMRR()),
     lambda p: over_ranks(p, lambda ranks: 1 / ranks.amin(1)), True),
    ("torchmetrics MultilabelRankingAveragePrecision", label_ranking, our_lrap, True),
    ("scikit-learn ndcg_score(k=5)", lambda p: ndcg_score(p.truth, p.scores, k=5),
     lambda p: ours(p, metrics.ndcg, 5), True),
    ("scikit-learn ndcg_score(k=5, ignore_ties)",
     lambda p: ndcg_score(p.truth, p.scores, k=5, ignore_ties=True),
     lambda p: ours(p, metrics.ndcg, 5), True),
    ("scikit-learn label_ranking_average_precision_score",
     lambda p: label_ranking_average_precision_score(p.truth, p.scores), our_lrap, True),
]  # fmt: skip


def compare(posts: Posts, repeats: int) -> None:
    """Print one table for one number of rows."""
    n = len(posts.scores)
    sample = posts.first(SAMPLE)
    note = "" if n <= SAMPLE else f"; baselines measured on {SAMPLE:,} rows and extrapolated (~)"
    print(f"\n{n:,} x {N_LABELS}, best of {repeats}{note}")
    print(f"{'baseline':<52}{'seconds':>10}{'TagFinder':>11}{'ratio':>8}")
    total = 0.0
    for name, baseline, own, same in PAIRS:
        theirs, value = seconds(lambda: baseline(sample), 1 if n > SAMPLE else repeats)  # noqa: B023
        theirs *= n / len(sample.scores)
        mine, _ = seconds(lambda: own(posts), repeats)  # noqa: B023
        if same and not np.isclose(own(sample), value, atol=1e-5):
            raise SystemExit(f"{name}: {value}, but TagFinder has {own(sample)}")
        total += theirs
        mark = "~" if n > SAMPLE else " "
        print(f"{name:<52}{mark}{theirs:>9.2f}{mine:>11.3f}{theirs / mine:>8.0f}")
    for work, title in ((our_values, "scores at 1, 3, 5, 10"), (our_evaluation, "scores in all")):
        mine, n_values = seconds(lambda: work(posts), repeats)  # noqa: B023
        name = f"the ten above, against TagFinder's {n_values} {title}"
        print(f"{name:<62}{mine:>11.3f}{total / mine:>8.0f}")


def main() -> None:
    """Print a table for each number of rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[SAMPLE, 1_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of torch, for all alike")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.filterwarnings("ignore", message=".*will save all targets and predictions.*")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for n in arguments.rows:
        compare(make_posts(n), arguments.repeats)


if __name__ == "__main__":
    main()
