"""What every tracker is told of a run, and that it learns how the run ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pytorch_lightning.loggers import Logger


@runtime_checkable
class Tracker(Protocol):
    """A Lightning logger that also takes a run's configuration and its results.

    Metrics by epoch reach it from Lightning.
    """

    def begin(self, config: dict[str, Any], overrides: Sequence[str]) -> None:
        """Take the configuration, as plain values, before training begins."""

    def result(self, metrics: dict[str, Any], figures: Path) -> None:
        """Take all scores of a finished run and the folder of its figures."""

    def close(self, failed: bool) -> None:
        """End the run there; `failed` where it raised or was stopped."""


class Trackers:
    """The trackers among a trainer's loggers.

    Args:
        loggers: the ones that are no trackers are left alone.
    """

    def __init__(self, loggers: Sequence[Logger]) -> None:
        self.trackers = [logger for logger in loggers if isinstance(logger, Tracker)]

    def result(self, metrics: dict[str, Any], figures: Path) -> None:
        """Tell each tracker the results."""
        for tracker in self.trackers:
            tracker.result(metrics, figures)


@contextmanager
def tracked(
    loggers: Sequence[Logger], config: dict[str, Any], overrides: Sequence[str]
) -> Iterator[Trackers]:
    """Tell trackers of a run that the block makes, and how it ended."""
    trackers = Trackers(loggers)
    failed = True
    try:
        for tracker in trackers.trackers:
            tracker.begin(config, overrides)
        yield trackers
        failed = False
    finally:
        for tracker in trackers.trackers:
            tracker.close(failed)


def score_rows(metrics: dict[str, Any]) -> list[tuple[str, float | None, float | None]]:
    """Return each score with its validation and test value."""
    val, test = metrics["val"], metrics["test"]
    names = dict.fromkeys([*test, *val])
    return [(name, val.get(name), test.get(name)) for name in names]


def numbers(metrics: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """Return the numbers of nested metrics under names like `test/ndcg@5`."""
    found: dict[str, float] = {}
    for key, value in metrics.items():
        if isinstance(value, dict):
            found |= numbers(value, f"{prefix}{key}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[f"{prefix}{key}"] = value
    return found


def pictures(folder: Path) -> dict[str, Path]:
    """Return name -> PNG of the figures in a folder."""
    return {file.stem: file for file in sorted(folder.glob("*.png"))}
