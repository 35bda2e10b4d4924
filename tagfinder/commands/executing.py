"""The options that choose the executor of work that is cut into units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
# As `configuration.executors.choice` has them, without importing it for the help.
NAMES = ("local", "slurm", "ray")


def executor_options(command: F) -> F:
    """Add `--executor`, `--jobs` and `--executor-setting`."""
    options = [
        click.option(
            "--executor",
            "executor_name",
            default="local",
            show_default=True,
            type=click.Choice(NAMES),
            help="Who does the files of a folder: processes here, Slurm jobs or Ray tasks.",
        ),
        click.option(
            "--jobs",
            type=click.IntRange(1),
            help="How many of them at a time; local takes one for each core.",
        ),
        click.option(
            "--executor-setting",
            "executor_settings",
            multiple=True,
            metavar="KEY=VALUE",
            help="A key of conf/executor/NAME.yaml, such as partition=gpu or address=auto.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command
