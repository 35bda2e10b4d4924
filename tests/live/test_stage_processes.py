"""Processes that replay posts end with the one that started them, and say what went wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tagfinder.errors import TagFinderError, WorkError
from tagfinder.live.features.table import SOURCES
from tagfinder.live.post import Post
from tagfinder.live.ranking.dataset import RankingDataset
from tagfinder.live.stage import ReplaySettings, Stage
from tagfinder.live.stage_processes import StageProcesses, Work
from tagfinder.live.training_progress import TrainingProgress

pytest.importorskip("tantivy", reason="needs tantivy")

CODE = """
import sys
from pathlib import Path
from tagfinder.commands.stopping import ended_by_sigterm
sys.path += {tests!r}
from test_stage_processes import replaying
with ended_by_sigterm(), replaying(Path(sys.argv[1]), 2) as others:
    print(*[process.pid for process in others._running.values()], flush=True)
    while not others.have_ended():
        pass
"""


def work(folder: Path, neighbours: object = 10) -> Work:
    """Return posts that take minutes to replay."""
    n = 20_000
    posts = [
        Post(f"{n}", 18_000 + n / 100, f"a{n % 50}", f"w{n % 900}", ("tag",)) for n in range(n)
    ]
    settings = ReplaySettings(
        sources=frozenset(SOURCES) - {"meaning", "classifier"},
        delay_days=1.0,
        author=True,
        also_without_author=False,
        hidden_author_share=1.0,
        top_k=5,
        knowledge={"neighbours": neighbours},
        seed=1,
    )
    positions = np.arange(1_000, n)
    blocks = np.array([0, len(positions)])
    stage = Stage(
        *("stage", posts, None, {}, settings, positions, positions, blocks),
        dataset=RankingDataset(5, seed=1),
    )
    return Work(stage, TrainingProgress(folder / "progress", ""), [0])


@contextmanager
def replaying(folder: Path, n: int, neighbours: object = 10) -> Iterator[StageProcesses]:
    """Start processes that replay posts."""
    workshop = folder / "workshop"
    workshop.mkdir()
    with StageProcesses(work(folder, neighbours), workshop, n) as others:
        yield others


def awaited(happens: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.05)


def runs(process: int) -> bool:
    """Tell whether a process runs; one that ended may wait for its end to be noticed."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("ends", [signal.SIGTERM, signal.SIGKILL])
def test_they_end_with_the_process_that_started_them(ends: signal.Signals, tmp_path: Path) -> None:
    code = CODE.format(tests=[str(folder) for folder in Path(__file__).parents[:2]])
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        others = [int(number) for number in parent.stdout.readline().split()]
        # One of them has begun with the only block.
        awaited((tmp_path / "workshop" / "0.claimed").exists)
        assert len(others) == 2
        assert runs(others[0]) or runs(others[1])
        parent.send_signal(ends)
        parent.wait(10)
        awaited(lambda: not any(map(runs, others)))


def test_an_error_of_one_is_raised_as_a_sentence(tmp_path: Path) -> None:
    with replaying(tmp_path, 1, neighbours="many") as others:
        with pytest.raises(TagFinderError, match=r"unexpected TypeError \(.*\); --debug") as caught:
            awaited(others.have_ended)
        assert "Traceback" in str(caught.value.__cause__)


def test_one_that_is_killed_is_noticed(tmp_path: Path) -> None:
    with replaying(tmp_path, 1) as others:
        awaited((tmp_path / "workshop" / "0.claimed").exists)
        (process,) = others._running.values()
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(WorkError, match=r"ended with code -9 .*fewer model.processes"):
            awaited(others.have_ended)
