"""Ranks posts of a timeline, each from earlier posts only, and collects training examples."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from tagfinder.corpus.prepared import Part
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.ranking.dataset import RankingDataset
from tagfinder.live.ranking.ensemble import RankerEnsemble
from tagfinder.live.rankings import RankedPart
from tagfinder.live.retraining import POLL_SECONDS, Retraining
from tagfinder.live.stage import ReplaySettings, Stage, StageReplay
from tagfinder.live.stage_processes import StageProcesses, Work
from tagfinder.live.timeline import LiveFeatures
from tagfinder.live.training_progress import BLOCK, TrainingProgress, unpack
from tagfinder.progress import track

# Fewest posts for which one more process is started: it takes seconds until it has counted the
# posts before.
POSTS_OF_A_PROCESS = 3_000


class TimelineRanking:
    """Replays the timeline of a corpus, from its first post for each part.

    Args:
        features: fitted, with the timeline and the vectors.
        label_of: lower-case hashtag -> label index.
        settings: how posts become queries.
        progress: keeps finished work, so that a training that was stopped can continue; None keeps
            nothing.
        processes: most processes that replay posts, this one included. Results do not depend on it.

    Attributes:
        classifiers: part -> classifiers before its first query, so that the part can be ranked
            again with the same result.
    """

    def __init__(
        self,
        features: LiveFeatures,
        label_of: Mapping[str, int],
        settings: ReplaySettings,
        progress: TrainingProgress | None = None,
        processes: int = 1,
    ) -> None:
        assert features.timeline is not None
        self.timeline = features.timeline
        self.settings = settings
        self.progress = progress
        self.processes = processes
        self.classifiers: dict[str, dict[str, Any]] = {}
        self._vectors = features.vectors if "meaning" in settings.sources else None
        self._label_of = label_of
        self._replay: StageReplay | None = None
        self._last_classifiers: dict[str, Any] | None = None

    def teach_all(self) -> Knowledge:
        """Return knowledge of all posts of the timeline, with the classifiers of the last stage."""
        nothing = np.empty(0, np.int64)
        replay = self._replay or StageReplay(self._stage("none", nothing, nothing), None)
        return replay.teach_all(self._last_classifiers)

    def collect(self, positions: np.ndarray, dataset: RankingDataset) -> None:
        """Add posts before the validation part to a dataset.

        Args:
            positions: of the posts in the timeline, in order of time.
            dataset: is extended.

        Raises:
            TagFinderError: a process failed.
        """
        stage = self._stage("before_val", positions, positions, dataset=dataset.empty())
        self._run(stage, None, dataset)
        if self._last_classifiers is not None:
            self.classifiers["val"] = self._last_classifiers

    def rank(
        self,
        part: Part,
        positions: np.ndarray,
        rankers: RankerEnsemble,
        dataset: RankingDataset | None = None,
    ) -> RankedPart:
        """Rank posts of a part in order of time.

        Args:
            part: which part.
            positions: of the posts in the timeline.
            rankers: rank the candidates.
            dataset: is extended by the posts, if given.

        Raises:
            TagFinderError: a process failed.
        """
        of_part = self.timeline.positions[part]
        row_of = {int(position): row for row, position in enumerate(of_part)}
        ranked = RankedPart.empty(len(of_part), self.settings.top_k)
        again = part == "test" and self.settings.also_without_author
        ordered = np.sort(positions)
        stage = self._stage(
            part,
            ordered,
            np.array([row_of[position] for position in ordered.tolist()], np.int64),
            # Without the trainer's own objects, which are large.
            rankers=RankerEnsemble.from_state(rankers.arrays()),
            hidden=self.settings.author and (dataset is not None or again),
            dataset=None if dataset is None else dataset.empty(),
            # From before the part, so that a part that is ranked again has the same result.
            classifiers=self.classifiers.get(part),
        )
        self._run(stage, ranked, dataset)
        if part == "val" and dataset is not None and self._last_classifiers is not None:
            self.classifiers["test"] = self._last_classifiers
        return ranked

    def _stage(self, name: str, positions: np.ndarray, rows: np.ndarray, **more: Any) -> Stage:
        return Stage(
            name,
            self.timeline.posts,
            self._vectors,
            self._label_of,
            self.settings,
            positions,
            rows,
            np.append(np.arange(0, len(positions), BLOCK), len(positions)),
            **more,
        )

    def _run(self, stage: Stage, ranked: RankedPart | None, dataset: RankingDataset | None) -> None:
        """Replay the blocks of a stage that are not kept, and take over what all of them give."""
        self._replay = None
        numbers = range(len(stage.blocks) - 1)
        with self._keeping() as progress:
            missing = [n for n in numbers if not progress.has_block(stage.name, n)]
            self._replay_blocks(Work(stage, progress, missing))
            for number in numbers:
                arrays = progress.block(stage.name, number)
                while arrays is None:  # It was damaged.
                    self._replay_blocks(Work(stage, progress, [number]))
                    arrays = progress.block(stage.name, number)
                unpack(arrays, ranked, dataset)
            self._last_classifiers = Retraining(stage, progress).last()

    @contextmanager
    def _keeping(self) -> Iterator[TrainingProgress]:
        """Yield where finished work is kept, for the time of a block if it is not to stay."""
        if self.progress is not None:
            yield self.progress
            return
        with TemporaryDirectory(prefix="tagfinder-replay-") as folder:
            yield TrainingProgress(Path(folder) / "progress", "")

    def _replay_blocks(self, work: Work) -> None:
        if not work.blocks:
            return
        stage, sizes = work.stage, np.diff(work.stage.blocks)[list(work.blocks)]
        n_posts = int(sizes.sum())
        more = min(self.processes, n_posts // POSTS_OF_A_PROCESS) - 1
        title = f"{stage.name.replace('_', ' ')}: replaying"
        with (
            work.progress.workshop() as folder,
            StageProcesses(work, folder, max(more, 0)) as others,
        ):
            replayed = self._replayed(work, folder, others, alone=more < 1)
            for _ in track(replayed, title, total=n_posts):
                pass

    def _replayed(
        self, work: Work, folder: Path, others: StageProcesses, *, alone: bool
    ) -> Iterator[None]:
        """Replay blocks beside other processes; yield once for each post that any has replayed."""
        retraining = Retraining(work.stage, work.progress)
        awaited = partial(retraining.awaited, check=others.check)
        self._replay = StageReplay(work.stage, retraining.state_of if alone else awaited)
        waiting = list(work.blocks)
        for number in work.claimed(folder):
            # One thread for each process, so that results do not depend on the number of cores.
            with threadpool_limits(1):
                work.replay(number, self._replay)
            others.check()
            yield from _replayed_posts(work, waiting)
        while not others.have_ended():
            time.sleep(POLL_SECONDS)
            yield from _replayed_posts(work, waiting)


def _replayed_posts(work: Work, waiting: list[int]) -> Iterator[None]:
    """Yield once for each post of the blocks that are kept now; these wait no longer."""
    stage = work.stage
    kept = [number for number in waiting if work.progress.has_block(stage.name, number)]
    for number in kept:
        waiting.remove(number)
        yield from [None] * int(stage.blocks[number + 1] - stage.blocks[number])
