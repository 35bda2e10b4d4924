"""Progress of a sweep: a live table on standard error, and `sweep.csv` as it grows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich import box
from rich.live import Live
from rich.table import Table

from tagfinder.errors import WorkError
from tagfinder.escaping import for_terminal
from tagfinder.files import read_json
from tagfinder.progress import console
from tagfinder.sweeping.records import (
    SWEEP_FILE,
    TRACE_FILE,
    JobRecord,
    records_in,
    write_sweep_file,
)

SECONDS_BETWEEN_LOOKS = 0.5
STYLES = {"ok": "green", "failed": "red", "pruned": "yellow", "stopped": "yellow"}


class Watch:
    """Looks at the folders of a sweep's runs, whichever process works in them, and reports changes.

    Args:
        sweep: the sweep's folder.
    """

    def __init__(self, sweep: Path) -> None:
        self.sweep = sweep
        self._records: dict[Path, JobRecord] = {}
        self._ended = threading.Event()
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self.sweep.mkdir(parents=True, exist_ok=True)
        if self._live:
            self._live.start()
        self._thread.start()

    def end(self) -> None:
        """Look a last time; no run is at work any more."""
        self._ended.set()
        self._thread.join()
        self._look()
        if self._live:
            self._live.stop()

    @property
    def failed(self) -> dict[Path, JobRecord]:
        """The runs that failed."""
        return {f: record for f, record in self._records.items() if record.status == "failed"}

    def _watch(self) -> None:
        while not self._ended.wait(SECONDS_BETWEEN_LOOKS):
            self._look()

    def _look(self) -> None:
        records = records_in(self.sweep)
        if records and records != self._records:
            write_sweep_file(self.sweep, records)
            if not self._live:
                _tell_changes(self._records, records)
        self._records = records
        if self._live:
            self._live.update(table_of(records), refresh=True)


class WatchSweep(Callback):
    """Hydra's hook for a sweep's beginning, where its folder becomes known."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Begin to watch."""
        _begun.append(Watch(Path(config.hydra.sweep.dir)))
        _begun[-1].start()


# Launchers send Hydra's callbacks to other processes, so that the thread is not kept in one.
_begun: list[Watch] = []


@contextmanager
def watched() -> Iterator[None]:
    """Watch the sweep that begins within the block, if one does.

    Raises:
        WorkError: runs failed; names them.
    """
    before = len(_begun)
    try:
        yield
    finally:
        watches = _begun[before:]
        del _begun[before:]
        for watch in watches:
            watch.end()
    for watch in watches:
        click.echo(watch.sweep / SWEEP_FILE)
        raise_failures(watch)


def raise_failures(watch: Watch) -> None:
    """Raise an error that lists what failed, if anything did."""
    if watch.failed:
        lines = [
            f"  {' '.join(record.overrides)}: {record.error} ({folder / TRACE_FILE})"
            for folder, record in watch.failed.items()
        ]
        count = f"{len(lines)} run{'s' if len(lines) > 1 else ''}"
        raise WorkError(f"{count} of {watch.sweep} failed:\n" + "\n".join(lines))


def table_of(records: dict[Path, JobRecord]) -> Table:
    """Return a table with a row for each run, and the overrides in which they differ."""
    lists = [record.overrides for record in records.values()]
    common = set.intersection(*map(set, lists)) if len(lists) > 1 else set()
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("run", ratio=1, overflow="fold")
    table.add_column("status")
    table.add_column("best NDCG@5", justify="right")
    table.add_column("s", justify="right")
    for folder, record in records.items():
        score = best_so_far(folder) if record.score is None else record.score
        table.add_row(
            " ".join(o for o in record.overrides if o not in common),
            f"[{STYLES.get(record.status, 'default')}]{record.status}[/]",
            "" if score is None else f"{score:.4f}",
            f"{record.seconds:,.1f}" if record.seconds else "",
        )
    return table


def best_so_far(folder: Path) -> float | None:
    """Return the best validation NDCG@5 of a run that is at work."""
    history = folder / "history.json"
    if not history.is_file():
        return None
    scores = [epoch["val/ndcg@5"] for epoch in read_json(history) if "val/ndcg@5" in epoch]
    return max(scores, default=None)


def _tell_changes(before: dict[Path, JobRecord], now: dict[Path, JobRecord]) -> None:
    for folder, record in now.items():
        if record.status != "running" and before.get(folder) != record:
            score = "" if record.score is None else f" NDCG@5 {record.score:.4f}"
            error = f": {record.error}" if record.error else ""
            run = " ".join(record.overrides)
            line = f"{record.status}{score} {record.seconds:.1f} s {run}{error}"
            click.echo(for_terminal(line), err=True)
