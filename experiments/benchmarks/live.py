"""How teaching and asking a live run cost as posts grow, against training a closed one again.

    python experiments/benchmarks/live.py posts.parquet

Teaches the corpus's posts into a folder on disk, and at 1/16, 1/4 and all of them learns the
classifier and the rankers and asks about some posts that were not taught yet, on one core. Prints
posts taught a second, milliseconds a suggestion with the author known and hidden, bytes of memory a
post of a process that opens the folder and suggests, bytes of disk a post, and the seconds of the
classifier. Then the text index, which has many small segments, is rebuilt as one, as training
leaves it, and queried again. At last, teaching one day's posts is compared with training TF-IDF +
linear SVM on all posts so far, as a closed recommender needs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import polars as pl
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from tagfinder.configuration.application import register_resolvers
from tagfinder.configuration.build import build
from tagfinder.corpus.hashtags import extract
from tagfinder.live.durable import WORDS, DurableKnowledge
from tagfinder.live.features.query import Query
from tagfinder.live.features.table import SOURCES, column_names
from tagfinder.live.post import Post
from tagfinder.live.ranking.dataset import RankingDataset
from tagfinder.live.ranking.ensemble import RankerEnsemble
from tagfinder.live.ranking.ranker import RankerSettings
from tagfinder.paths import conf_dir

MICROSECONDS_A_DAY = 86_400e6
ASKED = 500
BLOCK = 5_000
# All but the evidence of an encoder, which is left out here.
WITHOUT_ENCODER = [part for part in SOURCES if part != "meaning"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    arguments = parser.parse_args()
    posts = read(arguments.corpus)
    model = live_settings()
    with tempfile.TemporaryDirectory() as folder:
        knowledge, settings = Path(folder) / "knowledge", dict(model.knowledge)
        durable = DurableKnowledge(knowledge, writable=True, settings=settings)
        taught, seconds = 0, 0.0
        for size in (len(posts) // 16, len(posts) // 4, len(posts) - ASKED):
            started, before = time.perf_counter(), taught
            while taught < size:
                durable.teach(posts[taught : min(taught + BLOCK, size)])
                taught = min(taught + BLOCK, size)
            seconds = time.perf_counter() - started
            started = time.perf_counter()
            durable.train_classifiers()
            learning = time.perf_counter() - started
            asked = posts[taught : taught + ASKED]
            rankers = learned(durable, asked, model)
            spent = latencies(durable, rankers, asked)
            durable.close()
            held = memory_of_asking(knowledge, settings, asked)
            durable = DurableKnowledge(knowledge, writable=True, settings=settings)
            print(
                f"{taught:,} posts: {(taught - before) / seconds:,.0f} taught a second, "
                f"{spent}, {held / taught:,.0f} bytes of memory and "
                f"{size_on_disk(Path(folder)) / taught:,.0f} of disk a post; classifier learned "
                f"in {learning:.0f} s",
                flush=True,
            )
        durable.close()
        shutil.rmtree(knowledge / WORDS)
        started = time.perf_counter()
        durable = DurableKnowledge(knowledge, writable=True, settings=settings)
        seconds = time.perf_counter() - started
        print(
            f"text index rebuilt in {seconds:.0f} s: {latencies(durable, rankers, asked)}",
            flush=True,
        )
        started = time.perf_counter()
        durable.teach(asked)
        one_day = time.perf_counter() - started
        again = fitted_again(posts[:taught])
        print(
            f"{len(asked)} new posts: taught in {one_day:.2f} s; TF-IDF + linear SVM fitted again "
            f"on {taught:,} posts, 50 hashtags: {again:.1f} s; ratio {again / one_day:.0f}"
        )
        durable.close()


def live_settings() -> DictConfig:
    """Return the settings of `model=live`."""
    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        settings: DictConfig = compose("config", ["model=live", "protocol=live"]).model
    return settings


def read(file: Path) -> list[Post]:
    """Read a corpus as posts in order of time, cleaned as under protocol=live."""
    frame = pl.read_parquet(file).filter(pl.col("created_at").is_not_null()).sort("created_at")
    cleaning = build(OmegaConf.load(conf_dir() / "cleaning" / "live.yaml"))
    days = frame["created_at"].dt.timestamp("us") / MICROSECONDS_A_DAY
    columns = (days, frame["entity_name"], cleaning.clean(frame["text"]), extract(frame["text"]))
    return [
        Post(str(row), day, author, text, tuple({tag.lower(): tag for tag in tags}.values()))
        for row, (day, author, text, tags) in enumerate(zip(*columns, strict=True))
    ]


def learned(durable: DurableKnowledge, dataset: list[Post], model: DictConfig) -> RankerEnsemble:
    """Learn rankers of the usual size from posts that were not taught yet.

    Their quality does not matter here, but their trees do, which are of another shape where a post
    finds itself among its neighbours.
    """
    gathered = RankingDataset(limit=model.knowledge.max_candidates, seed=1)
    number_of = durable.knowledge.statistics.hashtags.number_of
    for number, post in enumerate(dataset):
        true = [number_of.get(hashtag.lower(), -1) for hashtag in post.hashtags]
        for author in (post.author, None):
            asked = query(durable, replace(post, author=author))
            found = durable.knowledge.candidates(asked, WITHOUT_ENCODER)
            truth = np.isin(found.hashtags, true)
            gathered.add(number, asked, found.features, truth)
    settings = replace(RankerSettings(**model.ranker), unknown_author_min_posts=1)
    return RankerEnsemble.learn(column_names(WITHOUT_ENCODER), gathered, settings, seed=1)


def query(durable: DurableKnowledge, post: Post) -> Query:
    """Look up what is like a post."""
    return durable.knowledge.query(post.text, post.day, post.author, WITHOUT_ENCODER)


def latencies(durable: DurableKnowledge, rankers: RankerEnsemble, posts: list[Post]) -> str:
    """Return in words how long suggestions for some posts take, with their authors and without."""
    said = []
    for name, asked in (
        ("author known", posts),
        ("hidden", [replace(post, author=None) for post in posts]),
    ):
        spent = np.array([suggestion(durable, rankers, post) for post in asked]) * 1e3
        median, late = np.median(spent), np.percentile(spent, 99)
        said.append(f"{median:.1f} ms a suggestion, {name} (p99 {late:.1f})")
    return ", ".join(said)


def suggestion(durable: DurableKnowledge, rankers: RankerEnsemble, post: Post) -> float:
    """Return the seconds that one suggestion takes, from the cleaned text to five hashtags."""
    started = time.perf_counter()
    asked = query(durable, post)
    rankers.best(asked, durable.knowledge.candidates(asked, WITHOUT_ENCODER), 5)
    return time.perf_counter() - started


def fitted_again(posts: list[Post]) -> float:
    """Return the seconds of fitting a closed recommender on all posts so far."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.preprocessing import MultiLabelBinarizer
    from sklearn.svm import LinearSVC

    started = time.perf_counter()
    tags = [[tag.lower() for tag in post.hashtags] for post in posts]
    counts = pl.Series([tag for of_post in tags for tag in of_post]).value_counts(sort=True)
    top = set(counts.get_column(counts.columns[0]).head(50).to_list())
    kept = [(post.text, top & set(tag)) for post, tag in zip(posts, tags, strict=True)]
    covered = [(text, tag) for text, tag in kept if tag]
    inputs = TfidfVectorizer().fit_transform([text for text, _ in covered])
    labels = MultiLabelBinarizer().fit_transform([tag for _, tag in covered])
    OneVsRestClassifier(LinearSVC()).fit(inputs, labels)
    return time.perf_counter() - started


def memory_of_asking(folder: Path, settings: dict[str, Any], asked: list[Post]) -> int:
    """Return the bytes that a process holds for a folder that it opened and asked."""
    # A fresh process: in this one, what teaching has left behind would be counted as well.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_held_when_asked, folder, settings, asked).result()


def _held_when_asked(folder: Path, settings: dict[str, Any], asked: list[Post]) -> int:
    before = statistics()
    with DurableKnowledge(folder, settings=settings) as durable:
        for post in asked:
            durable.knowledge.candidates(query(durable, post), WITHOUT_ENCODER)
        return statistics() - before


def statistics() -> int:
    """Return the bytes of main memory that this process holds, mapped files left out."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


def size_on_disk(folder: Path) -> int:
    """Return the bytes of a folder's files."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
