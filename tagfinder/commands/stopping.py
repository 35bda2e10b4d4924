"""SIGTERM ends a command within seconds at any point of its work."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Time for what is open to be closed; what is written later is lost, as by a kill.
GRACE_SECONDS = 3.0
SECONDS_UNTIL_AGAIN = 0.05
EXIT_CODE = 128 + signal.SIGTERM
# No event: a handler that interrupts a handler would wait for the lock that the first one holds.
_received: set[int] = set()


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, and the process where that takes too long.

    Python runs a handler between two of its own steps, which a solver's loop of minutes does not
    come to. The signal also wakes a thread, which ends the process after `GRACE_SECONDS`; files are
    complete or absent at any moment, so that nothing is lost. A command that has its own way to end
    (collect, serve) replaces the handler meanwhile.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    threading.Thread(target=_end_late, args=(reader,), daemon=True).start()
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, _end)
    hook, sys.unraisablehook = sys.unraisablehook, _end_again
    _received.clear()
    try:
        yield
    except SystemExit as stop:
        if _received:
            leave_at_once(stop.code)
        raise
    finally:
        sys.unraisablehook = hook
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.set_wakeup_fd(before)
        os.close(writer)


def _end(number: int, frame: FrameType | None) -> None:
    _received.add(number)
    raise SystemExit(EXIT_CODE)


def _end_again(ignored: sys.UnraisableHookArgs) -> None:
    """Send SIGTERM again if it came where Python ignores exceptions, as in `__del__`."""
    if ignored.exc_type is SystemExit and _received:
        # A little later: now, the handler would raise in here.
        target = (threading.get_ident(), signal.SIGTERM)
        again = threading.Timer(SECONDS_UNTIL_AGAIN, signal.pthread_kill, target)
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(ignored)


def leave_at_once(code: object) -> None:
    """End the process after what must be done at exit."""
    try:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:
        os._exit(code if isinstance(code, int) else EXIT_CODE)


def _end_late(reader: int) -> None:
    while received := os.read(reader, 64):
        if signal.SIGTERM in received:
            time.sleep(GRACE_SECONDS)
            os._exit(EXIT_CODE)
    os.close(reader)


def _hold() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _go_on() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _leave() -> None:
    if signal.getsignal(signal.SIGTERM) is _end:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _go_on()


# A forked worker has the pipe, too: ended at any moment, it is not to end its parent.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold, after_in_parent=_go_on, after_in_child=_leave)
