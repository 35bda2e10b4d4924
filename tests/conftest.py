"""Fixtures that all tests share."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from base_folder import base_folder
from hypothesis import settings
from tally import ALL, table, write_table

# A busy machine is no failure.
settings.register_profile("default", deadline=None)
settings.load_profile("default")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real tweets and of the report's published numbers, if it exists."""
    folder = Path(os.environ.get("TAGFINDER_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no real tweets here ({folder}); set TAGFINDER_SHARED to their folder")
    return folder


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """Processes that have everything imported already, so that kills hit work and not imports.

    One server of processes serves a whole run of the tests, so it imports what all of them need.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            *(f"tagfinder.collect.{n}" for n in ("x", "mastodon", "jetstream", "run", "settings")),
            *("tagfinder.cli", "tagfinder.commands.collect", "tagfinder.recommend.teaching"),
            *("tagfinder.runs.train", "tagfinder.runs.corpus", "tagfinder.recommend.live"),
            *("hydra", "lightgbm", "tantivy"),
        ]
    )
    return context


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests share one cache of their own and leave the user's alone."""
    monkeypatch.setenv("TAGFINDER_CACHE", str(base_folder(tmp_path_factory) / "cache"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what became of the trials of faults."""
    if ALL:
        terminalreporter.section("faults")
        terminalreporter.write_line(table())
        write_table()
