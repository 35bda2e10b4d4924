"""A seeded world of posts, and digests of everything that the live recommender makes of it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from golden_digests import digest

from tagfinder.live.classify.classifiers import Classifiers
from tagfinder.live.counts.statistics import PostStatistics
from tagfinder.live.counts.statistics_file import save_statistics
from tagfinder.live.features.query import Query
from tagfinder.live.features.table import SOURCES, column_names
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.post import Post
from tagfinder.live.ranking.dataset import RankingDataset
from tagfinder.live.ranking.ensemble import RankerEnsemble
from tagfinder.live.ranking.ranker import RankerSettings
from tagfinder.live.replay import LabelledQuery, Replay
from tagfinder.live.search.text_index import Entry, Neighbours
from tagfinder.live.search.vector_index import VectorIndex
from tagfinder.live.tokens import tokenize

N_POSTS, N_QUERIES, N_TOPICS, N_AUTHORS = 2_000, 300, 25, 60
DIMENSION = 8
CLASSIFIER = {
    "interval_days": 20,
    "window_days": 60,
    "min_uses": 3,
    "dimension": 8,
    "epochs": 2,
    "warm_start_epochs": 1,
    "learning_rate": 0.05,
}
RANKER = RankerSettings(
    num_iterations=20,
    num_leaves=7,
    learning_rate=0.1,
    min_data_in_leaf=5,
    feature_fraction=0.5,
    bagging_fraction=0.7,
    unknown_author_objectives=("lambdarank", "rank_xendcg"),
    unknown_author_min_posts=50,
)
SHORT = 40
ALL = 100_000


class ExactIndex:
    """A text index that scores every post that holds a word, ties in order of number.

    Engines break ties by where a post lies on their disk, which differs from run to run.
    """

    def __init__(self) -> None:
        self._waiting: list[Entry] = []
        self._authors: list[int] = []
        self._lengths: list[int] = []
        self._posts_with: dict[str, list[tuple[int, int]]] = {}

    def add(self, entries: Sequence[Entry]) -> None:
        self._waiting += entries

    def delete(self, numbers: Sequence[int]) -> None:
        raise NotImplementedError

    def commit(self) -> None:
        for entry in self._waiting:
            assert entry.number == len(self._authors)
            self._authors.append(entry.author)
            self._lengths.append(len(entry.words))
            for word, count in Counter(entry.words).items():
                self._posts_with.setdefault(word, []).append((entry.number, count))
        self._waiting = []

    def search(
        self, words: Sequence[str], k: int, author: int | None = None, since: int = 0
    ) -> Neighbours:
        scores = np.zeros(len(self._authors))
        mean = max(sum(self._lengths), 1) / max(len(self._lengths), 1)
        for word in words:
            found = self._posts_with.get(word)
            if found:
                numbers, counts = np.array(found).T
                rarity = 1 / (len(numbers) + 0.5)
                lengths = np.array(self._lengths)[numbers] / mean
                scores[numbers] += rarity * counts / (counts + 0.3 + 0.9 * lengths)
        scores[:since] = 0
        if author is not None:
            scores[np.array(self._authors) != author] = 0
        best = np.argsort(-scores, kind="stable")[:k]
        best = best[scores[best] > 0]
        return Neighbours(best, scores[best].astype(np.float32))

    def last_number(self) -> int:
        return len(self._authors) - 1

    def close(self) -> None:
        pass


def world() -> tuple[list[Post], np.ndarray]:
    """Return posts in order of time, a day before which was last year's, and their vectors.

    Topics have their words, hashtags, authors and seasons; a fifth of the posts is unsigned.
    """
    draw = np.random.default_rng(17)
    days = np.sort(18_000 + 500 * draw.random(N_POSTS) ** 0.4)
    topics = draw.zipf(1.3, N_POSTS) % N_TOPICS
    centres = draw.normal(size=(N_TOPICS, DIMENSION))
    vectors = (centres[topics] + draw.normal(size=(N_POSTS, DIMENSION))).astype(np.float32)
    posts = []
    for number, topic in enumerate(topics.tolist()):
        word_numbers = draw.zipf(1.4, draw.integers(3, 15)) % 60
        words = [
            f"w{word}" if common else f"topic{topic} tag{topic}n{word % 8}"
            for word, common in zip(word_numbers, draw.random(len(word_numbers)) < 0.7, strict=True)
        ]
        numbers = np.unique(draw.zipf(1.5, draw.integers(1, 4)) % 8)
        hashtags = [f"Tag{topic}n{which}" for which in numbers]
        if draw.random() < 0.3:
            hashtags.append(f"Season{int(days[number]) // 10}")
        signed = draw.random() < 0.8
        author = f"author{(topic * 3 + draw.integers(0, 5)) % N_AUTHORS}" if signed else None
        text = " ".join(words)
        posts.append(Post(f"p{number}", float(days[number]), author, text, tuple(hashtags)))
    return posts, vectors


def replay(*, classified: bool) -> Replay:
    """Return a replay of the world that has taught nothing yet."""
    posts, vectors = world()
    knowledge = Knowledge(
        ExactIndex(),
        VectorIndex(DIMENSION),
        max_candidates=SHORT,
        classifier=CLASSIFIER if classified else None,
    )
    return Replay(knowledge, posts, 1.0, vectors)


def positions() -> list[int]:
    """Return which posts are queries, in order of time."""
    draw = np.random.default_rng(3)
    later = np.arange(N_POSTS // 3, N_POSTS)
    return np.sort(draw.choice(later, N_QUERIES, replace=False)).tolist()


def variants(
    asked: LabelledQuery, *, each_left_out: bool
) -> Iterator[tuple[str, Query, list[str]]]:
    """Yield a query with all sources, with hashtags that are typed, and with each left out."""
    yield "all", asked.query, [*SOURCES]
    typed = tuple(asked.candidates.hashtags[asked.truth][:2].tolist())
    yield "typed", dataclasses.replace(asked.query, typed=typed), [*SOURCES]
    for left_out in SOURCES if each_left_out else ():
        rest = [part for part in SOURCES if part != left_out]
        yield f"without {left_out}", asked.query, rest


def queries(*, classified: bool) -> tuple[dict[str, str], dict[str, str], list[LabelledQuery]]:
    """Return digests of candidates, digests of feature tables, and the queries with all sources.

    The candidates and tables are those before the short list, which has digests of its own.
    """
    replayed = replay(classified=classified)
    knowledge = replayed.knowledge
    candidates: dict[str, list[np.ndarray]] = {}
    tables: dict[str, list[np.ndarray]] = {}
    every = []
    for position in positions():
        known = replayed.query(position, SOURCES)
        for author, asked in (
            ("known", known),
            ("hidden", replayed.without_author(known, SOURCES)),
        ):
            every.append(asked)
            candidates.setdefault(f"short list, {author}", []).append(asked.candidates.hashtags)
            tables.setdefault(f"short list, {author}", []).append(asked.candidates.features)
            knowledge.max_candidates = ALL
            for name, query, sources in variants(asked, each_left_out=classified):
                rows = knowledge.candidates(query, sources)
                candidates.setdefault(f"{name}, {author}", []).append(rows.hashtags)
                tables.setdefault(f"{name}, {author}", []).append(rows.features)
            knowledge.max_candidates = SHORT
    return (
        {name: digest(arrays) for name, arrays in candidates.items()},
        {name: digest(arrays) for name, arrays in tables.items()},
        every,
    )


def columns() -> dict[str, str]:
    """Return digests of the names of columns, with all sources and with each left out."""
    rests = {left_out: [part for part in SOURCES if part != left_out] for left_out in SOURCES}
    without = {f"without {name}": digest(column_names(rest)) for name, rest in rests.items()}
    return {"all": digest(column_names(SOURCES)), **without}


def ranked(every: list[LabelledQuery]) -> dict[str, str]:
    """Return digests of the scores of rankers that learned from queries."""
    dataset = RankingDataset(20, seed=1)
    for asked in every:
        dataset.add(asked.position, asked.query, asked.candidates.features, asked.truth)
    rankers = RankerEnsemble.learn(column_names(SOURCES), dataset, RANKER, seed=1)
    scores: dict[str, list[np.ndarray]] = {"known": [], "hidden": [], "best, known": []}
    for asked in every:
        table = asked.candidates.features
        scores["known"].append(rankers.known_author.scores(table))
        scores["hidden"].append(rankers.mean.scores(table))
        scores["best, known"] += rankers.known_author.best(table, 5)
    return {name: digest(arrays) for name, arrays in scores.items()}


def counted(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return digests of the arrays of `memory.npz` after teaching and after forgetting.

    Those of whole numbers and text come first, then those of counts that fade and of days, which
    are drawn by a power.
    """
    replayed = replay(classified=False)
    replayed.teach_before(np.inf)
    statistics = replayed.knowledge.statistics
    arrays = {f"{name}, taught": array for name, array in _file(statistics, folder).items()}
    for number in np.random.default_rng(5).choice(N_POSTS, 200, replace=False).tolist():
        statistics.forget(number, tokenize(replayed.posts[number].text))
    arrays |= {f"{name}, forgotten": array for name, array in _file(statistics, folder).items()}
    fractions = {name for name, array in arrays.items() if array.dtype.kind == "f"}
    return (
        {name: digest([array]) for name, array in arrays.items() if name not in fractions},
        {name: digest([array]) for name, array in arrays.items() if name in fractions},
    )


def _file(statistics: PostStatistics, folder: Path) -> dict[str, np.ndarray]:
    save_statistics(statistics, folder / "memory.npz")
    with np.load(folder / "memory.npz") as arrays:
        return dict(arrays)


def classified() -> dict[str, str]:
    """Return digests of what the classifiers are after two periods."""
    replayed = replay(classified=True)
    replayed.teach_before(np.inf)
    knowledge = replayed.knowledge
    settings = knowledge.classifier_settings
    assert settings is not None
    before = None
    period = settings.period_of(18_480)
    for each in (period, period + 1):
        before = Classifiers.of_posts(
            each,
            enumerate(replayed.posts),
            knowledge.statistics,
            settings,
            before=before,
            vectors_of=knowledge.vector_index.vectors_of,  # type: ignore[union-attr]
        )
    assert before is not None
    digests = {}
    for name, one in (("hashtags", before.hashtags), ("writers", before.writers)):
        values = {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
        arrays = {key: value for key, value in values.items() if isinstance(value, np.ndarray)}
        digests |= {f"{name}.{key}": digest([value]) for key, value in arrays.items()}
    return digests


def live_digests(folder: Path) -> dict[str, dict[str, str]]:
    """Return all digests of the live recommender by group."""
    torch.set_num_threads(1)
    candidates, tables, _ = queries(classified=False)
    whole, fractions = counted(folder)
    with_classes, tables_with_classes, every = queries(classified=True)
    return {
        "columns": columns(),
        "candidates": candidates,
        "features": tables,
        "candidates with classifiers": with_classes,
        "features with classifiers": tables_with_classes,
        "scores": ranked(every),
        "counts, whole numbers": whole,
        "counts, fractions": fractions,
        "classifiers": classified(),
    }
