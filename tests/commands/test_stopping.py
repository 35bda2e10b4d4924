"""SIGTERM ends a command within seconds, also in the middle of a long step of a library."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

WAITS = {
    "python": "time.sleep(60)",
    # A call that lets other threads run and never returns to Python: a lock that is taken twice.
    "library": "import ctypes; mutex = ctypes.create_string_buffer(64); c = ctypes.CDLL(None); "
    "c.pthread_mutex_lock(mutex); c.pthread_mutex_lock(mutex)",
}
CODE = """
import sys, time
from pathlib import Path
from tagfinder.commands.stopping import ended_by_sigterm
from tagfinder.files import atomic_path
with ended_by_sigterm():
    with atomic_path(Path(sys.argv[1]) / "result") as path:
        path.write_text("half")
        print("ready", flush=True)
        {wait}
"""


@pytest.mark.parametrize(("kind", "least"), [("python", 0), ("library", 2)])
def test_sigterm_ends_a_running_command(kind: str, least: float, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CODE.format(wait=WAITS[kind]), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        time.sleep(0.5)  # until it is in the call
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
    assert least <= time.monotonic() - began < 8
    assert not (tmp_path / "result").exists()


def test_leaving_takes_no_longer_than_the_work_and_does_what_is_due(tmp_path: Path) -> None:
    """What libraries do while the interpreter is taken down may take long."""
    code = (
        "import atexit, sys, time\n"
        "from tagfinder.commands.stopping import ended_by_sigterm\n"
        "class Slow:\n"
        "    def __del__(self): time.sleep(30)\n"
        "slow = Slow()\n"
        "atexit.register(print, 'due')\n"
        "with ended_by_sigterm():\n"
        "    print('ready', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
        assert process.stdout.read() == "due\n"


def test_a_forked_worker_that_is_stopped_leaves_its_parent_alone(tmp_path: Path) -> None:
    code = (
        "import multiprocessing, time\n"
        "from tagfinder.commands.stopping import ended_by_sigterm\n"
        "with ended_by_sigterm():\n"
        "    worker = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))\n"
        "    worker.start(); worker.terminate(); worker.join(10)\n"
        "    time.sleep(5)\n"
        "    print(worker.exitcode)\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, f"{-signal.SIGTERM}\n"), done.stderr


@pytest.mark.parametrize("place", ["__del__", "a callback"])
def test_a_signal_that_comes_where_exceptions_are_ignored_is_not_lost(place: str) -> None:
    code = (
        "import os, signal, time, weakref\n"
        "from tagfinder.commands.stopping import ended_by_sigterm\n"
        "def interrupt(*_): os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.1)\n"
        "class Interrupting:\n"
        f"    __del__ = interrupt if {place == '__del__'} else lambda self: None\n"
        "with ended_by_sigterm():\n"
        "    one = Interrupting()\n"
        "    reference = weakref.ref(one, interrupt)\n"
        "    try:\n"
        "        del one\n"
        "        time.sleep(60)\n"
        "    finally:\n"
        "        print('cleaned')\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGTERM, "cleaned\n", "")
