"""What replaying posts for the training of model=live costs, by the number of processes.

    folder=$(tagfinder prepare protocol=live data=files data.path=posts.parquet)
    python experiments/benchmarks/replay.py "$folder" [--posts 6000] [--processes 1 2]

Replays the last posts before the validation part, each with its author known and hidden, as the
first stage of training does, without an encoder. Prints for each number of processes the seconds
that passed and the seconds of processor time of all processes, per replayed post and in all, and
the ratio of the former to those of the first number. Ends with 1 if any two results differ. On a
machine with other work only the processor time is worth reading.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from tagfinder.configuration.application import register_resolvers
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.live.features.table import SOURCES
from tagfinder.live.ranking.dataset import RankingDataset
from tagfinder.live.stage import ReplaySettings
from tagfinder.live.timeline import LiveFeatures
from tagfinder.live.timeline_ranking import TimelineRanking
from tagfinder.paths import conf_dir


def main() -> None:
    """Replay with each number of processes and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--posts", type=int, default=6000)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    features = LiveFeatures()
    features.fit(PreparedCorpus(arguments.corpus))
    settings = live_settings()
    digests, first = set(), 0.0
    for processes in arguments.processes:
        started, used = time.perf_counter(), processor_seconds()
        digests.add(replayed(features, settings, arguments.posts, processes))
        seconds, used = time.perf_counter() - started, processor_seconds() - used
        first = first or seconds
        print(
            f"{processes} processes, {arguments.posts:,} posts: {seconds:.1f} s "
            f"(ratio {first / seconds:.2f}), {used:.1f} s of processor time, "
            f"{used / arguments.posts * 1e3:.2f} ms a post",
            flush=True,
        )
    sys.exit(len(digests) > 1)


def live_settings() -> ReplaySettings:
    """Return the settings of `model=live` without an encoder."""
    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        model = compose("config", ["model=live", "protocol=live"]).model
    return ReplaySettings(
        sources=frozenset(SOURCES) - {"meaning"},
        delay_days=model.delay_days,
        author=True,
        also_without_author=False,
        hidden_author_share=1.0,
        top_k=5,
        knowledge=OmegaConf.to_container(model.knowledge),  # type: ignore[arg-type]
        seed=1,
    )


def replayed(features: LiveFeatures, settings: ReplaySettings, n: int, processes: int) -> str:
    """Replay posts; return a digest of their examples."""
    assert features.timeline is not None
    dataset = RankingDataset(limit=25, seed=1)
    ranking = TimelineRanking(features, {}, settings, processes=processes)
    ranking.collect(np.sort(features.timeline.positions["train"])[-n:], dataset)
    digest = sha256()
    for values, truth in dataset.known_author + dataset.unknown_author:
        digest.update(values.tobytes() + truth.tobytes())
    return digest.hexdigest()


def processor_seconds() -> float:
    """Return the processor time of this process and of the ones that it has waited for."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(one)[:2]) for one in whose)


if __name__ == "__main__":
    main()
