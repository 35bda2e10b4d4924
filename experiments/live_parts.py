"""The gain from each source's features for the live recommender, on posts of the test part.

    folder=$(tagfinder prepare protocol=live data=files data.path=posts.parquet)
    python experiments/live_parts.py "$folder" [--encoder] [--learn 10000] [--test 4000]

Goes through the corpus once in order of time. It keeps the candidates' features of posts that are
drawn from the validation part, for training, and from the test part, for scoring. One ranker is
trained on all columns, and one for each source without its columns. The candidates stay the same,
so this measures the features of a source, not its candidates. The author of a third of the posts is
hidden; these are scored separately.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from tabulate import tabulate

from tagfinder.configuration.application import register_resolvers
from tagfinder.configuration.build import build
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.evaluation.metrics import ranking_scores
from tagfinder.live.features.table import SOURCES, column_names
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.ranking.dataset import RankingDataset
from tagfinder.live.ranking.ensemble import RankerEnsemble
from tagfinder.live.ranking.ranker import RankerSettings
from tagfinder.live.replay import LabelledQuery, Replay
from tagfinder.live.search.tantivy_index import TantivyIndex
from tagfinder.live.search.vector_index import VectorIndex
from tagfinder.live.timeline import LiveFeatures
from tagfinder.paths import conf_dir
from tagfinder.progress import track

HIDDEN_SHARE = 1 / 3
TOP_K = 5
DELAY_DAYS = 1.0


def main() -> None:
    """Go through the corpus, learn, judge, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--encoder", action="store_true")
    parser.add_argument("--learn", type=int, default=10_000)
    parser.add_argument("--test", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("config", ["model=live", "protocol=live", "+encoder=minilm"])
    model = config.model
    features = LiveFeatures(encoder=build(config.encoder) if arguments.encoder else None)
    features.fit(PreparedCorpus(arguments.corpus))
    sources = [part for part in SOURCES if arguments.encoder or part != "meaning"]
    rng = np.random.default_rng(arguments.seed)
    replay = replay_of(features, model)
    dataset = asked(replay, drawn(features, "val", arguments.learn, rng), sources, rng)
    judged = asked(replay, drawn(features, "test", arguments.test, rng), sources, rng)
    rows = []
    for left_out in (None, *sources):
        kept = columns_without(sources, left_out)
        rankers = learned(dataset, kept, sources, model, arguments.seed)
        rows.append([left_out or "nothing", *scores(rankers, kept, judged, replay)])
    headers = ("left out", "NDCG@5", "hit rate@5", "NDCG@5, hidden", "hit rate@5, hidden")
    print(tabulate(rows, headers, tablefmt="github", floatfmt=".3f"))


def replay_of(features: LiveFeatures, model: DictConfig) -> Replay:
    """Return a replay that has taught nothing yet."""
    assert features.timeline is not None
    index = VectorIndex(features.dimension) if features.frozen else None
    knowledge = Knowledge(TantivyIndex(), index, **model.knowledge)
    return Replay(knowledge, features.timeline.posts, DELAY_DAYS, features.vectors)


def drawn(features: LiveFeatures, part: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw posts of a part, in order of time."""
    assert features.timeline is not None
    positions = features.timeline.positions[part]  # type: ignore[index]
    return np.sort(rng.choice(positions, min(n, len(positions)), replace=False))


def asked(
    replay: Replay, positions: np.ndarray, sources: Collection[str], rng: np.random.Generator
) -> list[tuple[LabelledQuery, bool]]:
    """Ask about posts; return each with whether its author was hidden."""
    hidden = rng.random(len(positions)) < HIDDEN_SHARE
    return [
        (replay.query(position, sources, with_author=not hides), bool(hides))
        for position, hides in track(zip(positions.tolist(), hidden, strict=True), "asking")
    ]


def columns_without(sources: Collection[str], left_out: str | None) -> np.ndarray:
    """Return the places of the columns that are left without a source."""
    names = column_names(sources)
    rest = set(column_names([part for part in sources if part != left_out]))
    return np.array([place for place, name in enumerate(names) if name in rest])


def learned(
    dataset: Sequence[tuple[LabelledQuery, bool]],
    kept: np.ndarray,
    sources: Collection[str],
    model: DictConfig,
    seed: int,
) -> RankerEnsemble:
    """Learn a ranker from some columns, and from some of each post's candidates."""
    gathered = RankingDataset(model.train_candidates, seed)
    for one, _ in dataset:
        gathered.add(one.position, one.query, one.candidates.features[:, kept], one.truth)
    names = column_names(sources)
    columns, settings = [names[place] for place in kept], RankerSettings(**model.ranker)
    return RankerEnsemble.learn(columns, gathered, settings, seed)


def scores(
    rankers: RankerEnsemble,
    kept: np.ndarray,
    judged: Sequence[tuple[LabelledQuery, bool]],
    replay: Replay,
) -> list[float]:
    """Return NDCG@5 and hit rate@5, with the author known and with it hidden."""
    found = np.zeros((len(judged), TOP_K), dtype=bool)
    for row, (one, _) in enumerate(judged):
        best, _ = rankers.for_query(one.query).best(one.candidates.features[:, kept], TOP_K)
        found[row, : len(best)] = one.truth[best]
    n_true = np.array([len(replay.posts[one.position].hashtags) for one, _ in judged])
    hidden = np.array([hides for _, hides in judged])
    result = []
    for rows in (~hidden, hidden):
        values = ranking_scores(torch.from_numpy(found[rows]), torch.from_numpy(n_true[rows]), [5])
        result += [float(values["ndcg@5"].mean()), float(values["hit_rate@5"].mean())]
    return result


if __name__ == "__main__":
    main()
