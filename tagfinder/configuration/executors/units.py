"""Units of work, each done once by any worker, and again only if it was not completed.

A unit has a name. Its worker holds the lock `NAME.lock` while it works and writes `NAME.json` when
it has ended: what the unit found out, as plain data. The operating system lets go of the lock of a
process that dies. All workers have to see the folder, and locks on it have to work (NFS 4, Lustre
with flock, or one machine).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from tagfinder.configuration.executors import Executor
from tagfinder.errors import InputError, TagFinderError, WorkError
from tagfinder.files import read_json, write_json
from tagfinder.progress import track

Facts = dict[str, Any]
POLL_SECONDS = 0.05
# Workers that are lost one after the other, without a unit done between, before it is an error.
MOST_LOST = 3


def each_once(
    executor: Executor,
    folder: Path,
    make: Callable[[], Callable[[str], Facts]],
    names: Sequence[str],
    description: str,
) -> list[Facts]:
    """Do the units that are not done yet and return what all of them found out, in their order.

    Args:
        executor: starts the workers.
        folder: of locks and markers; the units of one call have it for themselves.
        make: called once in each worker, returns the function that does a unit by its name; what
            it loads, such as a model, is loaded once. Can be pickled. A unit that was cut off is
            done again from its beginning.
        names: the units.
        description: for the progress display.

    Raises:
        TagFinderError: as a unit raised it.
        WorkError: workers are lost again and again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = track(_as_they_end(executor, folder, make, names), description, total=len(names))
    for _ in done:
        pass
    return [read_json(_marker(folder, name)) for name in names]


def ready(function: Callable[..., Facts], *arguments: Any) -> Callable[[], Callable[[str], Facts]]:
    """Return a `make` for a function of some arguments and the name, with nothing to load."""
    return partial(partial, function, *arguments)


def _as_they_end(
    executor: Executor,
    folder: Path,
    make: Callable[[], Callable[[str], Facts]],
    names: Sequence[str],
) -> Any:
    """Yield once for each unit that has ended."""
    waiting, lost = list(names), 0
    while waiting:
        free = [name for name in waiting if not _is_ended(folder, name) and _is_free(folder, name)]
        if free:
            at_first = len(waiting)
            worker = partial(_work, folder, make, free)
            handles = executor.start(worker, len(free))
            while True:
                running = [handle for handle in handles if not handle.done()]
                ended, waiting = _ended(folder, waiting)
                yield from ended
                # Slurm may not tell of a job's end for a while after its last unit.
                if not (running and waiting):
                    break
                time.sleep(POLL_SECONDS)
            problem = _problem_of([handle for handle in handles if handle.done()])
            lost = lost + 1 if problem and len(waiting) == at_first else 0
            if problem and lost >= MOST_LOST:
                raise WorkError(f"workers are lost again and again: {problem}")
        else:
            # Another call works on the remaining units.
            time.sleep(POLL_SECONDS)
            ended, waiting = _ended(folder, waiting)
            yield from ended


def _ended(folder: Path, names: list[str]) -> tuple[list[str], list[str]]:
    is_ended = {name: _is_ended(folder, name) for name in names}
    return [n for n in names if is_ended[n]], [n for n in names if not is_ended[n]]


def _problem_of(handles: Sequence[Any]) -> str | None:
    """Raise what a unit raised; return what became of a worker that was lost."""
    problem = None
    for handle in handles:
        try:
            failure = handle.result()
        except TagFinderError:
            raise
        except Exception as error:
            problem = " ".join(str(error).split())[-300:] or type(error).__name__
        else:
            if failure is not None:
                kind, message = failure
                raise (InputError if kind == InputError.__name__ else WorkError)(message)
    return problem


def _work(
    folder: Path, make: Callable[[], Callable[[str], Facts]], names: list[str]
) -> tuple[str, str] | None:
    """Do units until none is free; return kind and message of what stopped it, if anything did.

    An exception of ours is returned, because not every engine passes it on unchanged.
    """
    do: Callable[[str], Facts] | None = None
    for name in names:
        try:
            with FileLock(_lock(folder, name), timeout=0):
                if not _is_ended(folder, name):
                    do = do or make()
                    write_json(_marker(folder, name), do(name))
        except Timeout:
            continue
        except TagFinderError as error:
            return type(error).__name__, str(error)
    return None


def _is_free(folder: Path, name: str) -> bool:
    try:
        with FileLock(_lock(folder, name), timeout=0):
            return True
    except Timeout:
        return False


def _is_ended(folder: Path, name: str) -> bool:
    return _marker(folder, name).is_file()


def _marker(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _lock(folder: Path, name: str) -> Path:
    return folder / f"{name}.lock"
