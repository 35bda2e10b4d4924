"""Processes that replay blocks of a stage together.

Each process counts all posts, which is cheap, and computes the features of the blocks that it
claims, which is not. So nothing but finished blocks passes between processes, through the disk.
Processes are programs of their own, not forks: a fork of a process whose libraries have threads
may hang. The standard input of each is a pipe from the process that started it; its end tells that
this one is gone, however it ended.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

from tagfinder.errors import InputError, WorkError, as_sentence
from tagfinder.files import read_json, write_json
from tagfinder.live.retraining import Retraining
from tagfinder.live.stage import Stage, StageReplay
from tagfinder.live.training_progress import TrainingProgress

# The process that first trains the classifiers, which the others wait for.
TRAINER = 1
END_SECONDS = 2.0
CODE = "import sys; sys.path[:] = {path!r}; from {module} import main; main({file!r}, {number})"
# Each process has one core.
ENVIRONMENT = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
)


@dataclass(frozen=True)
class Work:
    """What a process needs to replay blocks of a stage.

    Attributes:
        stage: the posts, and what is done with them.
        progress: keeps finished blocks and classifiers.
        blocks: numbers of the blocks that are to be replayed, ascending.
    """

    stage: Stage
    progress: TrainingProgress
    blocks: Sequence[int]

    def claimed(self, folder: Path) -> Iterator[int]:
        """Yield the blocks that no other process has claimed, as long as there are any.

        Args:
            folder: of the claims, empty before the first process began.
        """
        for number in self.blocks:
            with suppress(FileExistsError):
                (folder / f"{number}.claimed").open("x").close()
                yield number

    def replay(self, number: int, replay: StageReplay) -> None:
        """Replay a block and keep it."""
        self.progress.keep_block(self.stage.name, number, replay.block(number))


class StageProcesses:
    """Processes beside this one that replay blocks, in a `with` block.

    Args:
        work: what they do.
        folder: an empty one for their files.
        n: how many.
    """

    def __init__(self, work: Work, folder: Path, n: int) -> None:
        self._work, self._folder, self._n = work, folder, n
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> StageProcesses:
        """Start them."""
        file = self._folder / "work.pickle"
        with file.open("wb") as stream:
            pickle.dump(self._work, stream, pickle.HIGHEST_PROTOCOL)
        for number in range(1, self._n + 1):
            code = CODE.format(path=sys.path, module=__name__, file=str(file), number=number)
            with self._log(number).open("wb") as log:
                self._running[number] = subprocess.Popen(
                    [sys.executable, "-c", code],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **ENVIRONMENT},
                )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End those that still run."""
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait()
            if process.stdin is not None:
                process.stdin.close()

    def check(self) -> None:
        """Raise the error of a process that has failed.

        Raises:
            TagFinderError: as the process raised it, or it was ended.
        """
        for number, process in self._running.items():
            if process.poll():
                raise self._error_of(number, process.returncode)

    def have_ended(self) -> bool:
        """Tell whether all have done their work.

        Raises:
            TagFinderError: one has failed, see `check`.
        """
        self.check()
        return all(process.poll() is not None for process in self._running.values())

    def _error_of(self, number: int, code: int) -> InputError | WorkError:
        file = _error_file(self._folder, number)
        if file.is_file():
            kind, sentence, trace = read_json(file)
            known = InputError if kind == InputError.__name__ else WorkError
            error = known(sentence)
            error.__cause__ = RuntimeError(trace)
            return error
        said = self._log(number).read_text(errors="replace").split("\n")
        last = next((line for line in reversed(said) if line.strip()), "it left no message")
        return WorkError(
            f"a process that replays posts ended with code {code} ({last[:300]}); call again with "
            "resume=auto, which continues, and with fewer model.processes if memory was short"
        )

    def _log(self, number: int) -> Path:
        return self._folder / f"{number}.log"


def main(file: str, number: int) -> None:
    """Replay blocks in a process that `StageProcesses` started.

    Args:
        file: of the work; claims and errors go beside it.
        number: of the process.
    """
    # Ctrl-C reaches all processes of a terminal; the one that started this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    folder = Path(file).parent
    try:
        with Path(file).open("rb") as stream:
            work: Work = pickle.load(stream)
        _do(work, folder, number)
    except BaseException as error:
        sentence = as_sentence(error)
        facts = [type(sentence).__name__, str(sentence), traceback.format_exc()]
        write_json(_error_file(folder, number), facts)
        sys.exit(sentence.exit_code)


def _do(work: Work, folder: Path, number: int) -> None:
    retraining = Retraining(work.stage, work.progress)
    if number == TRAINER:
        retraining.train_from(int(work.stage.blocks[work.blocks[0]]))
    replay = StageReplay(work.stage, partial(retraining.awaited, check=lambda: None))
    for block in work.claimed(folder):
        work.replay(block, replay)


def _end_with_standard_input() -> None:
    """End this process when the one that started it is gone."""
    while os.read(0, 1):
        pass
    os._exit(1)


def _error_file(folder: Path, number: int) -> Path:
    return folder / f"{number}.error.json"
