"""Units of work: each is done once by any worker, and errors are reported."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from engines import ENGINES, engine
from joblib import Parallel, delayed

from tagfinder.configuration.executors.local import LocalExecutor
from tagfinder.configuration.executors.units import each_once, ready
from tagfinder.errors import InputError, WorkError

NAMES = [f"{number:03}" for number in range(6)]


def note(folder: Path, name: str) -> dict[str, object]:
    """Leave a line for each time that a unit is done."""
    with (folder / "log").open("a") as log:
        log.write(f"{name}\n")
    time.sleep(0.01)
    return {"name": name, "process": os.getpid()}


def refuse(_folder: Path, name: str) -> dict[str, object]:
    if name == NAMES[2]:
        raise InputError("column text of 002 holds numbers")
    return {}


def die_once(folder: Path, name: str) -> dict[str, object]:
    if name == NAMES[1] and not (folder / "died").exists():
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return note(folder, name)


def always_die(_folder: Path, _name: str) -> dict[str, object]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def fail_once(folder: Path, name: str) -> dict[str, object]:
    if name == NAMES[3] and not (folder / "failed").exists():
        (folder / "failed").touch()
        raise WorkError("the disk is full")
    return note(folder, name)


@pytest.mark.parametrize("name", ENGINES)
def test_each_engine_does_each_unit_once_and_passes_errors_on(name: str, tmp_path: Path) -> None:
    with engine(name, tmp_path) as executor:
        facts = each_once(executor, tmp_path / "units", ready(note, tmp_path), NAMES, "noting")
        assert [fact["name"] for fact in facts] == NAMES
        assert sorted((tmp_path / "log").read_text().split()) == NAMES
        others = {fact["process"] for fact in facts} != {os.getpid()}
        assert others == (name != "this process")
        with pytest.raises(InputError, match="column text of 002 holds numbers"):
            each_once(executor, tmp_path / "bad", ready(refuse, tmp_path), NAMES, "refusing")


def test_an_interrupted_call_does_the_missing_units(tmp_path: Path) -> None:
    call = partial(
        *(each_once, LocalExecutor(jobs=1), tmp_path / "units"),
        *(ready(fail_once, tmp_path), NAMES, "failing"),
    )
    with pytest.raises(WorkError, match="the disk is full"):
        call()
    done = (tmp_path / "log").read_text().split()
    assert done == NAMES[:3]
    call()
    assert (tmp_path / "log").read_text().split() == NAMES
    call()  # nothing is missing
    assert (tmp_path / "log").read_text().split() == NAMES


def test_the_units_of_a_killed_worker_are_done_by_another(tmp_path: Path) -> None:
    make = ready(die_once, tmp_path)
    facts = each_once(LocalExecutor(jobs=2), tmp_path / "units", make, NAMES, "dying")
    assert [fact["name"] for fact in facts] == NAMES
    # A unit that the other worker was doing may have been started twice.
    assert set((tmp_path / "log").read_text().split()) == set(NAMES)


def test_workers_that_always_die_are_an_error(tmp_path: Path) -> None:
    make = ready(always_die, tmp_path)
    with pytest.raises(WorkError, match="lost again and again"):
        each_once(LocalExecutor(jobs=2), tmp_path / "units", make, NAMES[:2], "dying")


def test_two_calls_share_the_units(tmp_path: Path) -> None:
    found: list[list[dict[str, object]]] = []

    def call() -> None:
        make = ready(note, tmp_path)
        found.append(each_once(LocalExecutor(jobs=1), tmp_path / "units", make, NAMES, "both"))

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1] == found[2]
    assert sorted((tmp_path / "log").read_text().split()) == NAMES


def test_a_wrong_number_of_jobs_and_a_cluster_that_is_not_there_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tagfinder.configuration.executors.slurm import SlurmExecutor

    with pytest.raises(InputError, match="executor.jobs is 0"):
        LocalExecutor(jobs=0)
    pytest.importorskip("submitit", reason="needs submitit")
    monkeypatch.setenv("PATH", "")
    settings = {"folder": str(tmp_path), "partition": None, "timeout_min": 1}
    with pytest.raises(InputError, match="finds no cluster here"):
        SlurmExecutor(jobs=1, cpus_per_task=1, mem_gb=1, **settings)  # type: ignore[arg-type]


def test_joblib_may_use_the_processes_afterwards() -> None:
    started = LocalExecutor(2).start(os.getpid, 2)
    assert all(one.result() != os.getpid() for one in started)
    assert Parallel(n_jobs=2)(delayed(abs)(number) for number in (-1, -2)) == [1, 2]
