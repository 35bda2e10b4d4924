"""Scores by month, author, age and frequency of the hashtag.

Two kinds of slices. Posts are divided by the statistics of them, and scored over all of their
hashtags. Uses of hashtags (a post and one of its hashtags) are divided by the earlier uses of the
hashtag, and each is scored as if it were its post's only one: the post's other hashtags are taken
out of the ranking before it is looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import torch

from tagfinder.data.ragged import Ragged
from tagfinder.evaluation.bootstrap import cluster_bootstrap, column_means, percentile_interval
from tagfinder.evaluation.metrics import open_scores, ranking_scores
from tagfinder.evaluation.score import list_hits
from tagfinder.evaluation.tables import Table

METRICS = ("ndcg@5", "map@5", "hit_rate@5", "recall@10")
COLUMNS = ("created_at", "entity_name", "clean", "labels", "group", "split")
DAY = 86_400 * 10**6  # microseconds
AGES = (1, 7, 30, 365)  # days
USES = (0, 1, 5, 20, 100, 1000)
WORDS = (0, 5, 10, 20, 40)
_DEPTH = 10
_KS = (5, 10)


@dataclass(frozen=True)
class Slices:
    """Scores of all test posts and of slices of them.

    Attributes:
        scores: `dimension`, `slice`, `unit` (posts | hashtags), `n`, `metric`, `mean`, `low`,
            `high` (95 %, bootstrap over near-duplicate groups).
        reachable: the upper bound for hashtags known one delay before: `posts` and `hashtags`
            (numbers), `posts_with_a_known_hashtag` and `known_hashtags` (shares), and
            `best_possible`, the scores of who ranks every known true hashtag first.
    """

    scores: pl.DataFrame
    reachable: dict[str, Any]

    @property
    def overall(self) -> dict[str, dict[str, float]]:
        """Metric -> `mean`, `low`, `high` over all test posts."""
        rows = self.scores.filter(dimension=pl.lit("all")).iter_rows(named=True)
        return {row["metric"]: {key: row[key] for key in ("mean", "low", "high")} for row in rows}

    def table(self, title: str) -> Table:
        """Return the means with their intervals, one row for each slice."""
        rows = [
            [
                f"{dimension}: {name}" if dimension != "all" else name,
                f"{of_slice['n'][0]:,} {of_slice['unit'][0]}",
                *(
                    f"{mean:.3f} [{low:.3f}, {high:.3f}]"
                    for mean, low, high in of_slice.select("mean", "low", "high").iter_rows()
                ),
            ]
            for (dimension, name), of_slice in self.scores.group_by(
                "dimension", "slice", maintain_order=True
            )
        ]
        return Table(title, ["slice", "n", *METRICS], rows)


@dataclass(frozen=True)
class _Slice:
    dimension: str
    name: str
    rows: np.ndarray


class Known:
    """Counts, for a key and a time, the earlier entries of that key.

    Args:
        keys: (E,) int64 from 0; negative ones are never counted.
        times: (E,) int64.
    """

    def __init__(self, keys: np.ndarray, times: np.ndarray) -> None:
        self._moments = np.unique(times)
        self._span = len(self._moments) + 1
        real = keys >= 0
        self._codes = np.sort(self._coded(keys[real], times[real]))

    def before(self, keys: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return (A,) int64, for each key the number of its entries before a time."""
        first = np.searchsorted(self._codes, keys.astype(np.int64) * self._span)
        counts = np.searchsorted(self._codes, self._coded(keys, times)) - first
        return np.where(keys < 0, 0, counts)

    def _coded(self, keys: np.ndarray, times: np.ndarray) -> np.ndarray:
        return keys.astype(np.int64) * self._span + np.searchsorted(self._moments, times)


def slices_of(
    posts: pl.DataFrame,
    predictions: pl.DataFrame,
    delay_days: float,
    n_resamples: int = 1000,
    seed: int = 1,
) -> Slices:
    """Score the rankings of the test part by slices.

    Args:
        posts: every post of the corpus, with `COLUMNS`; its labels are all of its hashtags.
        predictions: `top_labels`, `labels` and `n_hashtags` of its test part, in corpus order.
        delay_days: age from which a post is known.
        n_resamples: resamples of the bootstrap.
        seed: of the bootstrap.
    """
    posts = posts.with_columns(
        author=pl.col("entity_name").rank("dense").cast(pl.Int64).fill_null(0) - 1,
        time=pl.col("created_at").dt.epoch("us"),
    )
    test = posts.filter(split=pl.lit("test"))
    delay = round(delay_days * DAY)
    uses = _Uses(posts, test, delay)
    found = list_hits(predictions["top_labels"].list.head(_DEPTH), predictions["labels"])
    n_labels = torch.from_numpy(uses.labels.lengths)
    n_hashtags = torch.from_numpy(predictions["n_hashtags"].cast(pl.Int64).to_numpy().copy())
    of_posts = open_scores(found, n_labels, n_hashtags, _KS)
    of_uses = ranking_scores(
        uses.places(predictions["top_labels"]), torch.ones(len(uses.post), dtype=torch.int64), _KS
    )
    groups = test["group"].to_numpy()
    judged = (
        ("posts", groups, _columns(of_posts, "open_"), list(_post_slices(posts, test, uses))),
        ("hashtags", groups[uses.post], _columns(of_uses), list(uses.slices())),
    )
    scores = pl.concat(
        _scored(unit, values, clusters, slices, n_resamples=n_resamples, seed=seed)
        for unit, clusters, values, slices in judged
    )
    return Slices(scores, uses.reachable(n_hashtags))


class _Uses:
    """The hashtags of the test posts, one entry for each post and hashtag."""

    def __init__(self, posts: pl.DataFrame, test: pl.DataFrame, delay: int) -> None:
        self.delay = delay
        all_labels = Ragged.from_series(posts["labels"])
        all_times = np.repeat(posts["time"].to_numpy(), all_labels.lengths)
        values = all_labels.values.astype(np.int64)
        first_use = np.full(int(values.max(initial=0)) + 1, np.iinfo(np.int64).max)
        np.minimum.at(first_use, values, all_times)
        self.labels = Ragged.from_series(test["labels"])
        self.post = np.repeat(np.arange(len(test)), self.labels.lengths)
        self.label = self.labels.values.astype(np.int64)
        times = test["time"].to_numpy()[self.post]
        self.age = times - first_use[self.label]
        self.known = Known(values, all_times).before(self.label, times - delay)

    def places(self, top_labels: pl.Series) -> torch.Tensor:
        """Return (U, 10) bool: the rank of each hashtag among the labels that are not true."""
        top = Ragged.from_series(top_labels.list.head(_DEPTH))
        ranked = top.padded(np.arange(len(top)), fill=-1, min_width=_DEPTH)
        at = ranked[self.post] == self.label[:, None]
        place = at.argmax(1)
        hit = at.any(1)
        true = np.zeros(ranked.shape, dtype=np.int64)
        true[self.post[hit], place[hit]] = 1
        before = np.concatenate([np.zeros((len(true), 1), np.int64), true.cumsum(1)], axis=1)
        places = np.zeros(at.shape, dtype=bool)
        places[hit.nonzero()[0], place[hit] - before[self.post[hit], place[hit]]] = True
        return torch.from_numpy(places)

    def slices(self) -> Iterator[_Slice]:
        yield _Slice("age of the hashtag", "first use of all", self.age == 0)
        days = self.age / DAY
        for name, rows in _binned(days, (0, *AGES), "days"):
            yield _Slice("age of the hashtag", name, rows & (self.age > 0))
        known = self.known > 0
        yield _Slice("hashtag known a delay before", "known", known)
        yield _Slice("hashtag known a delay before", "not known", ~known)
        for name, rows in _counted(self.known, USES):
            yield _Slice("posts that used it before", name, rows)

    def reachable(self, n_hashtags: torch.Tensor) -> dict[str, Any]:
        n_posts = len(self.labels)
        n_known = np.bincount(self.post, self.known > 0, minlength=n_posts).astype(np.int64)
        ideal = torch.from_numpy(np.arange(_DEPTH) < n_known[:, None])
        best = open_scores(ideal, torch.from_numpy(n_known), n_hashtags, _KS)
        means = column_means(_columns(best, "open_"))
        return {
            "posts": n_posts,
            "hashtags": len(self.post),
            "posts_with_a_known_hashtag": float((n_known > 0).mean()),
            "known_hashtags": float((self.known > 0).mean()),
            "best_possible": dict(zip(METRICS, means.tolist(), strict=True)),
        }


def _post_slices(posts: pl.DataFrame, test: pl.DataFrame, uses: _Uses) -> Iterator[_Slice]:
    yield _Slice("all", "all test posts", np.ones(test.height, dtype=bool))
    months = test["created_at"].dt.strftime("%Y-%m")
    for month in months.unique().sort():
        yield _Slice("month", month, (months == month).to_numpy())
    times, known_times = test["time"].to_numpy(), test["time"].to_numpy() - uses.delay
    all_times = posts["time"].to_numpy()
    authors = test["author"].to_numpy()
    if (authors >= 0).any():
        written = Known(posts["author"].to_numpy(), all_times).before(authors, known_times)
        names = ("new", "known", "unnamed")
        rows = ((authors >= 0) & (written == 0), written > 0, authors < 0)
        yield from (_Slice("author", *pair) for pair in zip(names, rows, strict=True))
    copies = Known(posts["group"].to_numpy(), all_times)
    groups = test["group"].to_numpy()
    older, known = copies.before(groups, times) > 0, copies.before(groups, known_times) > 0
    yield _Slice("near-duplicate", "of no earlier post", ~older)
    yield _Slice("near-duplicate", "of a post younger than the delay", older & ~known)
    yield _Slice("near-duplicate", "of a known post", known)
    has_known = np.bincount(uses.post, uses.known > 0, minlength=test.height) > 0
    yield _Slice("hashtags of the post", "at least one known", has_known)
    yield _Slice("hashtags of the post", "none known", ~has_known)
    words = test["clean"].str.count_matches(r"\S+").to_numpy()
    for name, rows_of_length in _counted(words, WORDS):
        yield _Slice("words of the text", name, rows_of_length)


def _binned(
    values: np.ndarray, edges: Sequence[float], unit: str
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and rows of each bin from one edge to below the next, the last one open."""
    for low, high in pairwise(edges):
        name = f"under {high} {unit[: -1 if high == 1 else None]}" if not low else None
        yield name or f"{low} to {high} {unit}", (values >= low) & (values < high)
    yield f"over {edges[-1]} {unit}", values >= edges[-1]


def _counted(values: np.ndarray, tops: Sequence[int]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and rows of each bin of counts up to one of the tops, the last one open."""
    below = -1
    for top in tops:
        name = f"{top:,}" if top == below + 1 else f"{below + 1:,} to {top:,}"
        yield name, (values > below) & (values <= top)
        below = top
    yield f"over {below:,}", values > below


def _columns(scores: dict[str, torch.Tensor], prefix: str = "") -> np.ndarray:
    return np.stack([scores[f"{prefix}{name}"].numpy() for name in METRICS], axis=1)


def _scored(
    unit: str,
    values: np.ndarray,
    clusters: np.ndarray,
    slices: list[_Slice],
    *,
    n_resamples: int,
    seed: int,
) -> pl.DataFrame:
    """Return means and intervals of (N, M) scores over each slice that has rows."""
    slices = [one for one in slices if one.rows.any()]
    columns = np.concatenate(
        [np.where(one.rows[:, None], values, np.nan) for one in slices], axis=1
    )
    means = column_means(columns)
    # Float32 sums put a mean of zeros just below 0.
    resampled = cluster_bootstrap(columns, clusters, n_resamples, seed).clip(0, 1)
    rows = [
        (one.dimension, one.name, unit, int(one.rows.sum()), metric)
        for one in slices
        for metric in METRICS
    ]
    intervals = [
        percentile_interval(float(mean), drawn)
        for mean, drawn in zip(means, resampled.T, strict=True)
    ]
    header = ("dimension", "slice", "unit", "n", "metric", "mean", "low", "high")
    lines = [(*row, *interval) for row, interval in zip(rows, intervals, strict=True)]
    return pl.DataFrame(lines, schema=list(header), orient="row")
